"""What is special to matrix products: exact results at every edge of the register tiles, threads, special values."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from pyneural import _core

EMULATED = any("Emulated" in gpu["name"] for gpu in _core.cuda_devices())
LAYOUTS = list(itertools.product((False, True), (False, True)))
# Tiles are at most 14 rows and 64 columns; every size up to twice that, and the neighbours of some multiples. A single
# row keeps up to 28 vectors in registers.
ROWS = [*range(30), 47, 48, 49, 63, 64, 65, 119, 121]
COLUMNS = [*range(130), 191, 192, 193]
ROW_COLUMNS = [*range(130, 460, 7), 224, 225, 447, 448, 449, 4096, 4099]
DEPTHS = [*range(36), 63, 64, 65, 511, 512, 513, 1025]


# Tiles of GPU kernels have 32 to 256 rows and 32 to 128 columns and take 8 to 64 of the depth at a time. Their choice
# depends on the shape and on the precision; multiples of four are loaded four at a time.
GPU_SHAPES = [
    (31, 65, 33),
    (36, 64, 68),
    (130, 901, 131),  # sums in several splits
    (132, 900, 132),
    (577, 17, 641),
    (600, 36, 604),
    (1409, 9, 1401),
    (1400, 20, 1500),
    (2049, 33, 1500),
    (2052, 36, 1500),
]


@pytest.fixture(params=["float32", "tf32", "bf16"])
def precision(request) -> Iterator[str]:
    """What GPUs round to: small integers stay what they are."""
    _core.set_matmul_precision(request.param)
    yield request.param
    _core.set_matmul_precision("float32")


def check_exact(m: int, k: int, n: int, transpose_a: bool, transpose_b: bool, dtype: str = "float32") -> None:
    """Small integers: any order of summation gives the same, exact result."""
    rng = np.random.default_rng(m * 1000003 + k * 1009 + n)
    a = rng.integers(-8, 9, (m, k)).astype(dtype)
    b = rng.integers(-8, 9, (k, n)).astype(dtype)
    actual = _core.matmul(
        np.ascontiguousarray(a.T) if transpose_a else a,
        np.ascontiguousarray(b.T) if transpose_b else b,
        transpose_a,
        transpose_b,
    )
    np.testing.assert_array_equal(np.asarray(actual), a.astype("float64") @ b.astype("float64"), f"{m} x {k} x {n}")


@pytest.mark.parametrize(("transpose_a", "transpose_b"), LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exact_at_tile_edges(transpose_a: bool, transpose_b: bool, dtype: str) -> None:
    for m in ROWS:
        check_exact(m, 9, 70, transpose_a, transpose_b, dtype)
        check_exact(m, 17, 10, transpose_a, transpose_b, dtype)
    for n in COLUMNS:
        check_exact(1, 11, n, transpose_a, transpose_b, dtype)
        check_exact(9, 11, n, transpose_a, transpose_b, dtype)
        check_exact(97, 5, n, transpose_a, transpose_b, dtype)
    for n in ROW_COLUMNS:
        check_exact(1, 19, n, transpose_a, transpose_b, dtype)
        check_exact(3, 1, n, transpose_a, transpose_b, dtype)
    for k in DEPTHS:
        check_exact(1, k, 19, transpose_a, transpose_b, dtype)
        check_exact(5, k, 67, transpose_a, transpose_b, dtype)
        check_exact(37, k, 3, transpose_a, transpose_b, dtype)


@pytest.mark.parametrize(("transpose_a", "transpose_b"), LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exact_where_the_result_is_narrow(transpose_a: bool, transpose_b: bool, dtype: str) -> None:
    for n in range(1, 18):
        for m in (15, 16, 17, 23):
            check_exact(m, 65, n, transpose_a, transpose_b, dtype)
        for k in (63, 64, 80, 1025, 1900):
            check_exact(18, k, n, transpose_a, transpose_b, dtype)


@pytest.mark.parametrize(("transpose_a", "transpose_b"), LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exact_where_a_few_columns_are_left_over(transpose_a: bool, transpose_b: bool, dtype: str) -> None:
    """Beside whole vectors of 4 to 16 columns, up to a quarter of one."""
    for n in (9, 17, 18, 25, 26, 33, 34, 35, 36, 37, 49, 52, 65, 68, 82, 97, 98, 100, 101, 129, 132, 161, 162):
        for m, k in ((15, 70), (16, 63), (16, 64), (33, 65), (70, 200)):
            check_exact(m, k, n, transpose_a, transpose_b, dtype)
    check_exact(130, 1030, 100, transpose_a, transpose_b, dtype)
    check_exact(100, 5000, 68, transpose_a, transpose_b, dtype)


@pytest.mark.parametrize(("transpose_a", "transpose_b"), LAYOUTS)
def test_exact_where_operands_are_packed(transpose_a: bool, transpose_b: bool) -> None:
    shapes = [(100, 700, 500), (131, 520, 529), (500, 513, 260), (20, 600, 1100), (1000, 520, 70), (32, 10, 300)]
    shapes += [(49, 256, 512), (61, 300, 601), (97, 1025, 513), (150, 513, 1000)]
    for m, k, n in shapes:
        check_exact(m, k, n, transpose_a, transpose_b)


@pytest.mark.parametrize(("transpose_a", "transpose_b"), LAYOUTS)
def test_exact_with_a_long_sum(transpose_a: bool, transpose_b: bool) -> None:
    shapes = [(27, 20000, 32), (100, 3000, 100), (1, 9000, 40), (300, 9000, 1), (17, 2100, 5), (1, 2100, 2100)]
    for m, k, n in shapes:
        check_exact(m, k, n, transpose_a, transpose_b)


@pytest.mark.parametrize(("transpose_a", "transpose_b"), LAYOUTS)
def test_same_bits_for_any_number_of_threads(transpose_a: bool, transpose_b: bool, many_threads) -> None:
    rng = np.random.default_rng(1)
    shapes = [(1, 300, 3000), (1, 3000, 90), (1, 20, 9000), (70, 3000, 50), (128, 784, 300), (300, 40, 10)]
    shapes += [
        (300, 2000, 10),
        (700, 1, 300),
        (2000, 3000, 1),
        (13, 600, 700),
        (513, 1030, 65),
        (97, 600, 520),
        (300, 700, 100),
    ]
    for m, k, n in shapes:
        a = rng.normal(size=(k, m) if transpose_a else (m, k)).astype("float32")
        b = rng.normal(size=(n, k) if transpose_b else (k, n)).astype("float32")
        results = []
        for threads in (1, 2, 3, 7):
            many_threads(threads)
            results.append(np.asarray(_core.matmul(a, b, transpose_a, transpose_b)))
        for other in results[1:]:
            np.testing.assert_array_equal(results[0], other)


def test_error_grows_no_faster_than_a_plain_sum() -> None:
    rng = np.random.default_rng(2)
    for m, k, n in [(40, 784, 70), (1, 784, 70), (64, 4000, 64), (200, 100, 1), (8, 500, 90)]:
        for transpose_b in (False, True):
            a, b = rng.normal(size=(m, k)).astype("float32"), rng.normal(size=(k, n)).astype("float32")
            actual = np.asarray(_core.matmul(a, np.ascontiguousarray(b.T) if transpose_b else b, False, transpose_b))
            a, b = a.astype("float64"), b.astype("float64")
            bound = np.sqrt(k) * np.finfo("float32").eps * np.sqrt((a**2) @ (b**2))
            assert np.all(np.abs(actual - a @ b) <= 4 * bound)


def test_special_values_spread_as_in_numpy() -> None:
    a, b = np.ones((7, 20), "float32"), np.ones((20, 33), "float32")
    a[2, 3], b[5, 30], a[4, 1], b[6, 2] = np.nan, np.inf, -np.inf, 0
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(np.asarray(_core.matmul(a, b)), a @ b)


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
def test_nan_survives_the_activation(activation: str) -> None:
    x = np.full((3, 4), np.nan, "float32")
    y = np.asarray(_core.linear(x, np.ones((4, 40), "float32"), np.zeros(40, "float32"), activation))
    assert np.isnan(y).all()


def test_integers_wrap_around() -> None:
    a = np.full((2, 3), 100, "int8")
    np.testing.assert_array_equal(np.asarray(_core.matmul(a, a.T.copy())), a @ a.T)


def test_mixed_dtypes_meet_as_in_arithmetic() -> None:
    ints, floats = np.ones((2, 3), "int32"), np.ones((3, 2), "float32")
    assert _core.matmul(ints, floats).dtype == "float32"
    assert _core.matmul(ints, floats.astype("float64")).dtype == "float64"
    assert _core.linear(ints, ints.T.copy()).dtype == "float32"


def test_linear_gradient_computes_only_what_is_wanted() -> None:
    trace = _core.Trace()
    with trace:
        x = trace.input((8, 5), "float32")
        kernel = trace.input((5, 3), "float32")
        y = _core.linear(x, kernel, None, "relu")
        plan = trace.compile(_core.gradients([y], [kernel]))
    products = [line for line in plan.describe().splitlines() if "matmul" in line]
    assert len(products) == 1


def test_epilogue_reaches_all_of_a_result_in_several_blocks() -> None:
    rng = np.random.default_rng(3)
    for m, k, n in [
        (1, 700, 300),
        (6, 1100, 70),
        (40, 1, 70),
        (40, 30, 10),
        (40, 70, 10),
        (150, 1030, 130),
        (20, 5000, 20),
        (50, 600, 100),
    ]:
        x, kernel = rng.integers(-3, 4, (m, k)), rng.integers(-3, 4, (k, n))
        bias = rng.integers(-50, 50, n)
        wanted = np.clip(x @ kernel + bias, 0, 6)
        y = _core.linear(x.astype("float32"), kernel.astype("float32"), bias.astype("float32"), "relu6")
        np.testing.assert_array_equal(np.asarray(y), wanted)


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "sigmoid"])
def test_epilogue_reaches_all_of_a_small_result(activation: str) -> None:
    rng = np.random.default_rng(4)
    for m, n, k in itertools.product((1, 2, 6, 7, 14, 15), (1, 7, 8, 15, 16, 17, 33, 64, 65), (0, 1, 2, 15, 16, 17)):
        x, kernel, bias = (rng.integers(-2, 3, shape).astype("float32") for shape in ((m, k), (k, n), (n,)))
        expected = _core.tensor(x @ kernel + bias)
        if activation != "linear":
            expected = getattr(_core, activation)(expected)
        np.testing.assert_array_equal(np.asarray(_core.linear(x, kernel, bias, activation)), np.asarray(expected))


@pytest.mark.parametrize(("transpose_a", "transpose_b"), LAYOUTS)
def test_nothing_is_written_beside_the_result(transpose_a: bool, transpose_b: bool) -> None:
    # A plan computes what it packs in place: the products lie 64 bytes apart at most, with zeros in between.
    rng = np.random.default_rng(4)
    shapes = [
        (1, 5, 33),
        (7, 9, 5),
        (14, 3, 65),
        (5, 40, 1),
        (33, 17, 10),
        (70, 8, 3),
        (17, 530, 67),
        (9, 2, 129),
        (40, 70, 100),
    ]
    arrays, wanted = [], []
    for m, k, n in shapes:
        a, b = rng.integers(-8, 9, (m, k)).astype("float32"), rng.integers(-8, 9, (k, n)).astype("float32")
        arrays += [np.ascontiguousarray(a.T if transpose_a else a), np.ascontiguousarray(b.T if transpose_b else b)]
        wanted.append(a @ b)
    slots = [_core.Variable(np.zeros((m, n), "float32")) for m, _, n in shapes]
    flat = _core.flatten_variables(slots)
    trace = _core.Trace()
    with trace:
        inputs = [trace.input(x.shape, "float32") for x in arrays]
        products = [_core.matmul(*inputs[i : i + 2], transpose_a, transpose_b) for i in range(0, len(inputs), 2)]
        plan = trace.compile([_core.pack_like(flat, products)])
    (packed,) = (np.asarray(x) for x in plan.run(arrays))
    for slot, value in zip(slots, wanted, strict=True):
        slot.assign(value)
    np.testing.assert_array_equal(packed, np.asarray(flat.numpy()))


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_a_plan_moves_the_activation_into_the_product(activation: str) -> None:
    rng = np.random.default_rng(5)
    x, kernel = rng.normal(size=(9, 5)).astype("float32"), rng.normal(size=(5, 70)).astype("float32")
    bias = rng.normal(size=70).astype("float32")
    trace = _core.Trace()
    with trace:
        symbolic = [trace.input(v.shape, "float32") for v in (x, kernel, bias)]
        plan = trace.compile([getattr(_core, activation)(_core.linear(*symbolic))])
    steps = plan.describe()
    assert "linear" in steps
    assert activation not in steps
    eager = getattr(_core, activation)(_core.linear(x, kernel, bias))
    np.testing.assert_array_equal(np.asarray(plan.run([x, kernel, bias])[0]), np.asarray(eager))


@pytest.mark.parametrize(("transpose_a", "transpose_b"), LAYOUTS)
def test_exact_at_the_edges_of_gpu_tiles(transpose_a: bool, transpose_b: bool, precision: str) -> None:
    for m, k, n in GPU_SHAPES:
        check_exact(m, k, n, transpose_a, transpose_b)


@pytest.mark.parametrize("columns", [1, 10, 16, 17])
def test_exact_with_few_columns(columns: int, precision: str) -> None:
    for m, k in itertools.product((1, 7, 130), (3, 64, 255, 260, 1030)):
        check_exact(m, k, columns, False, False)
        check_exact(m, k, columns, False, True)
    check_exact(4300, 37, columns, False, False)
    check_exact(4300, 36, columns, False, True)


def test_batches_are_products_of_their_own(precision: str) -> None:
    rng = np.random.default_rng(6)
    for a_shape, b_shape in [
        ((3, 2, 33, 20), (2, 20, 36)),
        ((3, 1, 5, 7), (1, 4, 7, 9)),
        ((40, 16, 8), (40, 8, 16)),
    ]:
        a, b = rng.integers(-8, 9, a_shape).astype("float32"), rng.integers(-8, 9, b_shape).astype("float32")
        np.testing.assert_array_equal(np.asarray(_core.matmul(a, b)), a @ b)


@pytest.mark.parametrize("activation", ["relu6", "hard_sigmoid"])
def test_epilogue_reaches_all_of_a_gpu_tile(activation: str, precision: str) -> None:
    rng = np.random.default_rng(7)
    for m, k, n in [(33, 20, 70), (36, 900, 68), (1400, 20, 1500), (70, 60, 10)]:
        x, kernel = rng.integers(-3, 4, (m, k)).astype("float32"), rng.integers(-3, 4, (k, n)).astype("float32")
        bias = rng.integers(-9, 10, n).astype("float32")
        sums = x @ kernel + bias
        wanted = np.clip(sums, 0, 6) if activation == "relu6" else np.clip(sums + 3, 0, 6) / 6
        actual = np.asarray(_core.linear(x, kernel, bias, activation))
        np.testing.assert_allclose(actual, wanted, rtol=1e-6)


def test_operands_are_rounded_on_gpus_alone(precision: str) -> None:
    x = np.full((40, 20), 1 + 2.0**-9 + 2.0**-13, "float32")
    y = np.asarray(_core.matmul(x, np.eye(20, 36, dtype="float32")))[0, 0]
    on_gpu = _core.current_device() != "cpu"
    rounded = {"float32": x[0, 0], "tf32": 1 + 2.0**-9, "bf16": 1.0}
    assert y == (rounded[precision] if on_gpu else x[0, 0])


def test_unknown_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected 'float32', 'tf32' or 'bf16'"):
        _core.set_matmul_precision("float16")
    assert _core.matmul_precision() == "float32"


@pytest.mark.skipif(not EMULATED, reason="an old GPU is emulated")
def test_old_gpus_refuse_less_than_float32() -> None:
    code = "from pyneural import _core; _core.set_matmul_precision('float32'); _core.set_matmul_precision('tf32')"
    environment = {**os.environ, "PYNEURAL_EMULATION_CAPABILITY": "75"}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "RuntimeError: Products in tf32 or bf16 need GPUs of compute capability 8.0 or newer" in result.stderr
    assert "has 7.5" in result.stderr


def test_a_plan_keeps_the_precision_that_it_was_traced_with() -> None:
    x = np.full((40, 20), 1 + 2.0**-13, "float32")
    identity = np.eye(20, 36, dtype="float32")
    results = {}
    for precision in ("tf32", "float32"):
        _core.set_matmul_precision(precision)
        trace = _core.Trace()
        with trace:
            plan = trace.compile([_core.linear(trace.input(x.shape, "float32"), identity)])
        _core.set_matmul_precision("float32")
        results[precision] = np.asarray(plan.run([x])[0])[0, 0]
    assert results["float32"] == x[0, 0]
    assert results["tf32"] == (x[0, 0] if _core.current_device() == "cpu" else 1.0)
