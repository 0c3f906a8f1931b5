"""A side whose cases take the time that they say; some go wrong."""

import os
import time


def info():
    return {"made_up": "1.0"}


def set_threads(threads):
    pass


def prepare(case):
    if case["op"] == "unknown":
        return None
    if case["op"] == "fails":
        raise ValueError("cannot do that")
    if case["op"] == "dies":
        print("out of memory", flush=True)
        os._exit(3)
    return {
        "slow": lambda: time.sleep(2 * case["seconds"]),
        "in batches": (lambda: time.sleep(3 * case["seconds"]), 3),
    }
