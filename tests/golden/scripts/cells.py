"""The cells of PyTorch and ncps on small seeded networks: writes ../cells.json.gz.

Needs torch, ncps and numpy. A case is a network (as `[network]` of a training configuration), its parameters under the names and in the shapes of
core/src/network.rs, the outputs of the last layer for both sequences, the logits of a dense readout of the pooled outputs, the mean cross-entropy, and its
gradients by autograd. What neither library has follows the equations that core/src/network.rs documents, step by step: explicit Euler and RK4, the liquid
gate, the paper's cell (golden_ltc.py has more of its second reading) and the poolings.
"""

import pathlib
from importlib.metadata import version

import numpy as np
import torch
from ncps.torch import CfCCell, LTCCell
from ncps.wirings import FullyConnected, Random
from torch import nn
from torch.nn import functional

import stored

N_FEATURES, UNITS, N_CLASSES = 5, 6, 4
LENGTHS, LABELS = (7, 4), (2, 0)
UNFOLDS, ELAPSED = 3, 0.75
BACKBONE_UNITS = 7
# A clip and a bound on the gain that some units reach.
PAPER = {"unfolds": 6, "dt": 0.01, "clip": 0.2, "max_gain": 1.2}
DEVIATION_EPSILON = 1e-6
# Its softplus is exactly 0: how the trainer stores a synapse that a wiring omits.
NO_SYNAPSE = -1000.0

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(20261122)


def draw(*shape, low=-0.6, high=0.6):
    # Short decimals, so that the file contains exactly the numbers used.
    return torch.tensor(rng.uniform(low, high, shape).round(3), requires_grad=True)


def gates(n_inputs, n_gates):
    """Common to all gated cells."""
    columns = n_gates * UNITS
    return {"kernel": draw(n_inputs, columns), "recurrent_kernel": draw(UNITS, columns), "bias": draw(columns, low=-0.3, high=0.3)}


def torch_rnn(module, p, bias_hh, x):
    weights = {"weight_ih_l0": p["kernel"].T, "weight_hh_l0": p["recurrent_kernel"].T, "bias_ih_l0": p["bias"], "bias_hh_l0": bias_hh}
    return torch.func.functional_call(module(x.shape[1], UNITS), weights, (x[:, None],))[0][:, 0]


def gru(p, x):
    # PyTorch has a second bias for r and u as well; it only adds to the first.
    return torch_rnn(nn.GRU, p, torch.cat([torch.zeros(2 * UNITS), p["recurrent_bias"]]), x)


def lstm(p, x):
    return torch_rnn(nn.LSTM, p, torch.zeros(4 * UNITS), x)


def cfc(mode, backbone_layers=0):
    names = ["ff1"] if mode == "pure" else ["ff1", "ff2", "time_a", "time_b"]

    def run(p, x):
        cell = CfCCell(x.shape[1], UNITS, mode=mode, backbone_units=BACKBONE_UNITS, backbone_layers=backbone_layers)
        layers = [(torch.cat([p["kernel"], p["recurrent_kernel"]]), p["bias"])]
        if backbone_layers > 0:
            layers += [(p[f"{name}.kernel"], p[f"{name}.bias"]) for name in backbone_names(backbone_layers)]
        weights = {}
        for index, (weight, bias) in enumerate(layers[:-1]):
            # Each is followed by its activation function.
            weights |= {f"backbone.{2 * index}.weight": weight.T, f"backbone.{2 * index}.bias": bias}
        heads, biases = layers[-1]
        for name, weight, bias in zip(names, heads.split(UNITS, dim=1), biases.split(UNITS)):
            weights |= {f"{name}.weight": weight.T, f"{name}.bias": bias}
        if mode == "pure":
            weights |= {"w_tau": p["w_tau"][None], "A": p["amplitude"][None]}
        state, outputs = torch.zeros(1, UNITS), []
        for step in x:
            state, _ = torch.func.functional_call(cell, weights, (step[None], state, ELAPSED))
            outputs.append(state[0])
        return torch.stack(outputs)

    return run


def ltc_parameters(n_inputs, wiring=None):
    def synapses(rows, prefix, mask):
        values = {
            f"{prefix}w": draw(rows, UNITS, low=-3.0, high=1.0),
            f"{prefix}sigma": draw(rows, UNITS, low=1.0, high=4.0),
            f"{prefix}mu": draw(rows, UNITS, low=-0.5, high=0.8),
            f"{prefix}erev": draw(rows, UNITS, low=-1.0, high=1.0),
        }
        if mask is not None:
            with torch.no_grad():
                values[f"{prefix}w"][mask == 0] = NO_SYNAPSE
                values[f"{prefix}erev"][mask == 0] = 0.0
        return values

    return {
        "input_kernel": draw(n_inputs, low=0.5, high=1.5),
        "input_bias": draw(n_inputs),
        **synapses(n_inputs, "sensory_", None if wiring is None else wiring.sensory_adjacency_matrix),
        **synapses(UNITS, "", None if wiring is None else wiring.adjacency_matrix),
        "leak": draw(UNITS, low=-3.0, high=0.5),
        "v_leak": draw(UNITS, low=-0.2, high=0.2),
        "capacity": draw(UNITS, low=-1.0, high=0.5),
        "output_kernel": draw(UNITS, low=0.5, high=1.5),
        "output_bias": draw(UNITS),
    }


NCPS_NAMES = {
    "input_kernel": "input_w",
    "input_bias": "input_b",
    "leak": "gleak",
    "v_leak": "vleak",
    "capacity": "cm",
    "output_kernel": "output_w",
    "output_bias": "output_b",
}


def ltc_ncps(wiring=None):
    def run(p, x):
        wired = wiring or FullyConnected(UNITS)
        cell = LTCCell(wired, x.shape[1], ode_unfolds=UNFOLDS, implicit_param_constraints=True)
        # ncps reads its parameters from a dictionary separate from the module's own.
        for name, value in p.items():
            cell._params[NCPS_NAMES.get(name, name)] = value
        if wiring is not None:
            # ncps' Random adds each sensory synapse twice; the mask is still 0 or 1.
            cell._params["sensory_sparsity_mask"] = torch.tensor(np.abs(wiring.sensory_adjacency_matrix) > 0, dtype=torch.float64)
        state, outputs = torch.zeros(1, UNITS), []
        for step in x:
            output, state = cell(step[None], state, ELAPSED)
            outputs.append(output[0])
        return torch.stack(outputs)

    return run


def ltc_explicit(solver):
    def run(p, x):
        leak, capacity, w, sensory_w = (functional.softplus(p[name]) for name in ("leak", "capacity", "w", "sensory_w"))
        h = ELAPSED / UNFOLDS

        def current(w, sigma, mu, erev, source, v):
            return (w * torch.sigmoid(sigma * (source[:, None] - mu)) * (erev - v)).sum(0)

        def slope(v, step):
            sensory = current(sensory_w, p["sensory_sigma"], p["sensory_mu"], p["sensory_erev"], step, v)
            return (leak * (p["v_leak"] - v) + sensory + current(w, p["sigma"], p["mu"], p["erev"], v, v)) / capacity

        v, outputs = torch.zeros(UNITS), []
        for step in x * p["input_kernel"] + p["input_bias"]:
            for _ in range(UNFOLDS):
                k1 = slope(v, step)
                if solver == "euler":
                    v = v + h * k1
                    continue
                k2 = slope(v + h / 2 * k1, step)
                k3 = slope(v + h / 2 * k2, step)
                k4 = slope(v + h * k3, step)
                v = v + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            outputs.append(v * p["output_kernel"] + p["output_bias"])
        return torch.stack(outputs)

    return run


def liquid_gate(p, x):
    h, outputs = torch.zeros(UNITS), []
    for step in x:
        of_z, of_k = (step @ p["kernel"] + h @ p["recurrent_kernel"] + p["bias"]).split(UNITS)
        z = torch.tanh(of_z)
        h = z + (h - z) * torch.exp(-functional.softplus(of_k + p["tau"]))
        outputs.append(h)
    return torch.stack(outputs)


def paper_ltc(reading, carry):
    def run(p, x):
        tau = functional.softplus(p["tau"])
        gain = torch.clamp(torch.sigmoid(p["c"]) / torch.sigmoid(p["g"]), max=PAPER["max_gain"])
        state, outputs = torch.zeros(UNITS), []
        for step in x:

            def target(h, of_input=step @ p["kernel"] + p["bias"]):
                return torch.tanh(of_input + h @ p["recurrent_kernel"])

            h, held = state, target(state)
            for _ in range(PAPER["unfolds"]):
                h = h + PAPER["dt"] * ((held if reading == "held" else target(h)) - h) / tau
            clipped = torch.clamp(h, 0.0, PAPER["clip"])
            outputs.append(clipped * gain)
            state = outputs[-1] if carry == "scaled" else clipped
        return torch.stack(outputs)

    return run


def pool(pooling, outputs, attention):
    if pooling == "last":
        return outputs[-1]
    if pooling == "attention":
        return torch.softmax(outputs @ attention, 0) @ outputs
    mean = outputs.mean(0)
    if pooling == "mean":
        return mean
    return torch.cat([mean, torch.sqrt(((outputs - mean) ** 2).mean(0) + DEVIATION_EPSILON)])


def numbers(value):
    """As many digits as a test with a tolerance of 1e-12 can distinguish."""
    return stored.to_digits(value.detach().numpy()).tolist()


def case(cell, run, make, layers=1, pooling="last"):
    sizes = [N_FEATURES] + [UNITS] * (layers - 1)
    by_layer = [make(size) for size in sizes]
    attention = draw(UNITS, low=-2.0, high=2.0) if pooling == "attention" else None
    readout_size = 2 * UNITS if pooling == "mean_deviation" else UNITS
    dense_kernel, dense_bias = draw(readout_size, N_CLASSES), draw(N_CLASSES)
    parameters = {f"layer{layer}.{name}": value for layer, p in enumerate(by_layer) for name, value in p.items()}
    parameters |= {} if attention is None else {"attention": attention}
    parameters |= {"dense_kernel": dense_kernel, "dense_bias": dense_bias}
    outputs, logits = [], []
    for x in inputs:
        for p in by_layer:
            x = run(p, x)
        outputs.append(x)
        logits.append(pool(pooling, x, attention) @ dense_kernel + dense_bias)
    loss = functional.cross_entropy(torch.stack(logits), torch.tensor(LABELS))
    gradients = torch.autograd.grad(loss, list(parameters.values()))
    return {
        "network": {"units": UNITS, "layers": layers, "pooling": pooling, "cell": cell},
        "parameters": {name: value.flatten().tolist() for name, value in parameters.items()},
        "outputs": [numbers(value.flatten()) for value in outputs],
        "logits": [numbers(value) for value in logits],
        "loss": loss.item(),
        "gradients": {name: numbers(value.flatten()) for name, value in zip(parameters, gradients)},
    }


def gru_parameters(n_inputs):
    return gates(n_inputs, 3) | {"recurrent_bias": draw(UNITS, low=-0.3, high=0.3)}


def pure_parameters(n_inputs):
    return gates(n_inputs, 1) | {"w_tau": draw(UNITS), "amplitude": draw(UNITS)}


def paper_parameters(n_inputs):
    return gates(n_inputs, 1) | {"tau": draw(UNITS, low=-5.0, high=1.0), "c": draw(UNITS, low=-1.0, high=3.0), "g": draw(UNITS, low=-1.0, high=3.0)}


def paper_cell(reading, carry):
    return {"kind": "paper_ltc", "reading": reading, "carry": carry} | PAPER


def cfc_cell(mode, backbone_layers=0):
    cell = {"kind": "cfc", "mode": mode, "elapsed": ELAPSED}
    if backbone_layers > 0:
        cell["backbone"] = {"units": BACKBONE_UNITS, "layers": backbone_layers}
    return cell


def backbone_names(layers):
    """All layers of a backbone after the first."""
    return [f"backbone{layer}" for layer in range(1, layers)] + ["heads"]


def backbone_parameters(n_inputs, n_gates, layers):
    values = {"kernel": draw(n_inputs, BACKBONE_UNITS), "recurrent_kernel": draw(UNITS, BACKBONE_UNITS), "bias": draw(BACKBONE_UNITS)}
    for name in backbone_names(layers):
        columns = n_gates * UNITS if name == "heads" else BACKBONE_UNITS
        values |= {f"{name}.kernel": draw(BACKBONE_UNITS, columns), f"{name}.bias": draw(columns, low=-0.3, high=0.3)}
    if n_gates == 1:
        values |= {"w_tau": draw(UNITS), "amplitude": draw(UNITS)}
    return values


def ltc_cell(solver):
    return {"kind": "ltc", "solver": solver, "unfolds": UNFOLDS, "elapsed": ELAPSED}


inputs = [torch.tensor(rng.standard_normal((steps, N_FEATURES)).round(3)) for steps in LENGTHS]
wiring = Random(UNITS, sparsity_level=0.5, random_seed=1)
wiring.build(N_FEATURES)
cases = {
    "gru": case({"kind": "gru"}, gru, gru_parameters),
    "gru_2_layers": case({"kind": "gru"}, gru, gru_parameters, layers=2),
    "lstm": case({"kind": "lstm"}, lstm, lambda m: gates(m, 4)),
    "lstm_2_layers": case({"kind": "lstm"}, lstm, lambda m: gates(m, 4), layers=2),
    "cfc_gated": case(cfc_cell("gated"), cfc("default"), lambda m: gates(m, 4)),
    "cfc_no_gate": case(cfc_cell("no_gate"), cfc("no_gate"), lambda m: gates(m, 4)),
    "cfc_pure": case(cfc_cell("pure"), cfc("pure"), pure_parameters),
    "ltc_semi_implicit": case(ltc_cell("semi_implicit"), ltc_ncps(), ltc_parameters),
    "ltc_wired": case(ltc_cell("semi_implicit"), ltc_ncps(wiring), lambda m: ltc_parameters(m, wiring)),
    "ltc_2_layers": case(ltc_cell("semi_implicit"), ltc_ncps(), ltc_parameters, layers=2),
    "ltc_euler": case(ltc_cell("euler"), ltc_explicit("euler"), ltc_parameters),
    "ltc_rk4": case(ltc_cell("rk4"), ltc_explicit("rk4"), ltc_parameters),
    "cfc_backbone_gated": case(cfc_cell("gated", 1), cfc("default", 1), lambda m: backbone_parameters(m, 4, 1)),
    "cfc_backbone_no_gate": case(cfc_cell("no_gate", 2), cfc("no_gate", 2), lambda m: backbone_parameters(m, 4, 2), layers=2),
    "cfc_backbone_pure": case(cfc_cell("pure", 3), cfc("pure", 3), lambda m: backbone_parameters(m, 1, 3)),
    "liquid_gate": case({"kind": "liquid_gate"}, liquid_gate, lambda m: gates(m, 2) | {"tau": draw(UNITS, low=-1.0, high=3.0)}),
    "paper_held": case(paper_cell("held", "scaled"), paper_ltc("held", "scaled"), paper_parameters),
    "paper_held_unscaled": case(paper_cell("held", "unscaled"), paper_ltc("held", "unscaled"), paper_parameters, layers=2),
    "paper_recomputed": case(paper_cell("recomputed", "scaled"), paper_ltc("recomputed", "scaled"), paper_parameters),
    "gru_mean": case({"kind": "gru"}, gru, gru_parameters, pooling="mean"),
    "gru_mean_deviation": case({"kind": "gru"}, gru, gru_parameters, pooling="mean_deviation"),
    "gru_attention": case({"kind": "gru"}, gru, gru_parameters, pooling="attention"),
}
data = {
    "versions": {name: version(name) for name in ("torch", "ncps", "numpy")},
    "inputs": [value.tolist() for value in inputs],
    "labels": LABELS,
    "cases": cases,
}
stored.save_json(pathlib.Path(__file__).resolve().parent.parent / "cells.json", data, separators=(",", ":"))
