"""Pitch of the sample recordings according to librosa's two trackers: tests/golden/prosody/<clip>.npy.gz.

Each file is float32, [4, frames], with a frame every 10 ms, centred on t * 160 samples: pYIN's F0 (Hz, 0 if unvoiced), its voiced_flag,
its voiced_prob, and YIN's F0 (Hz, of every frame).

    python prosody.py    # librosa 0.11.0, numpy 2.4.6, soundfile 0.14.0
"""

from pathlib import Path

import librosa
import numpy as np
import soundfile

import stored

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "prosody"
SETTINGS = dict(sr=16_000, fmin=60, fmax=500, frame_length=1024, hop_length=160, center=True)

OUT.mkdir(exist_ok=True)
for path in sorted((ROOT.parent / "samples").glob("*.flac")):
    if path.stem == "unheard":
        continue
    samples, rate = soundfile.read(path, dtype="float64")
    assert rate == SETTINGS["sr"]
    f0, voiced_flag, voiced_prob = librosa.pyin(samples, **SETTINGS)
    yin = librosa.yin(samples, **SETTINGS)
    found = np.stack([np.nan_to_num(f0), voiced_flag, voiced_prob, yin])
    # Hz and probabilities to 1/32: pitches are compared to within 5 %, probabilities with one half.
    stored.save(OUT / f"{path.stem}.npy", stored.rounded(found, 2.0**-5).astype(np.float32))
stored.save_json(OUT / "manifest.json", {"librosa": librosa.__version__, "numpy": np.__version__, **SETTINGS}, indent=1)
