"""Keras on TensorFlow: the paper's cell as a layer, the paper's path from speech to probabilities, and a training epoch."""

import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import librosa
import numpy as np
import tensorflow as tf
from keras import ops

import features
import inputs
import worker


class LtcCell(keras.layers.Layer):
    """The paper's cell. `held`: z once per frame, as in the published code; otherwise z again at every unfold, as in the formula."""

    def __init__(self, held: bool, **settings) -> None:
        super().__init__(**settings)
        self.held = held
        self.state_size = self.output_size = inputs.UNITS

    def build(self, shape) -> None:
        penalty = keras.regularizers.L2(inputs.L2)
        self.kernel = self.add_weight(name="kernel", shape=(shape[-1], inputs.UNITS), initializer="glorot_uniform", regularizer=penalty)
        self.recurrent = self.add_weight(
            name="recurrent", shape=(inputs.UNITS, inputs.UNITS), initializer="glorot_uniform", regularizer=penalty
        )
        self.bias = self.add_weight(name="bias", shape=(inputs.UNITS,), initializer="zeros")
        self.tau, self.c, self.g = (self.add_weight(name=name, shape=(inputs.UNITS,), initializer="ones") for name in ("tau", "c", "g"))

    def call(self, step, states):
        state = states[0]
        rate = inputs.DT / ops.softplus(self.tau)
        projected = ops.matmul(step, self.kernel) + self.bias
        z = ops.tanh(projected + ops.matmul(state, self.recurrent))
        for unfold in range(inputs.UNFOLDS):
            if unfold > 0 and not self.held:
                z = ops.tanh(projected + ops.matmul(state, self.recurrent))
            state = state + rate * (z - state)
        gain = ops.minimum(ops.sigmoid(self.c) / ops.sigmoid(self.g), inputs.MAX_GAIN)
        state = ops.clip(state, 0.0, inputs.CLIP) * gain
        return state, [state]


def network(held: bool) -> keras.Model:
    keras.utils.set_random_seed(1)
    layers = [
        keras.Input((None, inputs.N_FEATURES)),
        keras.layers.RNN(LtcCell(held)),
        keras.layers.Dense(inputs.N_LABELS, activation="softmax", kernel_regularizer=keras.regularizers.L2(inputs.L2)),
    ]
    return keras.Sequential(layers)


def trained(folder: str) -> keras.Model:
    """The network with the weights from the project's file."""
    model = network(held=False)
    weights = inputs.weights(folder)
    # The file contains the folded rate and gain; these are values of tau, C and G that fold to them.
    tau = np.log(np.expm1(inputs.DT / weights["rate"].astype(np.float64)))
    ratio = weights["gain"].astype(np.float64) / 10
    c, g = np.log(ratio / (1 - ratio)), np.full(inputs.UNITS, np.log(0.1 / 0.9))
    model.layers[0].set_weights([weights["projection"], weights["recurrent_kernel"], weights["projection_bias"], tau, c, g])
    model.layers[1].set_weights([weights["dense_kernel"], weights["dense_bias"]])
    return model


def inference(folder: str, frames: int) -> worker.Call:
    model = trained(folder)
    compiled = tf.function(lambda block: model(block, training=False))
    block = tf.constant(inputs.features(folder, frames)[None])
    return lambda: compiled(block).numpy()


def papers_way(folder: str, frames: int) -> worker.Call:
    """librosa, scaler and `predict`, from samples to probabilities."""
    config = {157: "A", 500: "C"}[frames]
    model = trained(folder)
    speech = inputs.speech(folder)
    mean, scale = inputs.scaler(folder, frames)

    def call() -> np.ndarray:
        block = (features.librosa_features(speech, config)[:frames] - mean) / scale
        return model.predict(block[None], verbose=0)

    return call


def epoch(held: bool) -> worker.Call:
    sequences, labels = inputs.training_set()
    targets = keras.utils.to_categorical(labels, inputs.N_LABELS)
    model = network(held)
    model.compile(optimizer=keras.optimizers.Adam(inputs.LEARNING_RATE), loss="categorical_crossentropy")

    def call() -> list[float]:
        model.fit(sequences, targets, batch_size=inputs.BATCH, epochs=1, verbose=0)
        return []

    return call


def main(folder: str) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    cases = {f"ltc_{frames}": lambda frames=frames: inference(folder, frames) for frames in (157, 500)}
    cases |= {f"block_{frames}": lambda frames=frames: papers_way(folder, frames) for frames in (157, 500)}
    cases |= {"epoch_held": lambda: epoch(True), "epoch_recomputed": lambda: epoch(False)}
    versions = {"keras": keras.__version__, "tensorflow": tf.__version__, "librosa": librosa.__version__}
    worker.serve(versions, cases)


if __name__ == "__main__":
    main(sys.argv[1])
