"""Checks a model file with ONNX's own tools and runs it in ONNX Runtime.

usage: check_onnx.py MODEL, with {"features": [[...], ...]} of one block on standard input

Fails if onnx.checker finds a fault. Writes, as JSON, the probabilities of the block run whole, run as two chunks with the state carried over,
and run twice side by side as a batch.
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime


def main(path: str) -> None:
    onnx.checker.check_model(path, full_check=True)
    block = np.asarray(json.load(sys.stdin)["features"], np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    state_size = next(value.shape[1] for value in session.get_inputs() if value.name == "initial_state")

    def run(features: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return session.run(["probabilities", "final_state"], {"features": features, "initial_state": state})

    start = np.zeros((1, state_size), np.float32)
    whole, _ = run(block[None], start)
    middle = len(block) // 3
    _, state = run(block[None, :middle], start)
    chunked, _ = run(block[None, middle:], state)
    batched, _ = run(np.stack([block, block]), np.repeat(start, 2, axis=0))
    print(json.dumps({"whole": whole[0].tolist(), "chunked": chunked[0].tolist(), "batched": batched.tolist()}))


if __name__ == "__main__":
    main(sys.argv[1])
