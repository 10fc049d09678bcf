"""librosa: features."""

import sys

import librosa

import features
import inputs
import worker


def main(folder: str) -> None:
    speech = inputs.speech(folder)
    cases = {f"features_{config}": lambda config=config: lambda: features.librosa_features(speech, config) for config in features.CONFIGS}
    worker.serve({"librosa": librosa.__version__}, cases)


if __name__ == "__main__":
    main(sys.argv[1])
