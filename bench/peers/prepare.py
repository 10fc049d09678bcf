"""Makes the inputs for measuring the project and its peers.

usage: prepare.py SAMPLE.flac FOLDER

Writes raw little-endian float32 into FOLDER: speech.f32, the first 5 s of the sample at 16 kHz; features_157.f32 and
features_500.f32, its features in configurations A and C, standardised, row-major [frames, 39]; scaler_157.f32 and scaler_500.f32,
the mean and the scale that standardise them, [2, 39]; stereo.f32, 5 s at 48 kHz, [frames, 2]: two microphones at some distance from the voice, each with
its own noise; and minute.s16, a minute of the whole sample made in the same way, as 16-bit integers.
"""

import sys
from pathlib import Path

import librosa
import numpy as np
import soundfile

import features

SECONDS = 5
STEREO_RATE = 48_000
# Delay between the microphones, samples at 48 kHz; gain of the second; their noise, -69 dBFS.
DELAY, GAIN, NOISE = 9, 0.8, 12 / 32_768


def stereo(speech: np.ndarray, seconds: int) -> np.ndarray:
    """[frames, 2]"""
    near = np.resize(librosa.resample(speech, orig_sr=features.SAMPLE_RATE, target_sr=STEREO_RATE), seconds * STEREO_RATE)
    voices = np.stack([near, GAIN * np.roll(near, DELAY)], axis=1)
    noise = NOISE * np.random.default_rng(1).standard_normal(voices.shape)
    return (voices + noise).clip(-1, 1).astype("<f4")


def main(sample: str, folder: str) -> None:
    speech, rate = soundfile.read(sample, dtype="float32")
    if rate != features.SAMPLE_RATE or speech.ndim != 1:
        raise SystemExit(f"{sample}: expected one channel at {features.SAMPLE_RATE} Hz, found {speech.shape} at {rate} Hz")
    out = Path(folder)
    stereo(speech, SECONDS).tofile(out / "stereo.f32")
    (32_767 * stereo(speech, 60)).round().astype("<i2").tofile(out / "minute.s16")
    speech = np.resize(speech, SECONDS * rate)
    speech.tofile(out / "speech.f32")
    for frames, config in ((157, "A"), (500, "C")):
        matrix = features.librosa_features(speech, config)[:frames]
        assert matrix.shape == (frames, 39)
        scaler = np.stack([matrix.mean(axis=0), matrix.std(axis=0)]).astype("<f4")
        scaler.tofile(out / f"scaler_{frames}.f32")
        ((matrix - scaler[0]) / scaler[1]).astype("<f4", order="C").tofile(out / f"features_{frames}.f32")


if __name__ == "__main__":
    main(*sys.argv[1:])
