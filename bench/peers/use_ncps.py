"""ncps: its own LTC cell with the same number of units and unfolds, whose equation is Hasani's rather than the paper's, so its output is not compared;
and an epoch of its CfC."""

import sys
from importlib.metadata import version

import torch
from ncps.torch import CfC, LTC
from torch import nn

import inputs
import use_torch
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


class ClosedForm(nn.Module):
    """The gated CfC without a backbone, and a readout of its last output."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = CfC(inputs.N_FEATURES, inputs.GATED_UNITS, return_sequences=False, backbone_layers=0)
        self.dense = nn.Linear(inputs.GATED_UNITS, inputs.N_LABELS)

    def forward(self, sequences: torch.Tensor) -> torch.Tensor:
        return self.dense(self.layer(sequences)[0])

    def penalty(self) -> torch.Tensor:
        return sum((kernel**2).sum() for kernel in self.parameters() if kernel.dim() == 2)


def main(folder: str) -> None:
    torch.set_num_threads(1)
    # Its gradients vanish over the steps of a sequence, and it would compute with subnormal numbers.
    torch.set_flush_denormal(True)
    cases = {f"ltc_{frames}": lambda frames=frames: prepare(folder, frames) for frames in (157, 500)}
    cases["epoch_cfc"] = lambda: use_torch.epoch(ClosedForm)
    worker.serve({"ncps": version("ncps")}, cases)


if __name__ == "__main__":
    main(sys.argv[1])
