"""Music and sounds to learn from that no corpus has: free ones out of Debian's packages, and music made by a synthesiser.

    python sounds.py --packages packages --out sounds

Needs apt, dpkg, unzip and fluidsynth, as Debian 12 has them. Packages are downloaded and unpacked, not installed. Writes
excerpts as FLAC and sounds.csv (path, kind, licence, source). What Silero hears speech in is left out, because nobody labelled it.
"""

import argparse
import csv
import hashlib
import random
import subprocess
import tempfile
from pathlib import Path

import soundfile
import soxr

from packages import unpacked
from silero import RATE, Silero

# Package, files in it, kind, licence of these files according to the package's copyright file.
PACKAGES = [
    ("wesnoth-1.16-music", "**/music/*.ogg", "game_music", "GPL-2+"),
    ("singularity-music", "**/music/**/*.ogg", "game_music", "CC-BY-SA-3.0, GPL-2+"),
    ("supertux-data", "**/music/**/*.ogg", "game_music", "GPL-3+, CC-BY-SA-3.0+"),
    ("supertux-data", "**/sounds/**/*.wav", "game_sounds", "GPL-3+, CC-BY-SA-3.0+"),
    ("extremetuxracer-data", "**/music/*.ogg", "game_music", "GPL-2+"),
    ("extremetuxracer-data", "**/sounds/*.wav", "game_sounds", "GPL-2+"),
    ("lincity-ng-data", "**/music/**/*.ogg", "game_music", "GPL-2+"),
    ("lincity-ng-data", "**/sounds/*.wav", "game_sounds", "GPL-2+"),
    ("frozen-bubble-data", "**/snd/*.ogg", "game_music", "GPL-2"),
    ("minetest-data", "**/sounds/*.ogg", "game_sounds", "CC-BY-SA-3.0, CC0-1.0"),
    ("sound-theme-freedesktop", "**/stereo/*.oga", "interface_sounds", "CC-BY-SA-3.0, GPL-2+"),
    ("tuxpaint-stamps-default", "**/stamps/animals/**/*.ogg", "animal_sounds", "GPL-2"),
    ("wesnoth-1.16-data", "**/core/sounds/**/[!degho]*.*", "fight_sounds", "GPL-2+"),
    ("wesnoth-1.16-data", "**/core/sounds/**/[degho]*.*", "creature_sounds", "GPL-2+"),
    ("tuxpaint-stamps-default", "**/stamps/[!as]*/**/*.ogg", "household_sounds", "GPL-2"),
    ("0ad-data", "**/audio/actor/fauna/**/*.ogg", "animal_sounds", "CC-BY-SA-3.0"),
    ("0ad-data", "**/audio/ambient/**/*.ogg", "ambience", "CC-BY-SA-3.0"),
    ("0ad-data", "**/audio/resource/**/*.ogg", "work_sounds", "CC-BY-SA-3.0"),
    ("0ad-data", "**/audio/attack/**/*.ogg", "fight_sounds", "CC-BY-SA-3.0"),
    ("0ad-data", "**/audio/actor/human/death/*.ogg", "creature_sounds", "CC-BY-SA-3.0"),
    ("0ad-data", "**/audio/music/*.ogg", "game_music", "CC-BY-SA-3.0"),
    ("widelands-data", "**/sound/animals/*.ogg", "animal_sounds", "GPL-2+"),
    ("widelands-data", "**/sound/farm/*.ogg", "animal_sounds", "GPL-2+"),
    ("widelands-data", "**/sound/[!abf]*/*.ogg", "work_sounds", "GPL-2+"),
    ("widelands-data", "**/sound/atlanteans/**/*.ogg", "work_sounds", "GPL-2+"),
    ("unknown-horizons", "**/audio/music/**/*.ogg", "game_music", "CC-BY-SA-3.0"),
    ("unknown-horizons", "**/audio/sounds/**/*.ogg", "game_sounds", "CC-BY-SA-3.0"),
    ("megaglest-data", "**/tilesets/**/sounds/*.*", "ambience", "CC-BY-SA-3.0"),
    ("megaglest-data", "**/sounds/[cps][oih][wge]*.wav", "animal_sounds", "CC-BY-SA-3.0"),
    ("megaglest-data", "**/sounds/*_die*.wav", "creature_sounds", "CC-BY-SA-3.0"),
    ("ufoai-sound", "**/ambience/*.ogg", "ambience", "GPL-2+, CC-BY-3.0, CC-BY-SA-3.0"),
    ("ufoai-sound", "**/sound/[dmu]*/*.ogg", "game_sounds", "GPL-2+, CC-BY-3.0, CC-BY-SA-3.0"),
    ("ufoai-sound", "**/sound/aliens/**/*.ogg", "creature_sounds", "GPL-2+, CC-BY-3.0, CC-BY-SA-3.0"),
    ("ufoai-sound", "**/sound/civilians/*.ogg", "creature_sounds", "GPL-2+, CC-BY-3.0, CC-BY-SA-3.0"),
    ("warzone2100-data", "**/audio/sfx/**/*.ogg", "machines", "GPL-2+"),
    ("searchandrescue-data", "**/sounds/**/*.wav", "machines", "GPL"),
    ("colobot-common-sounds", "**/sounds/*.wav", "machines", "GPL-3+"),
    ("flare-game", "**/soundfx/environment/*.ogg", "ambience", "CC-BY-SA-3.0+"),
    ("flare-game", "**/soundfx/enemies/*.ogg", "creature_sounds", "CC-BY-SA-3.0+"),
    ("lugaru-data", "**/Sounds/*.ogg", "fight_sounds", "CC-BY-SA-3.0"),
    ("tuxfootball", "**/crowd*.wav", "crowd", "GPL-2+"),
    ("etw-data", "**/crowd/*.wav", "crowd", "GPL-2+"),
    ("focuswriter", "**/sounds/*.wav", "keys", "GPL-3+"),
    ("bucklespring-data", "**/wav/*.wav", "keys", "GPL-2+"),
    ("asterisk-moh-opsound-wav", "**/moh/**/*.wav", "game_music", "CC-BY-SA-3.0"),
    ("sonic-pi-samples", "**/samples/vinyl_*.flac", "vinyl", "CC0-1.0"),
    ("sonic-pi-samples", "**/samples/ambi_[!c]*.flac", "ambience", "CC0-1.0"),
    ("sonic-pi-samples", "**/samples/[gl][lo]*_*.flac", "music_loop", "CC0-1.0"),
    ("sonic-pi-samples", "**/samples/[bdept][delar]*_*.flac", "percussion", "CC0-1.0"),
]
MIDI_PACKAGE = ("openttd-openmsx", "**/*.mid", "midi_music", "GPL-2")
SOUND_FONT = ("timgm6mb-soundfont", "**/*.sf2")

EXCERPT_SECONDS, MOST_EXCERPTS = 15, 2
# Maximum number of files used from a package, evenly spaced by name: for music, and for short sounds.
MOST_FILES, MOST_SHORT = 24, 120
SHORT = {"ambience", "animal_sounds", "creature_sounds", "crowd", "fight_sounds", "keys", "machines", "percussion", "work_sounds"}
# Maximum fraction of an excerpt in which Silero may hear speech.
MOST_SPEECH = 0.03
N_PIECES, PIECE_SECONDS, SEED = 160, 10, 1

SCALES = {
    "major": [0, 2, 4, 5, 7, 9, 11],
    "minor": [0, 2, 3, 5, 7, 8, 10],
    "dorian": [0, 2, 3, 5, 7, 9, 10],
    "pentatonic": [0, 3, 5, 7, 10],
    "whole tone": [0, 2, 4, 6, 8, 10],
}
# General MIDI, without its voices (53 to 55, 86 and 92, counted from 1).
PROGRAMS = [program for program in range(120) if program not in {52, 53, 54, 85, 91}]
TICKS = 480


def variable(value):
    """A MIDI quantity of variable length."""
    out = [value & 127]
    while value := value >> 7:
        out.insert(0, 128 | value & 127)
    return bytes(out)


def midi(events, bpm):
    """A file of one track from (tick, bytes)."""
    track, now = b"\0\xff\x51\x03" + int(6e7 / bpm).to_bytes(3, "big"), 0
    for tick, message in sorted(events):
        track += variable(tick - now) + message
        now = tick
    track += b"\0\xff\x2f\0"
    return b"MThd\0\0\0\6\0\0\0\1" + TICKS.to_bytes(2, "big") + b"MTrk" + len(track).to_bytes(4, "big") + track


def note(events, channel, start, length, key, velocity):
    if 0 <= key < 128:
        events.append((int(start), bytes([0x90 | channel, key, velocity])))
        events.append((int(start + length), bytes([0x80 | channel, key, 0])))


def piece(draw):
    """A random piece: a melody, and by chance chords, a bass and drums; some melodies slide and swell as a voice would."""
    bpm = draw.uniform(55, 175)
    beats = int(PIECE_SECONDS * bpm / 60)
    scale = draw.choice(list(SCALES.values()))
    tonic = draw.randrange(40, 64)
    degree = lambda index: tonic + 12 * (index // len(scale)) + scale[index % len(scale)]
    events = [(0, bytes([0xC0 | channel, draw.choice(PROGRAMS)])) for channel in range(2)]
    events.append((0, bytes([0xC2, draw.randrange(32, 40)])))
    parts = draw.choice(["m", "m", "mc", "mcb", "mcbd", "mbd", "cbd", "c", "d", "md"])
    if "m" in parts:
        at, place = 0.0, draw.randrange(7, 14)
        lengths = draw.choice([[0.25, 0.5], [0.5, 1], [0.5, 0.5, 1, 2], [0.25, 0.25, 0.5, 1.5], [1, 2, 4], [1 / 3, 2 / 3]])
        slides, rests = draw.random() < 0.35, draw.uniform(0, 0.3)
        while at < beats:
            length = draw.choice(lengths)
            place = min(max(place + draw.choice([-2, -1, -1, 0, 1, 1, 2, 4, -4]), 3), 18)
            if draw.random() >= rests:
                note(events, 0, at * TICKS, length * TICKS * draw.uniform(0.4, 1.0), degree(place), draw.randrange(50, 125))
                if slides:
                    for part in range(8):
                        tick = int((at + length * part / 8) * TICKS)
                        bend = min(max(int(8192 + draw.uniform(-1, 1) * 3000), 0), 16383)
                        events.append((tick, bytes([0xE0, bend & 127, bend >> 7])))
                        events.append((tick, bytes([0xB0, 11, draw.randrange(50, 127)])))
            at += length
    roots = [draw.randrange(0, 7) for _ in range(4)]
    broken = draw.random() < 0.5
    for bar in range(0, beats, 4):
        root = roots[bar // 4 % 4]
        if "c" in parts:
            for index, third in enumerate([0, 2, 4, draw.choice([6, 7])]):
                start = bar + (index if broken else 0)
                note(events, 1, start * TICKS, (1 if broken else 4) * TICKS * 0.95, degree(root + third), draw.randrange(45, 100))
        if "b" in parts:
            for beat in range(4):
                note(events, 2, (bar + beat) * TICKS, TICKS * 0.8, degree(root) - 24, draw.randrange(60, 110))
        if "d" in parts:
            for eighth in range(8):
                for key, chance in [(36, 0.9 if eighth % 4 == 0 else 0.15), (38, 0.9 if eighth % 4 == 2 else 0.1), (42, 0.7), (draw.randrange(35, 82), 0.1)]:
                    if draw.random() < chance:
                        note(events, 9, (bar + eighth / 2) * TICKS, 60, key, draw.randrange(50, 120))
    return midi(events, bpm)


def evenly(paths, most):
    """At most so many of them."""
    paths = sorted(path for path in paths if path.suffix in {".ogg", ".oga", ".wav", ".flac"} and "_desc" not in path.stem)
    step = max(1.0, len(paths) / most)
    return [paths[int(index * step)] for index in range(min(len(paths), most))]


def excerpts(path):
    """Up to MOST_EXCERPTS parts of a recording, evenly over it: mono samples at RATE."""
    with soundfile.SoundFile(path) as sound:
        length = EXCERPT_SECONDS * sound.samplerate
        n = min(MOST_EXCERPTS, max(1, sound.frames // length))
        for part in range(n):
            sound.seek(max(sound.frames - length, 0) * part // n)
            mono = sound.read(length, dtype="float32", always_2d=True).mean(axis=1)
            yield soxr.resample(mono, sound.samplerate, RATE)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--packages", type=Path, required=True, help="folder for unpacked packages, which are used again if they are there")
    arguments = parser.parse_args()
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    silero, lines, seen, n_left_out = Silero(), [], set(), 0

    def keep(path, kind, licence, source):
        nonlocal n_left_out
        for part in excerpts(path):
            # Packages contain the same sound several times under different names.
            if not len(part) or abs(part).max() < 1e-3 or (digest := hashlib.sha256(part).digest()) in seen:
                continue
            seen.add(digest)
            heard = silero.times(silero.probabilities([part])[0], len(part))
            if sum(end - start for start, end in heard) > MOST_SPEECH * len(part) / RATE:
                n_left_out += 1
                continue
            name = f"{kind}/{source.split('/')[0].split(' ')[0]}_{path.stem}_{len(lines)}.flac".replace(" ", "-")
            (out / kind).mkdir(exist_ok=True)
            soundfile.write(out / name, part.clip(-1, 1), RATE)
            lines.append([name, kind, licence, source])

    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        font = next(unpacked(SOUND_FONT[0], arguments.packages)[0].glob(SOUND_FONT[1]))

        def render(score, kind, licence, source):
            sound = work / f"{score.stem}.wav"
            subprocess.run(["fluidsynth", "-ni", "-q", "-g", "0.6", "-r", "44100", "-F", sound, font, score], check=True, capture_output=True)
            keep(sound, kind, licence, source)
            sound.unlink()

        draw = random.Random(SEED)
        for index in range(N_PIECES):
            score = work / f"piece-{index:03}.mid"
            score.write_bytes(piece(draw))
            render(score, "synthesised_music", "CC0-1.0, sound font GPL-2", f"sounds.py, {SOUND_FONT[0]}")
        for package, pattern, kind, licence in PACKAGES:
            folder, version = unpacked(package, arguments.packages)
            for path in evenly(folder.glob(pattern), MOST_SHORT if kind in SHORT else MOST_FILES):
                keep(path, kind, licence, f"{package} {version}")
        package, pattern, kind, licence = MIDI_PACKAGE
        folder, version = unpacked(package, arguments.packages)
        for path in sorted(folder.glob(pattern)):
            render(path, kind, licence, f"{package} {version}, {SOUND_FONT[0]}")
    with (out / "sounds.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["path", "kind", "licence", "source"])
        writer.writerows(lines)
    print(f"{len(lines)} excerpts, {n_left_out} left out because Silero hears speech in them")


if __name__ == "__main__":
    main()
