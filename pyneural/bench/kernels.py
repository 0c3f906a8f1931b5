"""Times the kernels of bench/cases.py inside prepared plans, as `fit` runs them."""

from __future__ import annotations

import math
import statistics
from typing import Any

from pyneural import _core
from pyneural.bench import pointwise_kernels
from pyneural.bench.pointwise_kernels import Arrays, Function, random
from pyneural.bench.results import Point
from pyneural.devices import device as on_device

ROUNDS = 5  # the time is split into that many; the best of their medians counts
MAX_REPEATS = 10_000  # of a round
GPU_ROUNDS, MAX_RECORDED = 9, 500  # a GPU's own clock is exact: a median of short rounds


def measure(case: dict, threads: int, seconds: float, device: str = "cpu") -> Point:
    """Times a case in about `seconds`.

    Raises:
        ValueError: For a case of an unknown op.
    """
    before = _core.num_threads()
    _core.set_num_threads(threads)
    try:
        with on_device(device):
            plan, inputs = prepare(case)
            taken = _cpu_seconds(plan, inputs, seconds) if device == "cpu" else gpu_seconds(plan, inputs, seconds)
    finally:
        _core.set_num_threads(before)
    work = {name: case.get(name) for name in ("flops", "bytes", "footprint")}
    return Point(case["name"], family(case), threads, taken, device=device, **work)


def gpu_seconds(plan: Any, inputs: list, seconds: float, rounds: int = GPU_ROUNDS) -> float:
    """Of a run, without copies of inputs and outputs: the median of rounds that take about `seconds` together."""
    tensors = [_core.tensor(x) for x in inputs]
    once = min(plan.time_rounds(tensors, 1, 3))
    repeats = min(MAX_RECORDED, max(1, math.ceil(seconds / rounds / once)))
    return statistics.median(plan.time_rounds(tensors, repeats, rounds))


def family(case: dict) -> str:
    """What is drawn in one colour."""
    if case["op"] in pointwise_kernels.BUILDERS:
        return "pointwise"
    if case["op"] != "conv2d":
        return case["op"]
    kind = "depthwise" if case["depthwise"] else "conv2d"
    return kind if case["what"] == "forward" else f"{kind} gradient"


def prepare(case: dict) -> tuple[Any, Arrays]:
    """The plan of a case, and fresh random inputs."""
    if case["op"] not in BUILDERS:
        raise ValueError(f"Unknown op of a case: {case['op']!r}. Expected one of {sorted(BUILDERS)}")
    function, inputs = BUILDERS[case["op"]](case)
    with _core.Trace() as trace:
        outputs = function(*(trace.input(x.shape, x.dtype.name) for x in inputs))
        return trace.compile(outputs), inputs


def _cpu_seconds(plan: Any, inputs: Arrays, seconds: float) -> float:
    _step_seconds(plan, inputs, 1)  # touches all memory
    once = _step_seconds(plan, inputs, 3)
    repeats = min(MAX_REPEATS, max(1, math.ceil(seconds / ROUNDS / once)))
    return min(_step_seconds(plan, inputs, repeats) for _ in range(ROUNDS))


def _step_seconds(plan: Any, inputs: Arrays, repeats: int) -> float:
    return sum(seconds for _, seconds, _, _ in plan.profile(inputs, repeats))


def _matmul(case: dict) -> tuple[Function, Arrays]:
    m, k, n = case["m"], case["k"], case["n"]
    transpose_a, transpose_b = (letter == "T" for letter in case["layout"])
    a = random(k, m) if transpose_a else random(m, k)
    b = random(n, k) if transpose_b else random(k, n)
    return lambda a, b: [_core.matmul(a, b, transpose_a, transpose_b)], [a, b]


def _conv2d(case: dict) -> tuple[Function, Arrays]:
    channels, size = case["channels"], case["kernel"]
    outputs = 1 if case["depthwise"] else case["filters"]
    op = _core.depthwise_conv2d if case["depthwise"] else _core.conv2d

    def forward(x: Any, weight: Any) -> Any:
        return op(x, weight, strides=(case["stride"],) * 2, padding=case["padding"])

    x, weight = random(case["batch"], case["size"], case["size"], channels), random(size, size, channels, outputs)
    if case["what"] == "forward":
        return lambda x, weight: [forward(x, weight)], [x, weight]
    grad = random(*forward(_core.tensor(x), _core.tensor(weight)).shape)

    def backward(x: Any, weight: Any, grad: Any) -> Any:
        source = x if case["what"] == "input" else weight
        return _core.gradients([forward(x, weight)], [source], [grad])

    return backward, [x, weight, grad]


BUILDERS = {"matmul": _matmul, "conv2d": _conv2d, **pointwise_kernels.BUILDERS}
