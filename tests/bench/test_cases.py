"""The work that cases claim, counted by brute force; every selected case can be run."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pyneural.bench import cases, kernels, selection


def all_cases() -> list[dict]:
    return cases.matmuls() + cases.conv2ds() + cases.pointwises() + cases.pool2ds()


def count_conv2d(case: dict) -> tuple[int, int]:
    """(multiply-adds that touch the image, pixels of the output along one side), window by window."""
    size, kernel, stride = case["size"], case["kernel"], case["stride"]
    if case["padding"] == "valid":
        starts = list(range(0, size - kernel + 1, stride))
    else:
        outputs = (size + stride - 1) // stride
        missing = max(0, (outputs - 1) * stride + kernel - size)
        starts = [stride * i - missing // 2 for i in range(outputs)]
    taps = sum(
        0 <= row + i < size and 0 <= column + j < size
        for row, column in itertools.product(starts, starts)
        for i, j in itertools.product(range(kernel), range(kernel))
    )
    per_tap = case["channels"] * (1 if case["depthwise"] else case["filters"])
    return case["batch"] * taps * per_tap, len(starts)


@pytest.mark.parametrize(
    "case",
    [
        cases.conv2d(2, 7, 3, 4, 3),
        cases.conv2d(1, 8, 2, 5, 5, padding="same"),
        cases.conv2d(3, 9, 2, 2, 2, padding="same"),
        cases.conv2d(2, 11, 3, 4, 3, stride=2, padding="same"),
        cases.conv2d(1, 10, 3, 2, 7, stride=2, padding="same"),
        cases.conv2d(1, 8, 4, 2, 1, stride=2, padding="same"),
        cases.conv2d(2, 9, 6, 0, 3, stride=2, padding="same", depthwise=True),
    ],
    ids=lambda case: case["name"],
)
@pytest.mark.parametrize("what", ["forward", "input", "kernel"])
def test_conv2d_work(case: dict, what: str) -> None:
    case = {**case, "what": what}
    multiply_adds, side = count_conv2d(case)
    assert case["flops"] == 2 * multiply_adds
    plan, arrays = kernels.prepare(case)
    image, weights = arrays[0].size, arrays[1].size
    outputs = case["channels"] if case["depthwise"] else case["filters"]
    assert case["bytes"] == 4 * (image + weights + case["batch"] * side**2 * outputs)
    expected = {"forward": (case["batch"], side, side, outputs), "input": arrays[0].shape, "kernel": arrays[1].shape}
    assert [shape for shape, _ in plan.output_specs] == [expected[what]]


@pytest.mark.parametrize("layout", ["NN", "TN", "NT", "TT"])
def test_matmul_work(layout: str) -> None:
    case = cases.matmul(3, 4, 5, layout)
    plan, arrays = kernels.prepare(case)
    a, b = (x.T if letter == "T" else x for x, letter in zip(arrays, layout))
    (y,) = plan.run(arrays)
    np.testing.assert_allclose(y.numpy(), a @ b, rtol=1e-5, atol=1e-5)
    assert case["flops"] == 2 * a.shape[0] * a.shape[1] * b.shape[1]
    assert case["bytes"] == a.nbytes + b.nbytes + y.numpy().nbytes


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize(("pool", "stride", "padding"), [(2, 2, "valid"), (3, 2, "same")])
def test_pool2d_work(kind: str, pool: int, stride: int, padding: str) -> None:
    forward = cases.pool2d(2, 7, 3, kind, pool, stride, padding)
    plan, (x,) = kernels.prepare(forward)
    (y,) = plan.run([x])
    assert forward["bytes"] == x.nbytes + y.numpy().nbytes
    gradient = cases.pool2d(2, 7, 3, kind, pool, stride, padding, "gradient")
    plan, arrays = kernels.prepare(gradient)
    assert [a.shape for a in arrays] == [x.shape, y.shape]
    assert gradient["bytes"] == (3 if kind == "max" else 1) * (x.nbytes + y.numpy().nbytes)
    assert [shape for shape, _ in plan.output_specs] == [x.shape]


@pytest.mark.parametrize("op", sorted({case["op"] for case in cases.pointwises()}))
def test_pointwise_cases_run(op: str) -> None:
    case = next(case for case in cases.pointwises() if case["op"] == op)
    shape = tuple(min(size, 10) for size in case["shape"])
    plan, arrays = kernels.prepare({**case, "shape": shape})
    outputs = plan.run(arrays)
    assert shape in [a.shape for a in arrays]
    assert all(np.isfinite(y.numpy()).all() for y in outputs)
    if not outputs:  # an optimizer
        assert op in ("sgd", "momentum", "adam", "rmsprop")


def test_cases_are_sane() -> None:
    some = all_cases()
    for case in some:
        assert case["flops"] >= 0
        assert case["bytes"] > 0
        assert kernels.family(case)
    names = [case["name"] for case in some]
    assert len(names) == len(set(names))
    for chosen in (selection.kernels(), selection.quick_kernels()):
        names = [case["name"] for case in chosen]
        assert len(names) == len(set(names))
        assert {case["op"] for case in chosen} <= set(kernels.BUILDERS)


def test_an_unknown_op_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"'fly'.*matmul"):
        kernels.prepare({"op": "fly"})


@pytest.mark.parametrize(("op", "streams"), [("relu", 2), ("add", 3)])
def test_pointwise_work(op: str, streams: int) -> None:
    case = cases.pointwise(op, streams, 100)
    plan, arrays = kernels.prepare(case)
    (y,) = plan.run(arrays)
    assert len(arrays) == streams - 1
    assert case["bytes"] == sum(x.nbytes for x in arrays) + y.numpy().nbytes
