"""Files of Debian's packages, which are downloaded and unpacked, not installed."""

import subprocess

# Archives that games keep their sounds in.
ARCHIVES = {".zip", ".pk3", ".wz"}


def unpacked(package, work):
    """A package's files in the folder `work`, where they stay for the other scripts, and its version."""
    folder = work / package
    work.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        subprocess.run(["apt-get", "download", package], cwd=work, check=True, capture_output=True)
        archive = next(work.glob(f"{package}_*.deb"))
        subprocess.run(["dpkg", "-x", archive, folder], check=True)
        for inner in [path for path in folder.rglob("*") if path.suffix in ARCHIVES]:
            # A status of 11 says that there are no sounds.
            subprocess.run(["unzip", "-qo", inner, "*.ogg", "*.wav", "-d", inner.with_suffix("")], capture_output=True)
    return folder, next(work.glob(f"{package}_*.deb")).name.split("_")[1].replace("%3a", ":")
