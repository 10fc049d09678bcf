"""The inputs of every peer: the prepared data and the network's weights."""

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

STEREO_RATE = 48_000
# The range of the project's pitch tracker.
MIN_HZ = 60.0
MAX_HZ = 500.0

UNFOLDS = 6
DT = 0.01
CLIP = 20.0
MAX_GAIN = 10.0
UNITS = 16
GATED_UNITS = 64
N_FEATURES = 39
N_LABELS = 4

N_SEQUENCES = 1000
N_FRAMES = 157
BATCH = 64
L2 = 5e-4
LEARNING_RATE = 5e-4


def floats(folder: str, name: str) -> np.ndarray:
    return np.fromfile(Path(folder) / name, dtype="<f4")


def speech(folder: str) -> np.ndarray:
    return floats(folder, "speech.f32")


def stereo(folder: str) -> np.ndarray:
    """5 s at 48 kHz, [frames, 2]"""
    return floats(folder, "stereo.f32").reshape(-1, 2)


def features(folder: str, frames: int) -> np.ndarray:
    """[frames, 39]"""
    return floats(folder, f"features_{frames}.f32").reshape(frames, N_FEATURES)


def scaler(folder: str, frames: int) -> np.ndarray:
    """Mean and scale, [2, 39]"""
    return floats(folder, f"scaler_{frames}.f32").reshape(2, N_FEATURES)


def weights(folder: str) -> dict[str, np.ndarray]:
    """The initializers of the model that the project exported for this run, without the prefix of its single layer."""
    graph = onnx.load(Path(folder) / "ltc.onnx").graph
    return {tensor.name.removeprefix("layer0."): numpy_helper.to_array(tensor) for tensor in graph.initializer}


def training_set() -> tuple[np.ndarray, np.ndarray]:
    """Random sequences [1000, 157, 39] and labels [1000]: the time of an epoch does not depend on what is learnt."""
    random = np.random.default_rng(1)
    sequences = random.standard_normal((N_SEQUENCES, N_FRAMES, N_FEATURES), dtype=np.float32)
    return sequences, random.integers(0, N_LABELS, N_SEQUENCES)
