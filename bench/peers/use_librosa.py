"""librosa: features; and features with pitch, from 48 kHz stereo."""

import sys

import librosa

import features
import inputs
import worker


def product(folder: str) -> worker.Call:
    stereo = inputs.stereo(folder)

    def call() -> list[float]:
        mono = librosa.resample(librosa.to_mono(stereo.T), orig_sr=inputs.STEREO_RATE, target_sr=features.SAMPLE_RATE)
        features.librosa_features(mono, "C")
        hop = features.CONFIGS["C"]["hop_length"]
        librosa.pyin(mono, fmin=inputs.MIN_HZ, fmax=inputs.MAX_HZ, sr=features.SAMPLE_RATE, frame_length=1024, hop_length=hop)
        return []

    return call


def main(folder: str) -> None:
    speech = inputs.speech(folder)
    cases = {f"features_{config}": lambda config=config: lambda: features.librosa_features(speech, config) for config in features.CONFIGS}
    cases["product"] = lambda: product(folder)
    worker.serve({"librosa": librosa.__version__}, cases)


if __name__ == "__main__":
    main(sys.argv[1])
