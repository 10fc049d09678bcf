"""Silero VAD 6.2 on whole recordings: probabilities every 32 ms, and times of speech.

The model is the file inside the wheel `silero-vad`; torch, which the wheel's own code needs, is not.
"""

import importlib.metadata
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
import soxr

RATE = 16_000
# Samples per chunk, and samples of the previous chunk that the model sees again.
CHUNK, CONTEXT = 512, 64
# Thresholds for the start and end of speech, and shortest speech and pause, seconds. The wheel's own defaults are 0.5, 0.35, 0.25 and 0.1, with 30 ms
# of margin.
ONSET, OFFSET, MIN_SPEECH, MIN_PAUSE = 0.5, 0.35, 0.1, 0.1


def read(path):
    """Mono samples at RATE."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    return mono if rate == RATE else soxr.resample(mono, rate, RATE)


class Silero:
    def __init__(self):
        wheel = importlib.metadata.distribution("silero-vad")
        self.version = wheel.version
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        path = Path(wheel.locate_file("silero_vad/data/silero_vad.onnx"))
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def probabilities(self, clips):
        """One array a clip, a value for each chunk; the clips are run side by side, each from a fresh state."""
        n_chunks = [-(-len(clip) // CHUNK) for clip in clips]
        padded = np.zeros((len(clips), CONTEXT + max(n_chunks) * CHUNK), dtype=np.float32)
        for row, clip in zip(padded, clips):
            row[CONTEXT : CONTEXT + len(clip)] = clip
        state = np.zeros((2, len(clips), 128), dtype=np.float32)
        rate, out = np.array(RATE, dtype=np.int64), []
        for chunk in range(max(n_chunks)):
            seen = padded[:, chunk * CHUNK : (chunk + 1) * CHUNK + CONTEXT]
            answer, state = self.session.run(None, {"input": seen, "state": state, "sr": rate})
            out.append(answer[:, 0])
        return [np.array(row[:n]) for row, n in zip(np.array(out).T, n_chunks)]

    def times(self, probabilities, n_samples):
        """Times of speech of one recording, [(start_s, end_s)]."""
        runs, start = [], None
        for chunk, probability in enumerate([*probabilities, 0.0]):
            if start is None and probability >= ONSET:
                start = chunk
            elif start is not None and probability < OFFSET:
                runs.append((start, chunk))
                start = None
        seconds = CHUNK / RATE
        joined = []
        for start, end in runs:
            if joined and (start - joined[-1][1]) * seconds < MIN_PAUSE:
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((start, end))
        last = n_samples / RATE
        return [(s * seconds, min(e * seconds, last)) for s, e in joined if (e - s) * seconds >= MIN_SPEECH]
