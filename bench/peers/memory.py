"""Peak memory of `moodline analyze` on one hour of 48 kHz stereo speech, as one line of JSON.

usage: memory.py MOODLINE FOLDER

Imports nothing large: before it becomes the program, the new process is a copy of this one, and its peak counts.
"""

import array
import json
import resource
import subprocess
import sys
import time
import wave
from pathlib import Path

RATE = 48_000
SECONDS = 3600


def write_recording(speech: Path, recording: Path) -> None:
    """The 5 s of speech (float32, 16 kHz) over and over, each sample three times on both channels."""
    samples = array.array("f", speech.read_bytes())
    frames = array.array("h")
    for sample in samples:
        value = max(-32768, min(32767, round(32767 * sample)))
        frames.extend([value] * 6)
    piece = frames.tobytes()
    with wave.open(str(recording), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.setnframes(RATE * SECONDS)
        for _ in range(RATE * SECONDS * 4 // len(piece)):
            file.writeframesraw(piece)


def main(moodline: str, folder: str) -> None:
    recording = Path(folder) / "hour.wav"
    write_recording(Path(folder) / "speech.f32", recording)
    start = time.perf_counter()
    command = [moodline, "analyze", "--format", "json", "--output", str(Path(folder) / "hour.json"), str(recording)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    seconds = time.perf_counter() - start
    recording.unlink()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    print(json.dumps({"peak_bytes": peak * unit, "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
