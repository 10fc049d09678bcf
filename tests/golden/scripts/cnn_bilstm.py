"""The convolutional network with a bidirectional LSTM as PyTorch computes it, on small seeded sequences: writes ../cnn_bilstm.json.gz.

Needs torch and numpy. Parameters have the names and shapes of learn/src/network/cnn_bilstm.rs: a convolution kernel has one row for each step
in its window and input, gates are i, f, g, o. One sequence is shorter than the convolutions are wide, one has an odd number of steps before each pooling.
"""

import pathlib
from importlib.metadata import version

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import stored

N_FEATURES, UNITS, N_CLASSES, WIDTH = 3, 5, 4, 5
CONVOLUTIONS = ((6, 2), (4, 1), (7, 3))
LENGTHS, LABELS, CLASS_WEIGHTS = (13, 3, 8, 1), (2, 0, 3, 2), (0.5, 1.5, 2.0, 0.8)

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(20261122)


def draw(*shape):
    # Short decimals, so that the file contains exactly the numbers used.
    return torch.tensor(rng.uniform(-0.6, 0.6, shape).round(3), requires_grad=True)


def convolve(p, index, pool, x):
    kernel = p[f"conv{index}.kernel"]
    weight = kernel.reshape(WIDTH, -1, kernel.shape[1]).permute(2, 1, 0)
    out = functional.conv1d(x.T[None], weight, p[f"conv{index}.bias"], padding=WIDTH // 2)
    return functional.max_pool1d(functional.relu(out), pool, ceil_mode=True)[0].T


def bilstm(p, x):
    lstm = nn.LSTM(x.shape[1], UNITS, bidirectional=True)
    weights = {}
    for layer, suffix in ((0, "l0"), (1, "l0_reverse")):
        weights[f"weight_ih_{suffix}"] = p[f"layer{layer}.kernel"].T
        weights[f"weight_hh_{suffix}"] = p[f"layer{layer}.recurrent_kernel"].T
        weights[f"bias_ih_{suffix}"] = p[f"layer{layer}.bias"]
        weights[f"bias_hh_{suffix}"] = torch.zeros(4 * UNITS)
    return torch.func.functional_call(lstm, weights, (x[:, None],))[0][:, 0]


parameters, size = {}, N_FEATURES
for index, (channels, _) in enumerate(CONVOLUTIONS):
    parameters |= {f"conv{index}.kernel": draw(WIDTH * size, channels), f"conv{index}.bias": draw(channels)}
    size = channels
for layer in range(2):
    parameters |= {
        f"layer{layer}.kernel": draw(size, 4 * UNITS),
        f"layer{layer}.recurrent_kernel": draw(UNITS, 4 * UNITS),
        f"layer{layer}.bias": draw(4 * UNITS),
    }
parameters |= {"dense_kernel": draw(2 * UNITS, N_CLASSES), "dense_bias": draw(N_CLASSES)}

inputs = [torch.tensor(rng.standard_normal((steps, N_FEATURES)).round(3)) for steps in LENGTHS]
logits = []
for x in inputs:
    for index, (_, pool) in enumerate(CONVOLUTIONS):
        x = convolve(parameters, index, pool, x)
    logits.append(bilstm(parameters, x).mean(0) @ parameters["dense_kernel"] + parameters["dense_bias"])
logits, labels = torch.stack(logits), torch.tensor(LABELS)
losses = functional.cross_entropy(logits, labels, torch.tensor(CLASS_WEIGHTS), reduction="none")
loss = losses.mean()
gradients = torch.autograd.grad(loss, list(parameters.values()))



def numbers(value):
    """As many digits as a test with a tolerance of 1e-12 can distinguish."""
    return stored.to_digits(value.detach().numpy()).tolist()


data = {
    "versions": {name: version(name) for name in ("torch", "numpy")},
    "width": WIDTH,
    "convolutions": CONVOLUTIONS,
    "units": UNITS,
    "inputs": [value.tolist() for value in inputs],
    "labels": LABELS,
    "class_weights": CLASS_WEIGHTS,
    "parameters": {name: value.flatten().tolist() for name, value in parameters.items()},
    "probabilities": numbers(functional.softmax(logits, 1)),
    "loss": loss.item(),
    "gradients": {name: numbers(value.flatten()) for name, value in zip(parameters, gradients)},
}
stored.save_json(pathlib.Path(__file__).resolve().parent.parent / "cnn_bilstm.json", data, separators=(",", ":"))
