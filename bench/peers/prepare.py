"""Makes the inputs that the project and its peers are measured on.

usage: prepare.py SAMPLE.flac FOLDER

Writes raw little-endian float32 into FOLDER: speech.f32, the first 5 s of the sample at 16 kHz; features_157.f32 and
features_500.f32, its features in configurations A and C, standardised, row-major [frames, 39]; scaler_157.f32 and scaler_500.f32,
the mean and the scale that standardise them, [2, 39].
"""

import sys
from pathlib import Path

import numpy as np
import soundfile

import features

SECONDS = 5


def main(sample: str, folder: str) -> None:
    speech, rate = soundfile.read(sample, dtype="float32")
    if rate != features.SAMPLE_RATE or speech.ndim != 1:
        raise SystemExit(f"{sample}: expected one channel at {features.SAMPLE_RATE} Hz, found {speech.shape} at {rate} Hz")
    speech = np.resize(speech, SECONDS * rate)
    out = Path(folder)
    speech.tofile(out / "speech.f32")
    for frames, config in ((157, "A"), (500, "C")):
        matrix = features.librosa_features(speech, config)[:frames]
        assert matrix.shape == (frames, 39)
        scaler = np.stack([matrix.mean(axis=0), matrix.std(axis=0)]).astype("<f4")
        scaler.tofile(out / f"scaler_{frames}.f32")
        ((matrix - scaler[0]) / scaler[1]).astype("<f4", order="C").tofile(out / f"features_{frames}.f32")


if __name__ == "__main__":
    main(*sys.argv[1:])
