"""Functional: a model given by its inputs and outputs."""

from __future__ import annotations

from typing import Any

from pyneural import _core, tree
from pyneural.keras_tensor import KerasTensor
from pyneural.layers.input_spec import InputSpec
from pyneural.models.graph import Graph
from pyneural.models.model import Model


class Functional(Model):
    """A model that computes `outputs` from `inputs`; what `Model(inputs, outputs)` makes.

    Args:
        inputs: KerasTensor(s) from `Input`; a list or dict for several.
        outputs: KerasTensor(s) that depend on them; a list or dict for several.
        name: Name; made up if None.
        **kwargs: `trainable`, `dtype`.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any):
        super().__init__(inputs, outputs, name=name, **kwargs)


def run_graph(model: Model, graph: Graph, inputs: Any) -> Any:
    """Calls a functional model: checks its inputs, then computes the graph.

    Raises:
        ValueError: If the inputs do not fit; the message names the input and the model.
    """
    tensors = _as_list(model, graph, inputs)
    values = []
    for index, (symbol, layer, x) in enumerate(zip(graph.inputs, graph.input_layers, tensors)):
        if x is None:
            raise ValueError(f"Input {index} with name '{layer.name}' of model '{model.name}' is missing: it is None.")
        x = adjust_rank(model, symbol, layer.name, x)
        problem = InputSpec(shape=symbol.shape).mismatch(x)
        if problem:
            raise ValueError(
                f"Input {index} with name '{layer.name}' of layer '{model.name}' is incompatible with the layer: "
                f"{problem}"
            )
        if isinstance(x, _core.Tensor) and x.dtype != symbol.dtype:
            x = _core.cast(x, symbol.dtype)
        values.append(x)
    return graph.run(values)


def _as_list(model: Model, graph: Graph, inputs: Any) -> list:
    """The inputs in the order of the graph's; a dict may name them by key or by the names of the input layers."""
    names = [layer.name for layer in graph.input_layers]
    if isinstance(inputs, dict):
        keys = names
        if isinstance(graph.inputs_struct, dict) and set(graph.inputs_struct) <= set(inputs):
            return [inputs[key] for key in sorted(graph.inputs_struct)]
        for name in keys:
            if name not in inputs:
                raise ValueError(
                    f'Missing data for input "{name}". You passed a data dictionary with keys {list(inputs)}. Expected '
                    f"the following keys: {keys}"
                )
        return [inputs[name] for name in keys]
    tensors = tree.flatten(inputs)
    if len(tensors) != len(names):
        shapes = [tuple(getattr(x, "shape", ())) for x in tensors]
        raise ValueError(
            f'Layer "{model.name}" expects {len(names)} input(s) with names {names}, but it received {len(tensors)} '
            f"input tensors. Shapes received: {shapes}"
        )
    return tensors


def adjust_rank(model: Model, symbol: KerasTensor, name: str, x: Any) -> Any:
    """Adds or drops a last axis of size 1 where that makes the rank fit."""
    if tree.is_nested(x):
        raise ValueError(
            f"Model '{model.name}' has one input, '{name}', but received a {type(x).__name__} of {len(x)} tensors. "
            "Targets are an argument of their own: `fit(x, y)`."
        )
    rank, expected = len(x.shape), len(symbol.shape)
    if rank == expected:
        return x
    from pyneural import ops

    if rank == expected + 1 and x.shape[-1] == 1:
        return ops.squeeze(x, -1)
    if rank == expected - 1 and symbol.shape[-1] == 1:
        return ops.expand_dims(x, -1)
    raise ValueError(
        f"Invalid input shape for input '{name}' of model '{model.name}'. Expected shape {symbol.shape}, but the input "
        f"has the incompatible shape {tuple(x.shape)}"
    )
