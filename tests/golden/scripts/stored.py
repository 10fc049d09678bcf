"""How the scripts here write their results: arrays as NumPy files and tables as JSON, each compressed with gzip, and with no more precision than needed.

A reference computes 53 bits, of which a test with a tolerance of 1e-10 uses the first 34: the rest is noise, and noise does not compress.
"""

import gzip
import io
import json
import math

import numpy as np


def load(path):
    with gzip.open(f"{path}.gz") as file:
        return np.load(file)


def save(path, array):
    """`array` exactly, to `path`.gz."""
    file = io.BytesIO()
    np.save(file, np.asarray(array))
    write(path, file.getvalue())


def load_json(path):
    return json.loads(gzip.open(f"{path}.gz").read())


def save_features(path, features):
    """As float32 in steps of 2^-14: 3e-5, and 6e-8 of a large value, within the test's tolerance of 1e-4 and 2e-7 of a value."""
    save(path, rounded(features, 2.0**-14).astype(np.float32))


def save_json(path, data, **layout):
    write(path, (json.dumps(data, **layout) + "\n").encode())


def write(path, content):
    # Without name and time, so that equal data gives equal files.
    with open(f"{path}.gz", "wb") as file:
        file.write(gzip.compress(content, 9, mtime=0))


def rounded(array, step):
    """`array` in multiples of `step`, which is a power of two, so that every type represents them exactly."""
    array = np.asarray(array)
    return (np.round(array.astype(np.float64) / step) * step).astype(array.dtype)


def to_digits(array, digits=13):
    """`array` with as many decimals as its largest absolute value needs for `digits` digits: to_bits for data written as text."""
    array = np.asarray(array, np.float64)
    largest = float(np.abs(array).max(initial=0.0))
    return array if largest == 0.0 else np.round(array, digits - 1 - math.floor(math.log10(largest)))


def to_bits(array, bits):
    """`array` in steps of its largest absolute value, `bits` bits of it: a test that measures errors relative to that value sees 2^-bits at most."""
    array = np.asarray(array, np.float64)
    largest = float(np.abs(array).max(initial=0.0))
    return array if largest == 0.0 else rounded(array, 2.0 ** (math.floor(math.log2(largest)) + 1 - bits))
