"""Describes the machine as one line of JSON: date, cpu, cores, os, python."""

import datetime
import json
import os
import platform
from pathlib import Path


def cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def system() -> str:
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {platform.system()} {platform.release()}"
    except OSError:
        return platform.platform()


description = {
    "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    "cpu": cpu(),
    "cores": os.cpu_count(),
    "os": system(),
    "python": platform.python_version(),
}
print(json.dumps(description))
