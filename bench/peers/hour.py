"""Processor time and peak memory of `moodline analyze --jobs 1` on one hour of 48 kHz stereo speech, alternating with ffmpeg, as one line of JSON.

usage: hour.py MOODLINE FOLDER ROUNDS

ffmpeg only decodes the recording, mixes it to mono and resamples it to 16 kHz. It also makes the recordings in formats other than WAV; without it only
WAV is measured.

Imports nothing large: a new process starts as a copy of this one, and its peak counts.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import wave
from pathlib import Path

RATE = 48_000
MINUTES = 60
FORMATS = {"WAV": "hour.wav", "FLAC": "hour.flac", "MP3": "hour.mp3"}
BACKENDS = ("native", "auto")


def write_recording(minute: Path, recording: Path) -> None:
    """The minute made by prepare.py, repeated."""
    piece = minute.read_bytes()
    with wave.open(str(recording), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.setnframes(RATE * 60 * MINUTES)
        for _ in range(MINUTES):
            file.writeframesraw(piece)


def usage(command: list[str]) -> tuple[float, int]:
    """Processor time in seconds, user and system, and peak memory in bytes of a program that must succeed."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command} failed")
    return used.ru_utime + used.ru_stime, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measure(name: str, recording: Path, moodline: str, ffmpeg: str | None, rounds: int) -> dict[str, object]:
    answer = recording.with_suffix(".json")
    analyze = [moodline, "analyze", "--jobs", "1", "--format", "json", "--output", str(answer)]
    times: dict[str, list[float]] = {backend: [] for backend in BACKENDS}
    theirs, peak, taken = [], 0, {}
    for _ in range(rounds):
        if ffmpeg:
            decode = [ffmpeg, "-v", "error", "-threads", "1", "-i", str(recording), "-ac", "1", "-ar", "16000", "-f", "null", "-"]
            theirs.append(usage(decode)[0])
        for backend in BACKENDS:
            seconds, bytes_ = usage([*analyze, "--backend", backend, str(recording)])
            taken[backend] = json.loads(answer.read_text())["backend"]
            times[backend].append(seconds)
            peak = max(peak, bytes_)
    measured = [backend for backend in BACKENDS if backend == "native" or taken[backend] != "native"]
    return {
        "format": name,
        "peak_bytes": peak,
        "ffmpeg_seconds": statistics.median(theirs) if theirs else None,
        "runs": [
            {
                "backend": taken[backend],
                "seconds": statistics.median(times[backend]),
                "ratio": statistics.median(ours / other for ours, other in zip(times[backend], theirs)) if theirs else None,
            }
            for backend in measured
        ],
    }


def main(moodline: str, folder: str, rounds: str) -> None:
    ffmpeg = shutil.which("ffmpeg")
    wav = Path(folder) / FORMATS["WAV"]
    write_recording(Path(folder) / "minute.s16", wav)
    hours, missing = [], []
    for name, file in FORMATS.items():
        recording = Path(folder) / file
        if name != "WAV":
            encoded = ffmpeg and subprocess.run([ffmpeg, "-v", "error", "-y", "-i", wav, "-b:a", "192k", recording], stdin=subprocess.DEVNULL)
            if not encoded or encoded.returncode != 0:
                missing.append(name)
                continue
        hours.append(measure(name, recording, moodline, ffmpeg, int(rounds)))
    for file in FORMATS.values():
        (Path(folder) / file).unlink(missing_ok=True)
    version = subprocess.run([ffmpeg, "-version"], capture_output=True, text=True).stdout.split()[2] if ffmpeg else None
    print(json.dumps({"ffmpeg": version, "hours": hours, "missing": missing}))


if __name__ == "__main__":
    main(*sys.argv[1:])
