"""Samples of matmul and linear: every way through the product, broadcasting, vectors, empty operands, wrong shapes."""

from __future__ import annotations

import itertools

import numpy as np

from tests.ops.sample import Sample
from tests.reference import matmul as reference

rng = np.random.default_rng(5)

SAMPLES: list[Sample] = []

# (m, k, n): one tile, edges of tiles, a row, a column, few rows, a narrow result, two blocks of k, a long k in slices.
SHAPES = [
    (3, 4, 5),
    (7, 9, 33),
    (1, 20, 130),
    (1, 600, 9),
    (70, 12, 1),
    (5, 40, 70),
    (30, 21, 70),
    (70, 30, 10),
    (9, 530, 65),
]

for (m, k, n), transpose_a, transpose_b in itertools.product(SHAPES, (False, True), (False, True)):
    SAMPLES.append(
        Sample(
            "matmul",
            (rng.normal(size=(k, m) if transpose_a else (m, k)), rng.normal(size=(n, k) if transpose_b else (k, n))),
            {"transpose_a": transpose_a, "transpose_b": transpose_b},
            reference=reference.matmul,
            differentiable=(0, 1),
            depth=max(m, k, n),
        )
    )

for a_shape, b_shape in [
    ((2, 3, 4), (2, 4, 5)),
    ((2, 3, 4), (4, 5)),
    ((3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (5, 4, 2)),
    ((1, 3, 4), (6, 4, 2)),
    ((2, 2, 2, 2, 2, 1, 3), (2, 1, 2, 3, 2)),
    ((4,), (4,)),
    ((4,), (4, 3)),
    ((3, 4), (4,)),
    ((4,), (2, 4, 3)),
    ((2, 3, 4), (4,)),
    ((0, 4), (4, 3)),
    ((2, 0), (0, 3)),
    ((2, 4), (4, 0)),
    ((0, 2, 3), (3, 4)),
    ((2, 0, 3), (2, 3, 4)),
    ((1, 1, 3), (0, 3, 4)),
]:
    SAMPLES.append(
        Sample(
            "matmul",
            (rng.normal(size=a_shape), rng.normal(size=b_shape)),
            reference=reference.matmul,
            differentiable=(0, 1),
            depth=8,
        )
    )

for transpose_a, transpose_b in [(False, True), (True, False), (True, True)]:
    SAMPLES.append(
        Sample(
            "matmul",
            (
                rng.normal(size=(2, 1, 4, 3) if transpose_a else (2, 1, 3, 4)),
                rng.normal(size=(6, 5, 4) if transpose_b else (6, 4, 5)),
            ),
            {"transpose_a": transpose_a, "transpose_b": transpose_b},
            reference=reference.matmul,
            differentiable=(0, 1),
            depth=8,
            name=f"batched-{transpose_a}-{transpose_b}",
        )
    )

for a_dtype, b_dtype in [
    ("int32", "int32"),
    ("int64", "int16"),
    ("uint8", "uint8"),
    ("int8", "int8"),
    ("bool", "bool"),
]:
    SAMPLES.append(
        Sample(
            "matmul",
            (rng.integers(0, 2, (3, 4)).astype(a_dtype), rng.integers(0, 2, (4, 5)).astype(b_dtype)),
            reference=reference.matmul,
            name=f"{a_dtype}-{b_dtype}",
        )
    )

SAMPLES.append(
    Sample(
        "matmul",
        (rng.normal(size=(20, 5000)), rng.normal(size=(5000, 30))),
        reference=reference.matmul,
        differentiable=(0, 1),
        depth=5000,
        name="slices of k",
    )
)

for x_shape, units, bias, activation in [
    ((2, 3), 4, True, "linear"),
    ((2, 3), 4, False, "linear"),
    ((1, 70), 130, True, "relu"),
    ((33, 20), 10, True, "relu"),
    ((100, 40), 70, True, "tanh"),
    ((12, 40), 70, True, "sigmoid"),
    ((12, 40), 70, True, "silu"),
    ((4, 3, 6), 5, True, "relu"),
    ((2, 2, 3, 6), 5, False, "relu6"),
    ((2, 3, 6), 1, True, "softsign"),
    ((0, 3), 4, True, "relu"),
    ((2, 0, 3), 4, True, "linear"),
    ((2, 0), 4, True, "linear"),
    ((3, 4), 0, True, "linear"),
]:
    kernel = rng.normal(size=(x_shape[-1], units)) / np.sqrt(max(1, x_shape[-1]))
    operands = (rng.normal(size=x_shape), kernel) + ((rng.normal(size=units),) if bias else ())
    SAMPLES.append(
        Sample(
            "linear",
            operands,
            {"activation": activation},
            reference=reference.linear,
            differentiable=tuple(range(len(operands))),
            depth=64,
        )
    )

ones = np.ones
SAMPLES += [
    Sample(
        "matmul", (ones((2, 3)), ones((4, 5))), error=(ValueError, r"inner dimensions .* 3 and 4.*\(2, 3\).*\(4, 5\)")
    ),
    Sample(
        "matmul", (ones((2, 3)), ones((3, 5))), {"transpose_a": True}, error=(ValueError, "2 and 3.*transpose_a=True")
    ),
    Sample("matmul", (ones((2, 3, 4)), ones((3, 4, 5))), error=(ValueError, r"matmul.*\(2,\).*\(3,\)")),
    Sample("matmul", (np.float64(2.0), ones((3, 4))), error=(ValueError, "at least one axis")),
    Sample("matmul", (ones((2, 3), "float16"), ones((3, 4), "float16")), error=(TypeError, "cast to float32 first")),
    Sample("linear", (ones(3), ones((3, 4))), error=(ValueError, r"at least 2 axes.*\(3,\)")),
    Sample("linear", (ones((2, 3)), ones((4, 5))), error=(ValueError, r"kernel.shape=\(4, 5\)")),
    Sample("linear", (ones((2, 3)), ones((3, 5)), ones(4)), error=(ValueError, r"bias must have shape \(5,\)")),
    Sample("linear", (ones((2, 3)), ones((3, 5))), {"activation": "tahn"}, error=(ValueError, "tahn")),
]
