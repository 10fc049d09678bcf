"""ONNX Runtime: the network from the same file that the project runs."""

import sys
from pathlib import Path

import numpy as np
import onnxruntime

import inputs
import worker


def prepare(folder: str, frames: int) -> worker.Call:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(Path(folder) / "ltc.onnx"), options, providers=["CPUExecutionProvider"])
    feed = {
        "features": inputs.features(folder, frames)[None],
        "initial_state": np.zeros((1, inputs.UNITS), np.float32),
    }
    return lambda: session.run(["probabilities"], feed)


def main(folder: str) -> None:
    cases = {f"ltc_{frames}": lambda frames=frames: prepare(folder, frames) for frames in (157, 500)}
    worker.serve({"onnxruntime": onnxruntime.__version__}, cases)


if __name__ == "__main__":
    main(sys.argv[1])
