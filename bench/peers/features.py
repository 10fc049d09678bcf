"""The two configurations of the golden data, computed as librosa's users do."""

import numpy as np

SAMPLE_RATE = 16_000
N_MFCC = 13
CONFIGS = {
    "A": {"n_fft": 2048, "win_length": 2048, "hop_length": 512, "n_mels": 128},
    "C": {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 40},
}


def librosa_features(speech: np.ndarray, config: str) -> np.ndarray:
    """MFCC, delta and delta-delta, [frames, 39]. No floor relative to the loudest cell: a stream cannot have one."""
    import librosa

    power = librosa.feature.melspectrogram(y=speech, sr=SAMPLE_RATE, fmax=SAMPLE_RATE / 2, **CONFIGS[config])
    mfcc = librosa.feature.mfcc(S=librosa.power_to_db(power, top_db=None), n_mfcc=N_MFCC)
    return np.vstack([mfcc, librosa.feature.delta(mfcc), librosa.feature.delta(mfcc, order=2)]).T
