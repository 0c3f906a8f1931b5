"""pyneural: kernels in prepared plans, as `fit` runs them, and whole models; where PYNEURAL_DEVICE says."""

import statistics

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
    if on_gpu():
        _core.set_matmul_precision(case.get("precision", "float32"))
    if case["op"] in kernels.BUILDERS:
        return kernel(case)
    builder = BUILDERS.get(case["op"])
    return builder(case) if builder else None


def kernel(case):
    """A kernel is a plan of its own, built as `pyneural bench` builds it."""
    plan, inputs = kernels.prepare(case)
    tensors = [_core.tensor(x) for x in inputs]
    if on_gpu():
        return {"plan": GpuPlan(plan, tensors)}
    variants = {"plan": lambda: plan.run(tensors)}
    if case["op"] in ("matmul", *UNARY, *BINARY):
        variants["eager"] = single_call(case, tensors)
    return variants


def single_call(case, tensors):
    """An op as a user calls it without a plan, and as the peers' are called here."""
    x, *more = tensors
    if case["op"] == "matmul":
        (y,), (transpose_a, transpose_b) = more, (letter == "T" for letter in case["layout"])
        return lambda: _core.matmul(x, y, transpose_a, transpose_b)
    if case["op"] == "gelu":
        return lambda: _core.gelu(x, approximate=False)
    op = getattr(_core, case["op"])
    if more:
        (y,) = more
        return lambda: op(x, y)
    return lambda: op(x)


def on_gpu():
    return _core.current_device() != "cpu"


class GpuPlan:
    """A plan that the GPU's clock times, without the copies of inputs and outputs that `run` makes."""

    def __init__(self, plan, tensors):
        self.plan, self.tensors = plan, tensors

    def __call__(self):
        self.plan.time_rounds(self.tensors)

    def seconds(self, repeats):
        recorded = min(repeats, kernels.MAX_RECORDED)
        return statistics.fmean(self.plan.time_rounds(self.tensors, recorded, max(1, repeats // recorded)))


BUILDERS = builders(pyneural)
