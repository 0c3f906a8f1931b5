"""Cross-entropies: rows of every length, labels of every type, extreme logits."""

from __future__ import annotations

import numpy as np
import pytest

from pyneural import _core
from tests.reference import cross_entropy as reference


def gradient(loss, x: np.ndarray, seed: np.ndarray) -> np.ndarray:
    tensor = _core.tensor(x)
    _core.watch(tensor)
    _core.start_recording()
    try:
        y = loss(tensor)
    finally:
        _core.stop_recording()
    return np.asarray(_core.gradients([y], [tensor], [_core.tensor(seed)])[0])


def test_rows_of_every_length() -> None:
    rng = np.random.default_rng(0)
    for classes in range(1, 70):
        logits = (rng.normal(size=(21, classes)) * 4).astype("float32")
        labels = rng.integers(0, classes, 21)
        one_hot = np.eye(classes, dtype="float32")[labels]
        seed = rng.normal(size=21).astype("float32")
        wanted = reference.sparse_softmax_cross_entropy(labels, logits.astype("float64"))
        slope = np.exp(-reference.sparse_softmax_cross_entropy(labels, logits.astype("float64")))
        for op, target in (
            ("sparse_softmax_cross_entropy", labels),
            ("softmax_cross_entropy", one_hot),
        ):
            loss = getattr(_core, op)
            np.testing.assert_allclose(np.asarray(loss(target, logits)), wanted, rtol=2e-6, atol=2e-6)
            grad = gradient(lambda x, loss=loss, target=target: loss(target, x), logits, seed)
            np.testing.assert_allclose(grad[np.arange(21), labels], (slope - 1) * seed, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(grad.sum(1), 0, atol=2e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64"])
def test_labels_of_every_type(dtype: str) -> None:
    logits = np.random.default_rng(1).normal(size=(100, 7)).astype("float32")
    labels = np.arange(100) % 7
    wanted = np.asarray(_core.sparse_softmax_cross_entropy(labels, logits))
    actual = np.asarray(_core.sparse_softmax_cross_entropy(labels.astype(dtype), logits))
    np.testing.assert_array_equal(actual, wanted)
    labels[[33, 60]] = 7, 100
    with pytest.raises(IndexError, match=r"7\b.*position 33"):
        _core.sparse_softmax_cross_entropy(labels.astype(dtype), logits)


def test_a_plan_refuses_a_bad_label() -> None:
    trace = _core.Trace()
    with trace:
        labels, logits = trace.input((3,), "int32"), trace.input((3, 4), "float32")
        plan = trace.compile([_core.sparse_softmax_cross_entropy(labels, logits)])
    x = np.zeros((3, 4), "float32")
    np.testing.assert_allclose(np.asarray(plan.run([np.array([0, 1, 3], "int32"), x])[0]), np.log(4), rtol=1e-6)
    with pytest.raises(IndexError, match="sparse_softmax_cross_entropy"):
        plan.run([np.array([0, 4, 3], "int32"), x])


def test_a_class_that_is_ruled_out_costs_nothing() -> None:
    for classes in (3, 40):
        logits = np.zeros((1, classes), "float32")
        logits[0, 0] = -np.inf
        targets = np.zeros((1, classes), "float32")
        targets[0, 1] = 1
        np.testing.assert_allclose(
            np.asarray(_core.softmax_cross_entropy(targets, logits)), np.log(classes - 1), rtol=1e-6
        )
        assert np.isposinf(np.asarray(_core.sparse_softmax_cross_entropy(np.array([0]), logits))).all()


def test_small_losses_keep_their_digits() -> None:
    """A confident, right prediction: 1 - p would round to zero."""
    logits = np.array([[20.0, 0.0]], "float32")
    sparse = float(np.asarray(_core.sparse_softmax_cross_entropy(np.array([0]), logits))[0])
    assert sparse == pytest.approx(np.log1p(np.exp(-20.0)), abs=1.2e-7)
    sigmoid = float(np.asarray(_core.sigmoid_cross_entropy(np.float32(1), np.float32(20))))
    assert sigmoid == pytest.approx(np.log1p(np.exp(-20.0)), rel=1e-6)


def test_nan_logits_give_nan() -> None:
    for classes in (3, 40):
        logits = np.zeros((2, classes), "float32")
        logits[1, classes - 1] = np.nan
        for loss in (
            _core.sparse_softmax_cross_entropy(np.array([0, 0]), logits),
            _core.softmax_cross_entropy(np.ones((2, classes), "float32"), logits),
        ):
            np.testing.assert_array_equal(np.isnan(np.asarray(loss)), [False, True])
    assert np.isnan(float(np.asarray(_core.sigmoid_cross_entropy(np.float32(0), np.float32(np.nan)))))


@pytest.mark.parametrize("classes", [257, 512, 1025, 2049, 8192, 8200])
def test_many_classes(classes: int) -> None:
    rng = np.random.default_rng(5)
    logits = (rng.normal(size=(3, classes)) * 3).astype("float32")
    labels = np.array([0, classes - 1, classes // 2])
    seed = np.array([1, -2, 0.5], "float32")
    wanted = reference.sparse_softmax_cross_entropy(labels, logits.astype("float64"))
    p = np.exp(logits - logits.max(1, keepdims=True).astype("float64"))
    targets = (np.arange(classes) == labels[:, None]).astype("float32")
    slope = (p / p.sum(1, keepdims=True) - targets) * seed[:, None]
    for op, target in (
        ("sparse_softmax_cross_entropy", labels),
        ("softmax_cross_entropy", targets),
    ):
        loss = getattr(_core, op)
        np.testing.assert_allclose(np.asarray(loss(target, logits)), wanted, rtol=4e-6)
        grad = gradient(lambda x, loss=loss, target=target: loss(target, x), logits, seed)
        np.testing.assert_allclose(grad, slope, rtol=1e-4, atol=1e-6)
