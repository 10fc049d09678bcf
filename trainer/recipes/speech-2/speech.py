"""Speech by many people in many languages, out of Debian's packages of free games, lessons and telephone prompts.

    python speech.py --packages packages --out speech

Needs apt, dpkg and unzip, as Debian 12 has them. Packages are downloaded and unpacked, not installed. Writes the recordings as FLAC at 16 kHz and
speech.csv, a manifest, and sources.csv: recordings by language and package, for attribution. Nobody listened to them: kept are those in which Silero hears speech most of the time. They have no emotion; the manifest
says neutral, because it has to say something.
"""

import argparse
import csv
import hashlib
import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import soundfile
import soxr

from packages import unpacked
from silero import RATE, Silero

# Package, files in it, language where the path does not name it, licence of these files according to the package's copyright file. Where the
# expression has a group `speaker` or `language`, it tells the speakers of a package apart.
PACKAGES = [
    *[
        (f"asterisk-core-sounds-{language}-wav", r"/sounds/", language, licence)
        for language, licence in [("en", "CC-BY-SA-3.0"), ("es", "CC-BY-SA-3.0"), ("fr", "CC-BY-SA-3.0"), ("it", "CC-BY-3.0"), ("ru", "CC-BY-3.0")]
    ],
    ("asterisk-prompt-it-menardi-wav", r"/sounds/", "it", "CC-BY-SA-3.0"),
    ("asterisk-prompt-es-co", r"/sounds/", "es", "GPL-2"),
    ("asterisk-prompt-fr-armelle", r"/sounds/", "fr", "BSD"),
    ("fillets-ng-data-cs", r"/cs/[^-]+-(?P<speaker>[mv])-", "cs", "GPL-2"),
    ("fillets-ng-data-nl", r"/nl/[^-]+-(?P<speaker>[mv])-", "nl", "GPL-2"),
    ("ktuberling-data", r"/sounds/(?P<language>[^/@]+)[^/]*/", None, "GPL-2+"),
    ("klettres-data", r"/klettres/(?P<language>[^/]+)/(alpha|syllab)/", None, "GPL-2+"),
    ("kajongg", r"/voices/(?P<speaker>(fe)?male\d)/", "en", "GPL-2+"),
    ("kajongg", r"/voices/de/(?P<speaker>(fe)?male\d)/", "de", "GPL-2+"),
    # Its other languages are probably synthesised: they have 24 kHz and no noise at all.
    ("qabcs-data", r"/abcs/(?P<language>en|uk)/sounds/words/", None, "GPL-3+"),
    ("gcin-voice", r"/(?P<speaker>3)\.ogg", "zh", "GPL-3"),
    ("gcin-voice", r"/(?P<speaker>5)\.ogg", "zh", "CC-BY-3.0"),
    ("tuxpaint-stamps-default", r"_desc\.", "en", "GPL-2"),
    ("tuxpaint-stamps-default", r"_desc_(?P<language>[A-Za-z_]+)\.", None, "GPL-2"),
    ("tuxpaint-stamps-default", r"/(?P<speaker>math)/\d_(?P<language>(?!desc)[A-Za-z]+)", None, "GPL-2"),
    ("planetblupi-common", r"/sound/(?P<language>[^/]+)/", None, "GPL-3+"),
    ("unknown-horizons", r"/voice/(?P<language>[^/]+)/", None, "CC-BY-SA-3.0"),
    ("festvox-ru", r"/wav/", "ru", "BSD"),
    *[
        ("0ad-data", rf"/voice/{people}/civ/civ_(?P<speaker>(fe)?male)", language, "CC-BY-SA-3.0")
        for people, language in [("greek", "grc"), ("latin", "la"), ("persian", "fa"), ("napatan", "xmr")]
    ],
    ("megaglest-data", r"/(?!behemoth|chicken|cow|daemon|golem|mummy|pig)(?P<speaker>[a-z_]+?)_(ack|select)\d*\.", "en", "CC-BY-SA-3.0"),
    ("warzone2100-data", r"/audio/(taunts/)?(?P<speaker>tutorial|memressp|countdown|nexus|trnsppil|vtoltalk|taunt\d)/", "en", "GPL-2+"),
    ("boswars-data", r"/(?P<speaker>tutorial|units)/", "en", "GPL-2+"),
    ("saytime", r"/saytime/", "en", "GPL"),
    ("csmash-data", r"/wav/", "en", "GPL-2+"),
    ("brewtarget", r"/sounds/", "en", "GPL-3+"),
    ("scid-data", r"/sounds/", "en", "GPL-2"),
    ("alsa-utils", r"/sounds/", "en", "GPL-2"),
    ("codec2-examples", r"/(?P<speaker>[^/]+)\.wav", "en", "LGPL-2.1"),
    ("pocketsphinx-testdata", r"/(?P<speaker>cards|librivox)/", "en", "BSD-2-Clause"),
]
SUFFIXES = {".wav", ".ogg", ".oga", ".au", ".gsm"}
# Maximum number of files of a speaker, evenly spaced by name; shortest and longest file, seconds.
MOST_FILES, SHORTEST, LONGEST = 120, 0.4, 20.0
# Minimum speech that Silero hears in a file: fraction of its length, and seconds.
LEAST_PART, LEAST_SECONDS = 0.4, 0.3
# Every DEV_EACH-th speaker is for the dev split.
DEV_EACH = 7
HEADER = ["path", "corpus", "speaker", "gender", "emotion", "language", "duration_s", "sha256", "split", "licence", "source"]


def read(path):
    """Mono samples at RATE; none if the file is empty or not sound."""
    # Telephone prompts of this kind have no header.
    how = {"channels": 1, "samplerate": 8000, "subtype": "GSM610", "format": "RAW"} if path.suffix == ".gsm" else {}
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True, **how)
    except soundfile.LibsndfileError:
        return np.zeros(0, dtype=np.float32)
    return soxr.resample(samples.mean(axis=1), rate, RATE)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--packages", type=Path, required=True, help="folder for unpacked packages, which are used again if they are there")
    arguments = parser.parse_args()
    out = arguments.out
    silero, lines, seen, n_left_out = Silero(), defaultdict(list), set(), 0
    for package, expression, language, licence in PACKAGES:
        folder, version = unpacked(package, arguments.packages)
        speakers = defaultdict(list)
        for path in sorted(folder.rglob("*")):
            inside = "/" + path.relative_to(folder).as_posix()
            if path.suffix in SUFFIXES and not path.is_symlink() and (match := re.search(expression, inside)):
                groups = match.groupdict()
                tag = groups.get("language") or language
                speakers["-".join(filter(None, [package, tag, groups.get("speaker")])), tag.split("_")[0]].append(path)
        for (speaker, spoken), paths in speakers.items():
            step = max(1.0, len(paths) / MOST_FILES)
            chosen = [paths[int(index * step)] for index in range(min(len(paths), MOST_FILES))]
            clips = [(path, clip) for path in chosen if SHORTEST * RATE <= len(clip := read(path)) <= LONGEST * RATE]
            answers = silero.probabilities([clip for _, clip in clips]) if clips else []
            for index, ((path, clip), answer) in enumerate(zip(clips, answers)):
                seconds = len(clip) / RATE
                if sum(end - start for start, end in silero.times(answer, len(clip))) < max(LEAST_SECONDS, LEAST_PART * seconds):
                    n_left_out += 1
                    continue
                name = f"{speaker}/{index:03}.flac"
                (out / speaker).mkdir(parents=True, exist_ok=True)
                soundfile.write(out / name, clip.clip(-1, 1), RATE)
                digest = hashlib.sha256((out / name).read_bytes()).hexdigest()
                if digest in seen:
                    (out / name).unlink()
                    continue
                seen.add(digest)
                source = f"{package} {version}"
                lines[speaker].append([name, "packages", f"packages:{speaker}", "", "neutral", spoken, f"{seconds:.4f}", digest, "", licence, source])
    with (out / "speech.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(HEADER)
        for index, speaker in enumerate(sorted(lines)):
            for line in lines[speaker]:
                line[HEADER.index("split")] = "dev" if index % DEV_EACH == DEV_EACH - 1 else "train"
                writer.writerow(line)
    sources = Counter((line[HEADER.index("language")], *line[-2:]) for of_speaker in lines.values() for line in of_speaker)
    with (out / "sources.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["kind", "licence", "source", "recordings"])
        writer.writerows([*source, recordings] for source, recordings in sorted(sources.items()))
    hours = sum(float(line[HEADER.index("duration_s")]) for of_speaker in lines.values() for line in of_speaker) / 3600
    print(f"{sum(map(len, lines.values()))} recordings of {len(lines)} speakers, {hours:.1f} h; in {n_left_out} Silero hears too little speech")


if __name__ == "__main__":
    main()
