"""pyneural on the CPU with all its threads, beside pyneural on a GPU: where the case asks for it."""

import pyneural_side
from pyneural_side import info, set_threads  # noqa: F401


def prepare(case):
    wanted = case.get("against_cpu") and case["precision"] == "float32"
    return pyneural_side.prepare(case) if wanted else None
