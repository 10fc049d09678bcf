"""torchaudio: features.

Its deltas are HTK's regression, applied twice, with the edge frames repeated; only its MFCCs equal librosa's. No floor relative to the loudest
cell, as for librosa.
"""

import sys

import torch
import torchaudio

import features
import inputs
import worker


def prepare(folder: str, config: str) -> worker.Call:
    mel = {**features.CONFIGS[config], "f_max": features.SAMPLE_RATE / 2, "norm": "slaney", "mel_scale": "slaney", "pad_mode": "constant"}
    transform = torchaudio.transforms.MFCC(features.SAMPLE_RATE, features.N_MFCC, melkwargs=mel)
    transform.amplitude_to_DB.top_db = None
    speech = torch.from_numpy(inputs.speech(folder))

    @torch.inference_mode()
    def call() -> torch.Tensor:
        mfcc = transform(speech)
        delta = torchaudio.functional.compute_deltas(mfcc, win_length=9)
        return torch.cat([mfcc, delta, torchaudio.functional.compute_deltas(delta, win_length=9)]).T

    return call


def main(folder: str) -> None:
    torch.set_num_threads(1)
    cases = {f"features_{config}": lambda config=config: prepare(folder, config) for config in features.CONFIGS}
    worker.serve({"torchaudio": torchaudio.__version__}, cases)


if __name__ == "__main__":
    main(sys.argv[1])
