"""The shape of a block's spectrum and how it moves: shape/voice1s.npy.gz, float32 [8, steps]: tilt, flux and modulation in the order of the groups.

Needs librosa 0.11.0, numpy 2.4.6 and scipy 1.17.1; run from anywhere."""

from pathlib import Path

import librosa
import numpy as np
from scipy.ndimage import uniform_filter1d

import stored

HERE = Path(__file__).resolve().parent.parent
FLOOR_DB = 45.0
AVERAGE_FRAMES = 3
DELTA_WIDTH = 5
N_MELS = 40
# Steps of 30 ms nearest to 90 and 510 ms.
PEAK, STRETCH = 3, 17

samples = stored.load(HERE / "mfcc" / "sig_16000_voice1s.npy")
samples = samples.astype(np.float64) / (32768.0 if samples.dtype == np.int16 else 1.0)
powers = librosa.feature.melspectrogram(
    y=samples, sr=16000, n_fft=512, win_length=400, hop_length=160, window="hann", center=True, pad_mode="constant", power=2.0, n_mels=N_MELS, fmin=0.0, fmax=8000.0
)
n_steps = powers.shape[1] // AVERAGE_FRAMES
steps = powers[:, : n_steps * AVERAGE_FRAMES].reshape(N_MELS, n_steps, AVERAGE_FRAMES).mean(axis=2)
steps = steps + steps.max() * 10.0 ** (-FLOOR_DB / 10.0)


def decibels(power):
    return librosa.power_to_db(power, ref=1.0, amin=1e-30, top_db=None)


levels = decibels(steps)
hz = librosa.mel_frequencies(n_mels=N_MELS + 2, fmin=0.0, fmax=8000.0, htk=False)[1:-1]


def between(low, high):
    return (hz >= low) & (hz < high)


def slope(bands):
    """dB per octave of every step."""
    return np.polyfit(np.log2(hz[bands]), levels[bands], 1)[0]


loudness = decibels(steps.sum(axis=0))
peak, stretch = (uniform_filter1d(loudness, size, mode="nearest") for size in (PEAK, STRETCH))
shape = [
    decibels(steps[between(50, 1000)].sum(axis=0)) - decibels(steps[between(1000, 5000)].sum(axis=0)),
    levels[between(0, 2000)].max(axis=0) - levels[between(2000, 5000)].max(axis=0),
    slope(between(100, 1000)),
    slope(between(1000, 5000)),
    np.abs(np.diff(levels, axis=1, prepend=levels[:, :1])).mean(axis=0),
    np.abs(librosa.feature.delta(levels, width=DELTA_WIDTH, order=1, mode="nearest")).mean(axis=0),
    np.abs(peak - stretch),
    np.abs(loudness - peak),
]
(HERE / "shape").mkdir(exist_ok=True)
# 2.4e-4, for a tolerance of 1e-3.
stored.save(HERE / "shape" / "voice1s.npy", stored.rounded(np.stack(shape), 2.0**-12).astype(np.float32))
