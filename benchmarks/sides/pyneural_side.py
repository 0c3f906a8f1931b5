"""pyneural: kernels in prepared plans, as `fit` runs them, and whole models."""

from keras_models import builders

import pyneural
from pyneural import _core
from pyneural.bench import kernels
from pyneural.bench.cases import BINARY, UNARY


def info():
    return {"pyneural": pyneural.__version__, "simd_level": _core.simd_level()}


def set_threads(threads):
    if threads:
        _core.set_num_threads(threads)


def prepare(case):
    """The variants that pyneural has of a case: {name: callable}."""
    if case["op"] in kernels.BUILDERS:
        return kernel(case)
    builder = BUILDERS.get(case["op"])
    return builder(case) if builder else None


def kernel(case):
    """A kernel is a plan of its own, built as `pyneural bench` builds it."""
    plan, inputs = kernels.prepare(case)
    tensors = [_core.tensor(x) for x in inputs]
    variants = {"plan": lambda: plan.run(tensors)}
    if case["op"] in ("matmul", *UNARY, *BINARY):  # a single call: as quick to write without a plan
        function = kernels.BUILDERS[case["op"]](case)[0]
        variants["eager"] = lambda: function(*tensors)
    return variants


BUILDERS = builders(pyneural)
