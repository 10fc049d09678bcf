"""One side of a measurement: a process that reports, line by line, how long a case takes.

First line out: {"versions": {...}, "cases": [...]}. A line in is `case seconds`; the line out is {"milliseconds": median of a call,
"result": result of the first call of the case, or null}. All workers stay alive and only the one being asked is busy, so
that peers and project alternate on one core.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

Call = Callable[[], object]


def serve(versions: dict[str, str], cases: dict[str, Callable[[], Call]]) -> None:
    """Answers until standard input ends. `cases` prepare the functions that are then called repeatedly."""
    # Libraries print to standard output; their output must not be mistaken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({"versions": versions, "cases": list(cases)}), file=answers, flush=True)
    ready: dict[str, Call] = {}
    for line in sys.stdin:
        case, seconds = line.split()
        result = None
        if case not in ready:
            ready[case] = cases[case]()
            result = np.asarray(ready[case](), dtype=float).ravel().tolist()
        reply = {"milliseconds": measure(ready[case], float(seconds)), "result": result}
        print(json.dumps(reply), file=answers, flush=True)


def measure(call: Call, seconds: float) -> float:
    """Median milliseconds of a call, repeated for about `seconds` after one call to warm up caches."""
    call()
    times = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)
