"""PyTorch, with the input projection of all frames hoisted out of the recurrence: the network and training epochs."""

import sys
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

import inputs
import worker


def inference(folder: str, frames: int) -> worker.Call:
    weights = {name: torch.from_numpy(value.copy()) for name, value in inputs.weights(folder).items()}
    features = torch.from_numpy(inputs.features(folder, frames).copy())

    @torch.inference_mode()
    def call() -> torch.Tensor:
        projected = features @ weights["projection"] + weights["projection_bias"]
        state = torch.zeros(1, inputs.UNITS)
        for step in projected.unbind(0):
            for _ in range(inputs.UNFOLDS):
                state = state + weights["rate"] * (torch.tanh(step + state @ weights["recurrent_kernel"]) - state)
            state = torch.clamp(state, 0.0, inputs.CLIP) * weights["gain"]
        return torch.softmax(state @ weights["dense_kernel"] + weights["dense_bias"], dim=1)

    return call


class Network(nn.Module):
    """The paper's cell and readout, trainable. `reading`: "held", "recomputed", or "closed" for held in one step."""

    def __init__(self, reading: str) -> None:
        super().__init__()
        self.reading = reading
        self.kernel = nn.Parameter(nn.init.xavier_uniform_(torch.empty(inputs.N_FEATURES, inputs.UNITS)))
        self.recurrent = nn.Parameter(nn.init.xavier_uniform_(torch.empty(inputs.UNITS, inputs.UNITS)))
        self.bias = nn.Parameter(torch.zeros(inputs.UNITS))
        self.tau, self.c, self.g = (nn.Parameter(torch.ones(inputs.UNITS)) for _ in range(3))
        self.dense = nn.Linear(inputs.UNITS, inputs.N_LABELS)

    def forward(self, sequences: torch.Tensor) -> torch.Tensor:
        projected = sequences @ self.kernel + self.bias
        rate = inputs.DT / functional.softplus(self.tau)
        gain = torch.clamp(torch.sigmoid(self.c) / torch.sigmoid(self.g), max=inputs.MAX_GAIN)
        if self.reading == "closed":
            rate = 1 - (1 - rate) ** inputs.UNFOLDS
        state = torch.zeros(len(sequences), inputs.UNITS)
        for step in projected.unbind(1):
            z = torch.tanh(step + state @ self.recurrent)
            for unfold in range(1 if self.reading == "closed" else inputs.UNFOLDS):
                if unfold > 0 and self.reading == "recomputed":
                    z = torch.tanh(step + state @ self.recurrent)
                state = state + rate * (z - state)
            state = torch.clamp(state, 0.0, inputs.CLIP) * gain
        return self.dense(state)

    def penalty(self) -> torch.Tensor:
        return sum((kernel**2).sum() for kernel in (self.kernel, self.recurrent, self.dense.weight))


class Gru(nn.Module):
    """PyTorch's own layer and a readout of its last output."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.GRU(inputs.N_FEATURES, inputs.GATED_UNITS, batch_first=True)
        self.dense = nn.Linear(inputs.GATED_UNITS, inputs.N_LABELS)

    def forward(self, sequences: torch.Tensor) -> torch.Tensor:
        return self.dense(self.layer(sequences)[0][:, -1])

    def penalty(self) -> torch.Tensor:
        return sum((kernel**2).sum() for kernel in (self.layer.weight_ih_l0, self.layer.weight_hh_l0, self.dense.weight))


class Cfc(nn.Module):
    """The gated closed form without a backbone, all four gates in one product."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Linear(inputs.N_FEATURES, 4 * inputs.GATED_UNITS)
        self.recurrent = nn.Linear(inputs.GATED_UNITS, 4 * inputs.GATED_UNITS, bias=False)
        self.dense = nn.Linear(inputs.GATED_UNITS, inputs.N_LABELS)

    def forward(self, sequences: torch.Tensor) -> torch.Tensor:
        projected = self.kernel(sequences)
        state = torch.zeros(len(sequences), inputs.GATED_UNITS)
        for step in projected.unbind(1):
            f, g, a, b = (step + self.recurrent(state)).chunk(4, dim=1)
            gate = torch.sigmoid(a + b)
            state = torch.tanh(f) * (1 - gate) + torch.tanh(g) * gate
        return self.dense(state)

    def penalty(self) -> torch.Tensor:
        return sum((layer.weight**2).sum() for layer in (self.kernel, self.recurrent, self.dense))


def epoch(make: Callable[[], nn.Module]) -> worker.Call:
    torch.manual_seed(1)
    sequences, labels = (torch.from_numpy(array) for array in inputs.training_set())
    network = make()
    optimiser = torch.optim.Adam(network.parameters(), lr=inputs.LEARNING_RATE)

    def call() -> list[float]:
        for batch in torch.randperm(inputs.N_SEQUENCES).split(inputs.BATCH):
            optimiser.zero_grad()
            loss = functional.cross_entropy(network(sequences[batch]), labels[batch]) + inputs.L2 * network.penalty()
            loss.backward()
            optimiser.step()
        return []

    return call


def main(folder: str) -> None:
    torch.set_num_threads(1)
    # Its gradients vanish over the steps of a sequence, and it would compute with subnormal numbers.
    torch.set_flush_denormal(True)
    cases = {f"ltc_{frames}": lambda frames=frames: inference(folder, frames) for frames in (157, 500)}
    for reading in ("held", "recomputed"):
        cases[f"epoch_{reading}"] = lambda reading=reading: epoch(lambda: Network(reading))
    cases |= {"epoch_gru": lambda: epoch(Gru), "epoch_cfc": lambda: epoch(Cfc)}
    worker.serve({"torch": torch.__version__}, cases)


if __name__ == "__main__":
    main(sys.argv[1])
