"""Trains for an epoch and prints its peak of memory: `python memory_probe.py SIDE THREADS CPUS VARIANT CASE`.

VARIANT is the number of one of the side's variants; prints "null" where there are fewer.
"""

import importlib
import json
import os
import re
import resource
import sys

STATUS = "/proc/self/status"


def peak_bytes():
    """Of this process, so far."""
    if os.path.exists(STATUS):  # getrusage would count the process that this one was forked from
        with open(STATUS) as file:
            return int(re.search(r"VmHWM:\s*(\d+) kB", file.read())[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts in bytes, others in KiB


def main():
    side_name, threads, cpus, variant, case = sys.argv[1:]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})
    os.environ["OMP_NUM_THREADS"] = threads
    sys.path[0] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sides")
    side = importlib.import_module(side_name)
    side.set_threads(int(threads))
    imported = peak_bytes()
    variants = list((side.prepare(json.loads(case)) or {}).items())
    if int(variant) >= len(variants):
        print("null")
        return
    name, (run, _) = variants[int(variant)]
    run()
    run()
    print(json.dumps({"variant": name, "imported": imported, "trained": peak_bytes()}))


if __name__ == "__main__":
    main()
