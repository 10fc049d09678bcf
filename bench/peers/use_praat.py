"""Praat through parselmouth: common measurements of a voice, from 48 kHz stereo."""

import sys

import numpy as np
import parselmouth

import features
import inputs
import worker


def prepare(folder: str) -> worker.Call:
    stereo = inputs.stereo(folder).astype(np.float64)

    def call() -> list[float]:
        sound = parselmouth.Sound(stereo.T, inputs.STEREO_RATE).convert_to_mono().resample(features.SAMPLE_RATE)
        sound.to_mfcc(number_of_coefficients=features.N_MFCC, window_length=0.025, time_step=0.01)
        sound.to_intensity(minimum_pitch=inputs.MIN_HZ, time_step=0.01)
        sound.to_pitch(time_step=0.01, pitch_floor=inputs.MIN_HZ, pitch_ceiling=inputs.MAX_HZ)
        return []

    return call


def main(folder: str) -> None:
    worker.serve({"parselmouth": parselmouth.__version__, "praat": parselmouth.PRAAT_VERSION}, {"product": lambda: prepare(folder)})


if __name__ == "__main__":
    main(sys.argv[1])
