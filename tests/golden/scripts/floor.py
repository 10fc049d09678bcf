"""librosa's result for a block with a soft floor: floor/voice1s.npy.gz, float32 [39, steps].

Needs librosa 0.11.0 and numpy 2.4.6; run from anywhere."""

from pathlib import Path

import librosa
import numpy as np

import stored

HERE = Path(__file__).resolve().parent.parent
FLOOR_DB = 45.0
AVERAGE_FRAMES = 3
DELTA_WIDTH = 5

samples = stored.load(HERE / "mfcc" / "sig_16000_voice1s.npy")
samples = samples.astype(np.float64) / (32768.0 if samples.dtype == np.int16 else 1.0)
powers = librosa.feature.melspectrogram(
    y=samples, sr=16000, n_fft=512, win_length=400, hop_length=160, window="hann", center=True, pad_mode="constant", power=2.0, n_mels=40, fmin=0.0, fmax=8000.0
)
n_steps = powers.shape[1] // AVERAGE_FRAMES
steps = powers[:, : n_steps * AVERAGE_FRAMES].reshape(40, n_steps, AVERAGE_FRAMES).mean(axis=2)
levels = librosa.power_to_db(steps + steps.max() * 10.0 ** (-FLOOR_DB / 10.0), ref=1.0, amin=1e-30, top_db=None)
mfcc = librosa.feature.mfcc(S=levels, n_mfcc=13)
deltas = [librosa.feature.delta(mfcc, width=DELTA_WIDTH, order=order, mode="interp") for order in (1, 2)]
(HERE / "floor").mkdir(exist_ok=True)
# 1e-4, for a tolerance of 1e-3.
stored.save(HERE / "floor" / "voice1s.npy", stored.rounded(np.concatenate([mfcc, *deltas]), 2.0**-12).astype(np.float32))
