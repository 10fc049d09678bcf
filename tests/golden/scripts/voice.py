"""How a synthetic voice sounds, frame by frame: voice/sound.npy.gz, int16 at 16 kHz, and voice/values.npy.gz, float32 [7, frames]: quality, shimmer and formants in the
order of the groups, for a frame every 10 ms, from the pitch that was synthesised.

Needs numpy 2.4.6 and scipy 1.17.1; run from anywhere."""

from pathlib import Path

import numpy as np
from scipy.linalg import solve_toeplitz
from scipy.signal import argrelmax, freqz, get_window

import stored

OUT = Path(__file__).resolve().parent.parent / "voice"
RATE, HOP, FRAME, N_FFT = 16_000, 160, 800, 1024
SECONDS = 0.6
TOP_HZ, ORDER, PRE_EMPHASIS, N_POINTS = 5000, 10, 0.97, 128

# A voice that glides from 110 to 170 Hz with a flutter of 11 Hz, swells at 5 Hz, and moves from [a] to [i], with noise 45 dB below.
time = np.arange(int(SECONDS * RATE)) / RATE
f0 = 110 * (170 / 110) ** (time / SECONDS) * (1 + 0.01 * np.sin(2 * np.pi * 11 * time))
phase = 2 * np.pi * np.cumsum(f0) / RATE
samples = np.zeros_like(time)
for k in range(1, 46):
    hz = k * f0
    amplitude = np.where(hz < 5000, 1.0 / k, 0.0)
    for start, end, bandwidth in [(730, 300, 80), (1100, 2200, 90), (2500, 2900, 120), (3500, 3600, 150)]:
        formant = start + (end - start) * time / SECONDS
        amplitude = amplitude / np.hypot(1 - (hz / formant) ** 2, hz * bandwidth / formant**2)
    samples += amplitude * np.sin(k * phase)
samples *= (1 + 0.3 * np.sin(2 * np.pi * 5 * time)) * 0.3 / np.abs(samples).max()
samples += np.random.default_rng(0).standard_normal(len(samples)) * np.sqrt((samples**2).mean()) * 10 ** (-45 / 20)
samples = np.round(samples * 32768).astype(np.int16)

signal = np.pad(samples / 32768.0, N_FFT // 2)
n_frames = 1 + len(samples) // HOP
centre = np.minimum(np.arange(n_frames) * HOP, len(samples) - 1)
wide = np.stack([signal[t * HOP : t * HOP + N_FFT] for t in range(n_frames)])
frames = wide[:, (N_FFT - FRAME) // 2 : (N_FFT + FRAME) // 2]
pitch = f0[centre]

# Harmonics: the strongest of the three bins around them.
window = np.zeros(N_FFT)
window[(N_FFT - FRAME) // 2 : (N_FFT + FRAME) // 2] = get_window("hann", FRAME)
power = np.abs(np.fft.rfft(wide * window)) ** 2
levels = 10 * np.log10(np.maximum(power, 1e-10))


def bins(hz):
    return np.round(np.asarray(hz) * N_FFT / RATE).astype(int)


def peak(hz):
    return np.max([np.take_along_axis(levels, (bins(hz) + side)[:, None], 1)[:, 0] for side in (-1, 0, 1)], axis=0)


h1_h2 = peak(pitch) - peak(2 * pitch)
h1_a3 = peak(pitch) - levels[:, bins(2000) : bins(3500)].max(axis=1)


# The mean normalised difference of YIN at the period, and from it the ratio of what repeats to what does not.
def aperiodicity(frame, period):
    frame = frame - frame.mean()
    mean_square = np.array([((frame[: FRAME - lag] - frame[lag:]) ** 2).mean() for lag in range(1, 280)])
    normalised = mean_square * np.arange(1, 280) / np.cumsum(mean_square)
    lag = period - 3 + normalised[period - 4 : period + 3].argmin()
    before, at, after = normalised[lag - 2 : lag + 1]
    return max(at - 0.125 * (before - after) ** 2 / (before - 2 * at + after), 0.0)


periodic = np.clip([1 - aperiodicity(frame, round(RATE / hz)) for frame, hz in zip(frames, pitch)], 0.01, 0.999)
hnr = 10 * np.log10(periodic / (1 - periodic))

level = 10 * np.log10(((frames - frames.mean(axis=1, keepdims=True)) ** 2).mean(axis=1))
shimmer = np.abs(np.diff(level, prepend=level[0]))


# Linear prediction of the part below 5 kHz.
def formants(power):
    n = bins(TOP_HZ)
    angle = np.pi * np.arange(n + 1) / n
    correlation = np.fft.irfft(power[: n + 1] * np.abs(1 - PRE_EMPHASIS * np.exp(-1j * angle)) ** 2)[: ORDER + 1]
    correlation[0] *= 1 + 1e-4
    filter = np.concatenate([[1.0], solve_toeplitz(correlation[:-1], -correlation[1:])])
    _, response = freqz(1.0, filter, worN=np.pi * np.arange(N_POINTS + 1) / N_POINTS)
    hz = argrelmax(np.abs(response))[0] * TOP_HZ / N_POINTS
    return hz[hz > 200][:3] / 1000


OUT.mkdir(exist_ok=True)
stored.save(OUT / "sound.npy", samples)
values = np.concatenate([[hnr, h1_h2, h1_a3, shimmer], np.array([formants(one) for one in power]).T])
# 2.4e-4, for tolerances of 1e-3 and more.
stored.save(OUT / "values.npy", stored.rounded(values, 2.0**-12).astype(np.float32))
