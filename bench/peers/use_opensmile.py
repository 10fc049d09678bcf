"""openSMILE: the voice parameters commonly used for emotion, from 48 kHz stereo."""

import sys

import opensmile

import inputs
import worker


def prepare(folder: str) -> worker.Call:
    stereo = inputs.stereo(folder)
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals, mixdown=True, resample=True, sampling_rate=16_000
    )

    def call() -> list[float]:
        smile.process_signal(stereo.T, inputs.STEREO_RATE)
        return []

    return call


def main(folder: str) -> None:
    worker.serve({"opensmile": opensmile.__version__}, {"product": lambda: prepare(folder)})


if __name__ == "__main__":
    main(sys.argv[1])
