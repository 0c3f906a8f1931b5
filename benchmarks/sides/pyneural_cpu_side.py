"""pyneural on the CPU with all its threads, beside pyneural on a GPU: where the case asks for it."""

import pyneural_side
from pyneural_side import info, set_threads  # noqa: F401


def prepare(case):
    return pyneural_side.prepare(case) if case.get("against_cpu") else None
