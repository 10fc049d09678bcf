"""Reads an array with numpy.

usage: read_features.py FILE.npy

Writes, as JSON, its type, shape and values.
"""

import json
import sys

import numpy


def main(path: str) -> None:
    array = numpy.load(path)
    json.dump({"dtype": str(array.dtype), "shape": array.shape, "values": array.astype(float).ravel().tolist()}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
