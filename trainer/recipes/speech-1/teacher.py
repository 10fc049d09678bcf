"""Times of speech as Silero hears them: for the detector to learn from, and to be compared with.

    python teacher.py --out times.csv corpora/crema-d.csv corpora/emodb.csv corpora/banglaser.csv

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
# What the cost is measured on: blocks of 5 s, chunk by chunk, one thread.
BLOCK_SECONDS, N_BLOCKS = 5, 21


def cost_ms(silero):
    block = np.random.default_rng(0).normal(0, 0.1, BLOCK_SECONDS * RATE).astype(np.float32)
    costs = []
    for _ in range(N_BLOCKS):
        start = time.process_time()
        silero.probabilities([block])
        costs.append(1e3 * (time.process_time() - start))
    return sorted(costs)[N_BLOCKS // 2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    silero = Silero()
    recordings = []
    for manifest in arguments.manifests:
        with manifest.open(encoding="utf-8-sig", newline="") as lines:
            recordings += [(line["path"], manifest.parent / line["path"]) for line in csv.DictReader(lines)]
    # Those of similar length side by side.
    loaded = sorted(((name, read(path)) for name, path in recordings), key=lambda item: len(item[1]))
    times = {}
    for first in range(0, len(loaded), BATCH):
        batch = loaded[first : first + BATCH]
        for (name, samples), answer in zip(batch, silero.probabilities([samples for _, samples in batch])):
            times[name] = silero.times(answer, len(samples))
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
