"""NumPy by hand."""

import numpy as np
import numpy_models
from common import random


def info():
    return {"numpy": np.__version__}


def set_threads(threads):
    if threads:
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads)


def prepare(case):
    """The variants that NumPy has of a case: {name: callable}; none if it has no such op."""
    builder = BUILDERS.get(case["op"])
    return builder(case) if builder else None


def matmul(case):
    a, b = random(case["m"], case["k"]), random(case["k"], case["n"])
    if case["layout"][0] == "T":
        a = np.ascontiguousarray(a.T).T
    if case["layout"][1] == "T":
        b = np.ascontiguousarray(b.T).T
    out = np.empty((case["m"], case["n"]), np.float32)
    return {"out=": lambda: np.matmul(a, b, out=out), "new": lambda: np.matmul(a, b)}


UNARY = {"relu": lambda x, out: np.maximum(x, 0, out=out), "exp": np.exp, "tanh": np.tanh, "sin": np.sin}
BINARY = {"add": np.add, "multiply": np.multiply}


def unary(case):
    x, op = random(*case["shape"]), UNARY[case["op"]]
    out = np.empty_like(x)
    return {"out=": lambda: op(x, out=out)}


def binary(case):
    x, y, op = random(*case["shape"]), random(*case["shape"]), BINARY[case["op"]]
    out = np.empty_like(x)
    return {"out=": lambda: op(x, y, out=out)}


def add_row(case):
    x, row = random(*case["shape"]), random(case["shape"][-1])
    out = np.empty_like(x)
    return {"out=": lambda: np.add(x, row, out=out)}


def total(case):
    x = random(*case["shape"])
    axis = {"sum_columns": 0, "sum_rows": 1, "sum_all": None}[case["op"]]
    return {"sum": lambda: x.sum(axis)}


def channels_first(case):
    x = random(*case["shape"]).transpose(0, 3, 1, 2)
    out = np.empty(x.shape, x.dtype)
    return {"copyto": lambda: np.copyto(out, x)}


BUILDERS = {
    "matmul": matmul,
    **dict.fromkeys(("sum_columns", "sum_rows", "sum_all"), total),
    "add_row": add_row,
    "channels_first": channels_first,
    **dict.fromkeys(UNARY, unary),
    **dict.fromkeys(BINARY, binary),
    **numpy_models.BUILDERS,
}
