"""Expected calibration error of seeded probabilities: writes ../calibration.json.gz. Needs numpy.

The bins are chosen by boolean masks over whole arrays, as in the reference code of Guo et al. 2017 (temperature_scaling.py, _ECELoss).
"""

import pathlib

import numpy as np

import stored

N_BINS = 15
N_ANSWERS = 400


def main():
    rng = np.random.default_rng(2017)
    logits = 2.0 * rng.standard_normal((N_ANSWERS, 4))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    # Three decimals produce values on the edge of a bin.
    probabilities = np.round(probabilities, 3)
    truth = np.where(rng.random(N_ANSWERS) < 0.6, probabilities.argmax(axis=1), rng.integers(0, 4, N_ANSWERS))
    confidences, predictions = probabilities.max(axis=1), probabilities.argmax(axis=1)
    right = predictions == truth
    edges = np.arange(N_BINS + 1) / N_BINS
    ece, counts = 0.0, []
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidences > low) & (confidences <= high)
        counts.append(int(inside.sum()))
        if inside.any():
            ece += abs(confidences[inside].mean() - right[inside].mean()) * inside.mean()
    golden = {"truth": truth.tolist(), "probabilities": probabilities.tolist(), "ece": float(ece), "counts": counts}
    stored.save_json(pathlib.Path(__file__).resolve().parent.parent / "calibration.json", golden)


main()
