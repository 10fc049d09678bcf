"""Losses and optimisers of Keras and PyTorch on small sets of seeded numbers: writes ../training_choices.json.gz.

Needs keras, torch and numpy; run with KERAS_BACKEND=torch.
"""

import pathlib

import keras
import numpy as np
import torch

import stored

LEARNING_RATE = 0.03125
N_STEPS = 5

# Otherwise Keras rounds its settings to float32, regardless of the variables.
keras.config.set_floatx("float64")


def optimisers(rng):
    start = rng.standard_normal(6)
    gradients = rng.standard_normal((N_STEPS, 6))
    kinds = {
        "adamw": lambda: keras.optimizers.AdamW(LEARNING_RATE, weight_decay=0.05, beta_1=0.9, beta_2=0.999, epsilon=1e-7),
        "sgd": lambda: keras.optimizers.SGD(LEARNING_RATE),
        "momentum": lambda: keras.optimizers.SGD(LEARNING_RATE, momentum=0.9),
        "nesterov": lambda: keras.optimizers.SGD(LEARNING_RATE, momentum=0.9, nesterov=True),
    }
    ends = {}
    for name, make in kinds.items():
        variable = keras.Variable(start, dtype="float64")
        optimiser = make()
        for gradient in gradients:
            optimiser.apply([keras.ops.convert_to_tensor(gradient, dtype="float64")], [variable])
        ends[name] = keras.ops.convert_to_numpy(variable).tolist()
    return {"learning_rate": LEARNING_RATE, "start": start.tolist(), "gradients": gradients.tolist(), "ends": ends}


def losses(rng):
    logits = torch.tensor(rng.standard_normal((6, 4)) * 3, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 1, 2, 3, 1, 2])

    def focal(gamma):
        log_p = torch.log_softmax(logits, 1)[range(6), labels]
        return -((1 - log_p.exp()) ** gamma) * log_p

    smooth = torch.nn.CrossEntropyLoss(label_smoothing=0.1, reduction="none")
    answers = {}
    for name, of in {"label_smoothing": lambda: smooth(logits, labels), "focal": lambda: focal(2.0)}.items():
        loss = of()
        (gradient,) = torch.autograd.grad(loss.sum(), logits)
        answers[name] = {"loss": loss.tolist(), "gradient": gradient.tolist()}
    return {"logits": logits.tolist(), "labels": labels.tolist(), "epsilon": 0.1, "gamma": 2.0, "answers": answers}


rng = np.random.default_rng(20261122)
data = {
    "versions": {"keras": keras.__version__, "torch": torch.__version__, "numpy": np.__version__},
    "optimisers": optimisers(rng),
    "losses": losses(rng),
}
path = pathlib.Path(__file__).resolve().parent.parent / "training_choices.json"
stored.save_json(path, data, indent=1)
