"""Copies of models, and models from their configuration."""

from __future__ import annotations

from typing import Any

from pyneural import tree
from pyneural.keras_tensor import KerasTensor
from pyneural.layers.input_layer import Input, InputLayer
from pyneural.layers.layer import Layer
from pyneural.models.model import Model, is_made_of_tensors
from pyneural.models.sequential import Sequential
from pyneural.operation import OpCall


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Any = None,
    call_function: Any = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Model:
    """A model of the same layers with new weights.

    Args:
        model: The model.
        input_tensors: KerasTensors to build the copy on, instead of new inputs.
        clone_function: Function that makes a copy of a layer; from its configuration if None.
        call_function: Function of (layer, *args, **kwargs) that calls a copied layer of a functional model.
        recursive: Whether nested models are copied layer by layer with `clone_function` too.

    Raises:
        ValueError: If the model is neither sequential nor functional and cannot be made from its configuration.
    """
    if kwargs:
        raise ValueError(f"Unexpected keyword argument(s): {tuple(kwargs)}")

    def clone_layer(layer: Layer) -> Layer:
        if recursive and isinstance(layer, Model) and (isinstance(layer, Sequential) or layer._graph is not None):
            return clone_model(layer, clone_function=clone_function, call_function=call_function, recursive=True)
        if clone_function is not None:
            copy = clone_function(layer)
            if not isinstance(copy, Layer):
                raise ValueError(f"`clone_function` must return a layer. Received: {copy} (of type {type(copy)})")
            return copy
        return type(layer).from_config(layer.get_config())

    if isinstance(model, Sequential):
        return _clone_sequential(model, input_tensors, clone_layer)
    if model._graph is not None:
        return _clone_functional(model, input_tensors, clone_layer, call_function)
    if clone_function is not None or input_tensors is not None:
        raise ValueError(
            "Arguments `clone_function` and `input_tensors` are only supported for Sequential and Functional models. "
            f"Received: model={model}"
        )
    return type(model).from_config(model.get_config())


def _clone_sequential(model: Sequential, input_tensors: Any, clone_layer: Any) -> Sequential:
    copy = Sequential(name=model.name, trainable=model.trainable)
    first = model._sequence[0] if model._sequence else None
    if input_tensors is not None:
        tensors = tree.flatten(input_tensors)
        if len(tensors) != 1 or not isinstance(tensors[0], KerasTensor):
            raise ValueError(
                f"A Sequential model has exactly one input, a KerasTensor. Received: input_tensors={input_tensors}"
            )
        copy.add(InputLayer(input_tensor=tensors[0]), rebuild=False)
    elif isinstance(first, InputLayer):
        copy.add(InputLayer(**_input_arguments(first)), rebuild=False)
    for layer in model.layers:
        copy.add(clone_layer(layer), rebuild=False)
    copy._rebuild()
    return copy


def _clone_functional(model: Model, input_tensors: Any, clone_layer: Any, call_function: Any) -> Model:
    graph = model._graph
    if input_tensors is None:
        new_inputs = [Input(**_input_arguments(layer)) for layer in graph.input_layers]
        structure = tree.pack_as(graph.inputs_struct, new_inputs)
    else:
        structure, new_inputs = input_tensors, tree.flatten(input_tensors)
        if len(new_inputs) != len(graph.inputs) or not all(isinstance(x, KerasTensor) for x in new_inputs):
            raise ValueError(
                f"Argument `input_tensors` must hold {len(graph.inputs)} KerasTensors. Received: {input_tensors}"
            )
    copies: dict[int, Any] = {}
    tensors = {id(old): new for old, new in zip(graph.inputs, new_inputs)}

    def new(leaf: Any) -> Any:
        return tensors[id(leaf)] if isinstance(leaf, KerasTensor) else leaf

    for node in graph.nodes:
        operation = node.operation
        if id(operation) not in copies:
            is_op = isinstance(operation, OpCall)
            copies[id(operation)] = (
                OpCall(operation.call, operation.name, **operation.arguments) if is_op else clone_layer(operation)
            )
        copy = copies[id(operation)]
        args, kwargs = tree.map_structure(new, node.args), tree.map_structure(new, node.kwargs)
        call = call_function is not None and isinstance(copy, Layer)
        outputs = call_function(copy, *args, **kwargs) if call else copy(*args, **kwargs)
        tensors.update({id(a): b for a, b in zip(tree.flatten(node.outputs), tree.flatten(outputs))})
    cls = type(model) if is_made_of_tensors(type(model)) else Model
    return cls(structure, tree.map_structure(new, graph.outputs_struct), name=model.name)


def _input_arguments(layer: InputLayer) -> dict[str, Any]:
    return {"batch_shape": layer.batch_shape, "dtype": layer.dtype, "name": layer.name}


def model_from_json(json_string: str, custom_objects: dict | None = None) -> Model:
    """A model from what `Model.to_json` returned, with new weights."""
    import json

    from pyneural.serialization import deserialize_keras_object

    return deserialize_keras_object(json.loads(json_string), custom_objects)
