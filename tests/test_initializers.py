"""Initializers, regularizers, constraints."""

from __future__ import annotations

import numpy as np
import pytest

import pyneural as keras
from pyneural import constraints, initializers, regularizers

SHAPE = (60, 40)


@pytest.mark.parametrize(
    ("name", "variance", "limit"),
    [
        ("glorot_uniform", 2 / 100, (6 / 100) ** 0.5),
        ("glorot_normal", 2 / 100, None),
        ("he_uniform", 2 / 60, (6 / 60) ** 0.5),
        ("he_normal", 2 / 60, None),
        ("lecun_uniform", 1 / 60, (3 / 60) ** 0.5),
        ("lecun_normal", 1 / 60, None),
        ("random_normal", 0.05**2, None),
        ("truncated_normal", (0.05 * 0.87962566) ** 2, 0.1),
        ("random_uniform", 0.1**2 / 12, 0.05),
        ("uniform", 0.1**2 / 12, 0.05),
    ],
)
def test_random(name, variance, limit):
    initializer = initializers.get(name)
    x = initializer(SHAPE).numpy()
    assert x.shape == SHAPE
    assert abs(x.mean()) < 5 * (variance / x.size) ** 0.5
    # The variance of n normal draws has a relative deviation of sqrt(2 / n); uniform draws vary less.
    np.testing.assert_allclose(x.var(), variance, rtol=5 * (2 / x.size) ** 0.5)
    if limit:
        assert abs(x).max() <= limit
        assert abs(x).max() > 0.97 * limit
    np.testing.assert_array_equal(x, initializer(SHAPE).numpy())
    assert (initializers.get(name)(SHAPE).numpy() != x).any()
    assert initializer(SHAPE, dtype="float64").dtype == "float64"
    seeded = type(initializer)(seed=3)
    copy = initializers.deserialize(initializers.serialize(seeded))
    assert copy.get_config() == seeded.get_config()
    np.testing.assert_array_equal(copy(SHAPE).numpy(), seeded.clone()(SHAPE).numpy())
    assert initializer.get_config()["seed"] is None


def test_constants():
    np.testing.assert_array_equal(initializers.get("zeros")((2, 3)).numpy(), np.zeros((2, 3)))
    np.testing.assert_array_equal(initializers.Ones()((2,), dtype="int32").numpy(), np.ones(2))
    np.testing.assert_array_equal(initializers.Constant(3)((2,)).numpy(), [3, 3])
    np.testing.assert_array_equal(initializers.Constant([1.0, 2.0])((2, 2)).numpy(), [[1, 2], [1, 2]])
    np.testing.assert_array_equal(initializers.Identity(2.0)((2, 3)).numpy(), 2 * np.eye(2, 3))
    assert initializers.Constant(3).get_config() == {"value": 3}
    assert initializers.Identity(2.0).get_config() == {"gain": 2.0}
    with pytest.raises(ValueError, match="2D matrices"):
        initializers.Identity()((2,))
    with pytest.raises(NotImplementedError):
        initializers.Initializer()((2,))


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3), (2, 3, 4)])
def test_orthogonal(shape):
    x = initializers.Orthogonal(gain=2.0, seed=1)(shape).numpy().reshape(-1, shape[-1])
    product = x @ x.T if x.shape[0] < x.shape[1] else x.T @ x
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)
    assert initializers.Orthogonal(2.0, 1).get_config() == {"gain": 2.0, "seed": 1}
    with pytest.raises(ValueError, match="at least two-dimensional"):
        initializers.Orthogonal()((3,))


def test_variance_scaling():
    x = initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=1)((100, 50)).numpy()
    np.testing.assert_allclose(x.var(), 2 / 50, rtol=5 * (2 / x.size) ** 0.5)
    assert initializers.VarianceScaling(distribution="normal").distribution == "truncated_normal"
    for arguments, message in (
        ({"scale": 0}, "`scale`"),
        ({"mode": "foo"}, "`mode`"),
        ({"distribution": "foo"}, "`distribution`"),
        ({"seed": "a"}, "`seed`"),
    ):
        with pytest.raises(ValueError, match=message):
            initializers.VarianceScaling(**arguments)
    assert initializers.compute_fans((3, 3, 4, 8)) == (36, 72)
    assert initializers.compute_fans((5,)) == (5, 5)
    assert initializers.compute_fans(()) == (1, 1)
    assert initializers.compute_fans((2, 3, 4), input_axes=0, output_axes=[1, 2]) == (2, 12)


def test_seed_generator():
    generator = keras.random.SeedGenerator(3)
    initializer = initializers.RandomNormal(seed=generator)
    assert (initializer((3,)).numpy() != initializer((3,)).numpy()).any()
    copy = initializers.deserialize(initializers.serialize(initializer))
    assert copy.seed.get_config() == {"seed": 3}


def test_lookup():
    assert initializers.get(None) is None
    assert isinstance(initializers.get(initializers.Zeros), initializers.Zeros)
    assert isinstance(initializers.get("HeNormal"), initializers.HeNormal)
    assert isinstance(initializers.he_normal(), initializers.HeNormal)
    assert initializers.get({"class_name": "Constant", "config": {"value": 2.0}}).value == 2.0
    with pytest.raises(ValueError, match=r"initializer identifier: foo.*'glorot_uniform'"):
        initializers.get("foo")
    with pytest.raises(ValueError, match="initializer identifier: 3"):
        initializers.get(3)


def test_two_layers_start_differently():
    shared = initializers.GlorotUniform()
    first, second = (keras.layers.Dense(3, kernel_initializer=shared) for _ in range(2))
    first.build((None, 3))
    second.build((None, 3))
    assert (first.kernel.numpy() != second.kernel.numpy()).any()


W = np.array([[1.0, -2.0], [3.0, 4.0]], "float32")


@pytest.mark.parametrize(
    ("regularizer", "expected"),
    [
        (regularizers.L1(0.1), 1.0),
        (regularizers.L2(0.1), 3.0),
        (regularizers.L1L2(0.1, 0.1), 4.0),
        (regularizers.L1L2(), 0.0),
        (regularizers.get("l1"), 0.1),
        (regularizers.get("l2"), 0.3),
        (regularizers.get("l1_l2"), 0.0),
        (regularizers.OrthogonalRegularizer(0.1), 0.1 * 5 / (5**0.5 * 5)),
        (regularizers.OrthogonalRegularizer(0.1, "columns"), 0.1 * 10 / (10**0.5 * 20**0.5)),
        (regularizers.Regularizer(), 0.0),
    ],
)
def test_regularizers(regularizer, expected):
    np.testing.assert_allclose(float(regularizer(W)), expected, rtol=1e-5, atol=1e-7)
    copy = regularizers.deserialize(regularizers.serialize(regularizer))
    assert copy.get_config() == regularizer.get_config()


def test_regularizer_errors():
    for value in (-1.0, float("nan"), float("inf"), "a"):
        with pytest.raises(ValueError, match=r"`l1`.*non-negative float"):
            regularizers.L1(value)
    assert regularizers.get(None) is None
    assert regularizers.get(abs) is abs
    with pytest.raises(ValueError, match="regularizer identifier: foo"):
        regularizers.get("foo")
    with pytest.raises(ValueError, match="`mode`"):
        regularizers.OrthogonalRegularizer(mode="foo")
    with pytest.raises(ValueError, match="rank 2"):
        regularizers.OrthogonalRegularizer()(np.ones(3, "float32"))


NORMS = np.sqrt((W**2).sum(0))


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (constraints.MaxNorm(3.5), W * np.minimum(NORMS, 3.5) / NORMS),
        (constraints.get("max_norm"), W * np.minimum(NORMS, 2) / NORMS),
        (constraints.NonNeg(), np.maximum(W, 0)),
        (constraints.UnitNorm(axis=1), W / np.sqrt((W**2).sum(1, keepdims=True))),
        (constraints.MinMaxNorm(0, 1.0, rate=0.5), W * (0.5 + 0.5 * NORMS) / NORMS),
        (constraints.Constraint(), W),
    ],
)
def test_constraints(constraint, expected):
    np.testing.assert_allclose(keras.ops.convert_to_numpy(constraint(W)), expected, rtol=1e-5)
    copy = constraints.deserialize(constraints.serialize(constraint))
    assert copy.get_config() == constraint.get_config()


def test_constraint_lookup():
    assert constraints.get(None) is None
    with pytest.raises(ValueError, match="constraint identifier: foo"):
        constraints.get("foo")
