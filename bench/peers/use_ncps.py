"""ncps: its own LTC cell with as many units and unfolds. Its equation is Hasani's, not the paper's, so its output is not compared."""

import sys
from importlib.metadata import version

import torch
from ncps.torch import LTC

import inputs
import worker


def prepare(folder: str, frames: int) -> worker.Call:
    torch.manual_seed(1)
    network = LTC(inputs.N_FEATURES, inputs.UNITS, return_sequences=False, ode_unfolds=inputs.UNFOLDS)
    features = torch.from_numpy(inputs.features(folder, frames).copy())[None]

    @torch.inference_mode()
    def call() -> list[float]:
        network(features)
        return []

    return call


def main(folder: str) -> None:
    torch.set_num_threads(1)
    cases = {f"ltc_{frames}": lambda frames=frames: prepare(folder, frames) for frames in (157, 500)}
    worker.serve({"ncps": version("ncps")}, cases)


if __name__ == "__main__":
    main(sys.argv[1])
