"""Runs one side's code in a process of its own, on request: `python worker.py SIDE THREADS CPUS`.

Works in any environment: it needs nothing but the side's own library. Requests and answers are lines of JSON; what a
library prints goes to stderr. Requests: {"prepare": case, "seconds": of a turn}, {"turn": true}, {"info": true}.
THREADS is 0 where the library shall choose. A function with an attribute `seconds` times itself, with a GPU's clock:
`seconds(repeats)` is the time of a call, averaged.
"""

import contextlib
import gc
import importlib
import json
import os
import sys
import time

# Before a variant is timed it runs for so many turns, and for so many calls or seconds, whichever is less: memory
# allocators take some calls to settle, and page faults would count as the kernel's time.
WARM_UP_TURNS, WARM_UP_CALLS, WARM_UP_SECONDS = 1.5, 20, 0.2
SIDES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sides")


class Prepared:
    """A case ready to be timed: the fastest of the side's variants, and how often it runs in a turn.

    Args:
        variants: {name: function} or {name: (function, units)}, where a call does `units` of what is measured.
        seconds: of a turn.
    """

    def __init__(self, variants, seconds):
        best = None
        for name, variant in variants.items():
            run, units = variant if isinstance(variant, tuple) else (variant, 1)
            run()
            once = warm_up(run, seconds)
            repeats = max(1, round(seconds / once)) if once >= seconds / 4 else calibrate(run, seconds)
            fastest = once if repeats == 1 else min(timed(run, repeats) for _ in range(2))
            if best is None or fastest / units < best[0]:
                best = fastest / units, name, run, units, repeats
        _, self.variant, self.run, self.units, self.repeats = best

    def turn(self):
        """Seconds for a unit."""
        return timed(self.run, self.repeats) / self.units


def timed(run, repeats):
    """Seconds of one call, averaged over `repeats` calls."""
    if hasattr(run, "seconds"):
        return run.seconds(repeats)
    calls = range(repeats)
    begin = time.perf_counter()
    for _ in calls:
        run()
    return (time.perf_counter() - begin) / repeats


def warm_up(run, seconds):
    """Runs until nothing new happens. Returns the seconds of the last call."""
    begin = time.perf_counter()
    calls = 0
    while True:
        once = timed(run, 1)
        calls += 1
        taken = time.perf_counter() - begin
        if taken >= WARM_UP_TURNS * seconds and (calls >= WARM_UP_CALLS or taken >= WARM_UP_SECONDS):
            return once


def calibrate(run, seconds):
    """How many calls of a quick function fill a turn."""
    repeats = 1
    while True:
        taken = timed(run, repeats) * repeats
        if taken >= seconds / 4 or repeats >= 1 << 24:
            return max(1, round(repeats * seconds / max(taken, 1e-9)))
        repeats *= 4


def main():
    side_name, threads, cpus = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    if cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.path[0] = SIDES
    if threads:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    side = importlib.import_module(side_name)
    side.set_threads(threads)
    gc.disable()
    prepared = None
    for line in sys.stdin:
        request = json.loads(line)
        answer = {}
        try:
            if "info" in request:
                answer = side.info()
            elif "prepare" in request:
                prepared = None
                gc.collect()
                variants = side.prepare(request["prepare"])
                if variants:
                    prepared = Prepared(variants, request["seconds"])
                    answer = {"variant": prepared.variant, "repeats": prepared.repeats}
            else:
                answer = {"seconds": prepared.turn()}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
