"""Optimizer steps: trajectories recorded from Keras, updates in place, clipping."""

from __future__ import annotations

import numpy as np
import pytest

from pyneural import _core

START = [1.0, -2.0, 3.0]
GRADIENTS = [[0.5, -1.0, 2.0], [0.25, 3.0, -1.5], [-0.75, 0.5, 0.125], [1.0, -0.5, 4.0]]
LR = np.float32(0.05)


def adam(v_hat=None, **options):
    if v_hat:
        return 3, lambda p, g, t, m, v, largest: _core.adam_update(p, g, m, v, largest, LR, t, **options)
    return 2, lambda p, g, t, m, v: _core.adam_update(p, g, m, v, None, LR, t, **options)


def clipped(p, g, t):
    return _core.sgd_update(p, _core.clip_by_global_norm(g, 1.0), LR)


# (number of state buffers, step, the weights that Keras 3 has after the four gradients)
TRAJECTORIES = {
    "sgd": (
        0,
        lambda p, g, t: _core.sgd_update(p, g, LR, weight_decay=0.01),
        [0.9480327, -2.0959156, 2.7628326],
    ),
    "momentum": (
        1,
        lambda p, g, t, m: _core.momentum_update(p, g, m, LR, 0.9),
        [0.9014, -2.25705, 2.647475],
    ),
    "nesterov": (
        1,
        lambda p, g, t, m: _core.momentum_update(p, g, m, LR, 0.9, nesterov=True),
        [0.86126, -2.3313448, 2.4514775],
    ),
    "adam": (*adam(), [0.8885561, -2.0133858, 2.9136598]),
    "amsgrad": (*adam(v_hat=True), [0.8885561, -2.0133858, 2.9136598]),
    "adamw": (*adam(weight_decay=0.1), [0.8698964, -1.9740653, 2.8549244]),
    "rmsprop": (
        1,
        lambda p, g, t, v: _core.rmsprop_update(p, g, v, None, None, LR),
        [0.7791255, -1.9916372, 2.7925098],
    ),
    "rmsprop-centered": (
        3,
        lambda p, g, t, v, m, mean: _core.rmsprop_update(p, g, v, m, mean, LR, momentum=0.5),
        [0.6195748, -1.9702942, 2.7006636],
    ),
    "adagrad": (
        1,
        lambda p, g, t, a: _core.adagrad_update(p, g, a, LR),
        [0.9406791, -1.9996178, 2.9356089],
    ),
    "adadelta": (
        2,
        lambda p, g, t, a, d: _core.adadelta_update(p, g, a, d, np.float32(0.5)),
        [0.9986874, -2.0002425, 2.9988551],
    ),
    "clipped": (0, clipped, [1.0108341, -2.0417566, 2.9242511]),
}


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_trajectory_of_keras(name: str) -> None:
    buffers, step, wanted = TRAJECTORIES[name]
    p = _core.tensor(np.array(START, "float32"))
    initial = 0.1 if name == "adagrad" else 0.0
    state = [_core.tensor(np.full(3, initial, "float32")) for _ in range(buffers)]
    for t, g in enumerate(GRADIENTS, start=1):
        result = step(p, _core.tensor(np.array(g, "float32")), t, *state)
        p, *state = [r for r in result if r is not None] if isinstance(result, tuple | list) else [result]
    # Keras rounds 1 - beta^t to float32 before it takes the root, we do not.
    np.testing.assert_allclose(np.asarray(p), wanted, rtol=2e-6)


def test_a_plan_updates_variables_like_eager_ops() -> None:
    rng = np.random.default_rng(0)
    p, g, m, v = (np.abs(rng.normal(size=1000)).astype("float32") for _ in range(4))
    variables = [_core.Variable(_core.tensor(a)) for a in (p, m, v)]
    trace = _core.Trace()
    with trace:
        gradient = trace.input((1000,), "float32")
        step = trace.input((), "int64")
        values = [variable.value for variable in variables]
        updated = _core.adam_update(values[0], gradient, values[1], values[2], None, LR, step)
        for variable, value in zip(variables, updated[:3], strict=True):
            variable.assign(value)
        plan = trace.compile([])
    for t in (1, 2, 3):
        plan.run([g, np.int64(t)])
        p, m, v = (np.asarray(r) for r in _core.adam_update(p, g, m, v, None, LR, np.int64(t))[:3])
        for variable, wanted in zip(variables, (p, m, v), strict=True):
            np.testing.assert_array_equal(variable.numpy(), wanted)


def test_eager_update_leaves_its_operands_alone() -> None:
    p = np.arange(5, dtype="float32")
    tensor = _core.tensor(p)
    _core.sgd_update(tensor, tensor, LR)
    np.testing.assert_array_equal(np.asarray(tensor), p)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_clipping_does_not_hide_a_broken_gradient(bad: float) -> None:
    g = np.ones(100, "float32")
    g[7] = bad
    assert np.isnan(np.asarray(_core.clip_by_global_norm(g, 1.0))).all()


def test_clipping_of_zero_and_small_gradients_is_exact() -> None:
    for g in (np.zeros(10, "float32"), np.full(10, 1e-3, "float32")):
        np.testing.assert_array_equal(np.asarray(_core.clip_by_global_norm(g, 1.0)), g)


@pytest.mark.parametrize("size", [1, 3, 4, 5, 1023, 1025, 4_200_003])
def test_every_element_is_updated_once(size: int) -> None:
    p, g = (np.arange(size) % 1000).astype("float32"), (np.arange(size) % 77).astype("float32")
    np.testing.assert_array_equal(np.asarray(_core.sgd_update(p, g, np.float32(0.5))), p - 0.5 * g)
    ones = np.ones(size, "float32")
    assert float(_core.squared_norm(ones)) == size
    np.testing.assert_array_equal(np.asarray(_core.clip_by_norm(ones, np.float32(16), 2.0)), 0.5 * ones)


def test_squared_norm_of_many_elements() -> None:
    x = np.random.default_rng(1).normal(size=1_000_003).astype("float32")
    wanted = np.sum(x.astype("float64") ** 2)
    assert abs(float(_core.squared_norm(x)) / wanted - 1) < 2e-7


@pytest.mark.parametrize("size", [5, 40000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_averages_that_fade_away_do_not_become_subnormal(size: int, dtype: str, many_threads) -> None:
    tiny = np.finfo(dtype).tiny
    p, zero, ones = (np.full(size, value, dtype) for value in (1.0, 0.0, 1.0))
    fading = np.full(size, tiny, dtype)
    fading[::2] = tiny / 8
    many_threads(2)
    for m in (
        _core.adam_update(p, zero, fading, ones, None, LR, 1)[1],
        _core.momentum_update(p, zero, fading, LR)[1],
        _core.rmsprop_update(p, zero, fading, None, None, LR)[1],
    ):
        m = np.asarray(m)
        assert np.all((m == 0) | (m >= tiny))
        np.testing.assert_array_equal(m[::2], 0)
    # Other ops compute with such numbers as always.
    half = _core.multiply(fading, np.full((), 0.5, dtype))
    np.testing.assert_array_equal(np.asarray(half), fading / 2)
    assert np.asarray(half).max() == tiny / 2
