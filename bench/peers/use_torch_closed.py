"""PyTorch with the project's own shortcut: the unfolds of a held z in one step. The published code lacks it."""

import sys

import torch

import use_torch
import worker


def main(_folder: str) -> None:
    torch.set_num_threads(1)
    # Its gradients vanish over the steps of a sequence, and it would compute with subnormal numbers.
    torch.set_flush_denormal(True)
    worker.serve({"torch": torch.__version__}, {"epoch_held": lambda: use_torch.epoch(lambda: use_torch.Network("closed"))})


if __name__ == "__main__":
    main(sys.argv[1])
