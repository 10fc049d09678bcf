"""Times of speech as Silero hears them: for the detector to learn from, and to be compared with.

    python teacher.py --tight --out times.csv corpora/crema-d.csv corpora/emodb.csv corpora/banglaser.csv

Silero ends late and closes short pauses. With --tight, which clean clips need, its times are trimmed to where something is heard: a detector that learns
from them finds pauses that Silero does not. Without it the times are Silero's own.

Every manifest has a column `path`, relative to its folder. Writes a CSV file (path, start_s, end_s; a recording without speech has one line without
times) and beside it, under the same name, a JSON file with the version of Silero and its cost.
"""

import argparse
import csv
import json
import time
from pathlib import Path

import numpy as np

from silero import RATE, Silero, read

BATCH = 64
# Input for measuring the cost: blocks of 5 s, chunk by chunk, one thread.
BLOCK_SECONDS, N_BLOCKS = 5, 21
# Interval and window length for measuring the level of a clip, seconds.
TICK, WINDOW = 0.01, 0.02
# How far speech may extend beyond Silero's times, shortest pause that is cut out of them, and shortest remainder that is kept, seconds.
REACH, TIGHT_PAUSE, TIGHT_SPEECH = 0.05, 0.15, 0.05
# Fraction of the loud parts in which Silero must hear speech to be trusted.
LEAST_HEARD = 0.5
# Audible parts of a clip: at most RANGE_DB below its loud parts, and above its background by at least ABOVE_DB or ABOVE_PART of the distance to the
# loud parts, whichever is less.
LOUD_PERCENT, FLOOR_PERCENT, RANGE_DB, ABOVE_DB, ABOVE_PART = 95, 5, 38, 8, 0.3


def cost_ms(silero):
    block = np.random.default_rng(0).normal(0, 0.1, BLOCK_SECONDS * RATE).astype(np.float32)
    costs = []
    for _ in range(N_BLOCKS):
        start = time.process_time()
        silero.probabilities([block])
        costs.append(1e3 * (time.process_time() - start))
    return sorted(costs)[N_BLOCKS // 2]


def levels(samples):
    """Level of every tick of a clip, dB, [ticks]. The difference of neighbouring samples is measured: it leaves hum out and hears the ends of words, which
    are often hisses."""
    flat = np.diff(samples.astype(np.float64), prepend=samples[:1])
    tick, window = int(TICK * RATE), int(WINDOW * RATE)
    power = np.concatenate([[0.0], np.cumsum(np.pad(flat**2, (window // 2, window // 2)))])
    starts = np.arange(tick // 2, len(samples), tick)
    return 10 * np.log10((power[starts + window] - power[starts]) / window + 1e-12)


def tight(samples, times):
    """Times of speech, [(start_s, end_s)], trimmed to where a clean clip is above its own background, and without the pauses in them. Every clip is
    somebody's sentence: where Silero hears only a small part of what is loud, as of overdriven shouts, all that is loud is speech."""
    heard, seconds = levels(samples), len(samples) / RATE
    of_ticks = (np.arange(len(heard)) + 0.5) * TICK
    spoken = np.zeros(len(heard), dtype=bool)
    for start, end in times:
        spoken |= (of_ticks >= start - REACH) & (of_ticks < end + REACH)
    loud, floor = np.percentile(heard[spoken] if spoken.any() else heard, LOUD_PERCENT), np.percentile(heard, FLOOR_PERCENT)
    up = heard > max(loud - RANGE_DB, floor + min(ABOVE_DB, ABOVE_PART * (loud - floor)))
    if (up & spoken).sum() >= LEAST_HEARD * up.sum():
        up &= spoken
    edges = np.flatnonzero(np.diff(np.concatenate([[False], up, [False]]).astype(int)))
    joined = []
    for start, end in edges.reshape(-1, 2) * TICK:
        if joined and start - joined[-1][1] < TIGHT_PAUSE:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    kept = [(start, min(end, seconds)) for start, end in joined if end - start >= TIGHT_SPEECH]
    return kept or times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tight", action="store_true", help="trim the times to where clean clips are heard")
    arguments = parser.parse_args()
    silero = Silero()
    recordings = []
    for manifest in arguments.manifests:
        with manifest.open(encoding="utf-8-sig", newline="") as lines:
            recordings += [(line["path"], manifest.parent / line["path"]) for line in csv.DictReader(lines)]
    # Clips of similar length are processed together.
    loaded = sorted(((name, read(path)) for name, path in recordings), key=lambda item: len(item[1]))
    times = {}
    for first in range(0, len(loaded), BATCH):
        batch = loaded[first : first + BATCH]
        for (name, samples), answer in zip(batch, silero.probabilities([samples for _, samples in batch])):
            times[name] = silero.times(answer, len(samples))
            if arguments.tight:
                times[name] = tight(samples, times[name])
    with arguments.out.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["path", "start_s", "end_s"])
        for name in sorted(times):
            writer.writerows([[name, f"{s:.3f}", f"{e:.3f}"] for s, e in times[name]] or [[name, "", ""]])
    about = {"name": f"Silero {silero.version}", "ms_per_5_s": round(cost_ms(silero), 2)}
    arguments.out.with_suffix(".json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    print(f"{len(times)} recordings, {sum(map(len, times.values()))} times of speech; {about}")


if __name__ == "__main__":
    main()
