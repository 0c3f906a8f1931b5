"""What every layer must do: build, compute, differentiate, describe itself, run traced and in functional models."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

import pyneural as keras
from pyneural import _core, tree


def random_inputs(shape: Any, dtype: str = "float32", seed: int = 0) -> Any:
    """Arrays of the given shape or shapes (None becomes 2); integers from 0 to 3 for integer types."""
    rng = np.random.default_rng(seed)

    def make(one: tuple) -> np.ndarray:
        size = tuple(2 if n is None else n for n in one)
        return (
            rng.integers(0, 4, size).astype(dtype) if dtype.startswith("int") else rng.normal(size=size).astype(dtype)
        )

    return [make(one) for one in shape] if isinstance(shape, list) else make(shape)


def run_layer_test(
    layer_cls: type,
    init_kwargs: dict[str, Any],
    input_shape: Any,
    expected_output_shape: Any,
    expected_num_trainable_weights: int = 0,
    expected_num_non_trainable_weights: int = 0,
    reference: Callable[..., np.ndarray] | None = None,
    input_dtype: str = "float32",
    training: bool | None = None,
    differentiable: bool = True,
    tolerance: float = 1e-5,
) -> keras.layers.Layer:
    """Runs all checks; `input_shape` includes the batch (None counts as unknown), a list means several inputs.

    `reference(inputs, *weights)` returns the outputs in NumPy. Returns the layer.
    """
    layer = layer_cls(**init_kwargs)
    inputs = random_inputs(input_shape, input_dtype)
    symbols = (
        [keras.Input(batch_shape=s, dtype=input_dtype) for s in input_shape]
        if isinstance(input_shape, list)
        else keras.Input(batch_shape=input_shape, dtype=input_dtype)
    )

    # The shape is known before anything is computed, for an unbuilt and for a built layer.
    assert layer.compute_output_shape(input_shape) == expected_output_shape
    symbolic = layer(symbols)
    assert symbolic.shape == expected_output_shape
    assert layer.compute_output_shape(input_shape) == expected_output_shape
    assert layer.built
    assert len(layer.trainable_weights) == expected_num_trainable_weights
    assert len(layer.non_trainable_weights) == expected_num_non_trainable_weights

    weights = randomize(layer)
    outputs = layer(inputs, training=training)
    assert len(outputs.shape) == len(expected_output_shape)
    assert all(n in (None, m) for m, n in zip(outputs.shape, expected_output_shape))
    if reference is not None and not training:
        expected = reference(inputs, *weights)
        np.testing.assert_allclose(outputs.numpy(), expected, rtol=tolerance, atol=tolerance)

    check_config(layer, inputs, training)
    if training is None:
        check_trace(layer, inputs, outputs)
        model = keras.Model(symbols, symbolic)
        np.testing.assert_array_equal(model(inputs).numpy(), outputs.numpy())
        check_model_config(model, inputs, outputs)
    if differentiable and input_dtype == "float32":
        check_gradients(layer, inputs)
    return layer


def randomize(layer: keras.layers.Layer) -> list[np.ndarray]:
    """Gives the weights random values (positive ones, so that variances are valid); returns them."""
    rng = np.random.default_rng(1)
    weights = [rng.uniform(0.1, 1.0, size=w.shape).astype(w.dtype) for w in layer.weights]
    layer.set_weights(weights)
    return weights


def check_config(layer: keras.layers.Layer, inputs: Any, training: bool | None) -> None:
    """A layer made from the configuration of another has the same one, and with the same weights the same outputs."""
    config = layer.get_config()
    text = json.dumps(keras.layers.serialize(layer))
    copy = type(layer).from_config(config)
    assert copy.get_config() == config
    copy = keras.layers.deserialize(json.loads(text))
    assert json.dumps(keras.layers.serialize(copy)) == text
    copy(inputs)
    assert [w.shape for w in copy.weights] == [w.shape for w in layer.weights]
    assert [w.name for w in copy.weights] == [w.name for w in layer.weights]
    copy.set_weights(layer.get_weights())
    if not training:
        np.testing.assert_array_equal(copy(inputs).numpy(), layer(inputs).numpy())


def check_trace(layer: keras.layers.Layer, inputs: Any, outputs: Any) -> None:
    """The same bits in a plan as eagerly."""
    flat = tree.flatten(inputs)
    with _core.Trace() as trace:
        symbols = [trace.input(x.shape, x.dtype.name) for x in flat]
        plan = trace.compile([layer(tree.pack_as(inputs, symbols))])
    np.testing.assert_array_equal(plan.run(flat)[0].numpy(), outputs.numpy())


def check_model_config(model: keras.Model, inputs: Any, outputs: Any) -> None:
    """A functional model survives JSON."""
    copy = keras.models.model_from_json(model.to_json())
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy(inputs).numpy(), outputs.numpy())


def check_gradients(layer: keras.layers.Layer, inputs: Any) -> None:
    """Every input and weight has a gradient, and along it the loss changes as fast as it says."""
    tensors = tree.map_structure(keras.ops.convert_to_tensor, inputs)
    with keras.GradientTape() as tape:
        tape.watch(tensors)
        loss = keras.ops.sum(keras.ops.square(layer(tensors, training=False)))
    sources = [*tree.flatten(tensors), *layer.trainable_weights]
    gradients = tape.gradient(loss, sources)
    for source, gradient in zip(sources, gradients):
        assert gradient is not None
        assert tuple(gradient.shape) == tuple(source.shape)
        assert np.isfinite(gradient.numpy()).all()
    _check_slope(layer, tensors, gradients, float(loss))


def _check_slope(layer, tensors, gradients, loss):
    """Along the gradient g of inputs and weights the loss has the slope |g|^2: a central difference must say so."""
    inputs, weights = tree.flatten(tensors), layer.trainable_weights
    starts = [source.numpy() for source in [*inputs, *weights]]
    slopes = [g.numpy().astype("float64") for g in gradients]
    squared = sum(float((g**2).sum()) for g in slopes)
    if squared == 0:
        return
    length = sum(float((x.astype("float64") ** 2).sum()) for x in starts) ** 0.5
    # The loss changes by 1 % to either side (1e4 times its rounding), unless the sources would move by more than that.
    step = 0.01 * min(loss / squared, length / squared**0.5)

    def moved(sign):
        values = [(x + sign * step * g).astype(x.dtype) for x, g in zip(starts, slopes)]
        for weight, value in zip(weights, values[len(inputs) :]):
            weight.assign(value)
        outputs = layer(tree.pack_as(tensors, values[: len(inputs)]), training=False)
        return float(keras.ops.sum(keras.ops.square(outputs)))

    difference = (moved(1) - moved(-1)) / 2
    for weight, value in zip(weights, starts[len(inputs) :]):
        weight.assign(value)
    # Inputs that cross a kink on the way (a relu, a maximum) bend the difference a little; the rest is rounding.
    np.testing.assert_allclose(difference, step * squared, rtol=0.02, atol=100 * np.finfo("float32").eps * loss)
