"""The configuration of a functional model: its operations and how they are connected."""

from __future__ import annotations

from typing import Any

from pyneural import tree
from pyneural.keras_tensor import KerasTensor
from pyneural.layers.input_layer import InputLayer
from pyneural.models.graph import Graph
from pyneural.serialization import deserialize_keras_object, serialize_keras_object

_TENSOR = "__keras_tensor__"


def graph_config(graph: Graph) -> dict[str, Any]:
    """Plain data that describe a graph."""

    def plain(value: Any) -> Any:
        if isinstance(value, KerasTensor):
            config = {"shape": value.shape, "dtype": value.dtype, "keras_history": graph.reference(value)}
            return {"class_name": _TENSOR, "config": config}
        if isinstance(value, (list, tuple)):
            return type(value)(plain(item) for item in value)
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return serialize_keras_object(value)

    layers = []
    for operation in graph.operations:
        entry = serialize_keras_object(operation)
        entry["name"] = operation.name
        entry["inbound_nodes"] = [
            {"args": plain(node.args), "kwargs": plain(node.kwargs)} for node in graph.nodes_of(operation)
        ]
        layers.append(entry)
    return {
        "layers": layers,
        "input_layers": tree.map_structure(graph.reference, graph.inputs_struct),
        "output_layers": tree.map_structure(graph.reference, graph.outputs_struct),
    }


def is_graph_config(config: dict[str, Any]) -> bool:
    """Whether a configuration describes a graph."""
    return all(key in config for key in ("layers", "input_layers", "output_layers"))


def tensors_from_config(config: dict[str, Any]) -> tuple[Any, Any]:
    """The inputs and outputs of the graph that `graph_config` described.

    Raises:
        ValueError: If operations are connected in a circle, or to ones that do not exist.
    """
    operations: dict[str, Any] = {}
    pending: list[tuple[str, dict]] = []
    for entry in config["layers"]:
        operation = deserialize_keras_object(entry)
        if entry.get("name") in operations:
            raise ValueError(f"The name {entry.get('name')!r} is used more than once in the configuration.")
        operations[entry["name"]] = operation
        pending.extend((entry["name"], node) for node in entry["inbound_nodes"])
    calls: dict[str, list] = {
        name: [[op.output]] if isinstance(op, InputLayer) else [] for name, op in operations.items()
    }

    def tensor(reference: list) -> KerasTensor | None:
        name, node, position = reference
        if name not in operations:
            raise ValueError(f"The configuration refers to {name!r}, which does not exist in it.")
        return calls[name][node][position] if node < len(calls[name]) else None

    while pending:
        waiting = []
        blocked: set[str] = set()  # calls of one operation stay in order
        for name, node in pending:
            references = _references([node["args"], node["kwargs"]])
            if name in blocked or any(tensor(reference) is None for reference in references):
                blocked.add(name)
                waiting.append((name, node))
                continue
            args, kwargs = _fill(node["args"], tensor), _fill(node["kwargs"], tensor)
            outputs = operations[name](*args, **kwargs)
            calls[name].append([x for x in tree.flatten(outputs) if isinstance(x, KerasTensor)])
        if len(waiting) == len(pending):
            raise ValueError(
                f"The configuration of the model is circular or incomplete at {sorted({name for name, _ in waiting})}."
            )
        pending = waiting
    return tuple(_map_references(config[key], tensor) for key in ("input_layers", "output_layers"))


def _is_tensor(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class_name") == _TENSOR


def _references(value: Any) -> list:
    if _is_tensor(value):
        return [value["config"]["keras_history"]]
    if isinstance(value, dict):
        return [r for item in value.values() for r in _references(item)]
    if isinstance(value, (list, tuple)):
        return [r for item in value for r in _references(item)]
    return []


def _fill(value: Any, tensor: Any) -> Any:
    if _is_tensor(value):
        return tensor(value["config"]["keras_history"])
    if isinstance(value, (list, tuple)):
        return type(value)(_fill(item, tensor) for item in value)
    if isinstance(value, dict):
        if "class_name" in value and "config" in value:
            return deserialize_keras_object(value)
        return {key: _fill(item, tensor) for key, item in value.items()}
    return value


def _map_references(value: Any, tensor: Any) -> Any:
    """A structure of [name, node, position] as a structure of tensors."""
    if isinstance(value, dict):
        return {key: _map_references(item, tensor) for key, item in value.items()}
    if len(value) == 3 and isinstance(value[0], str) and not isinstance(value[1], str):
        found = tensor(value)
        if found is None:
            raise ValueError(f"The configuration refers to the output {value}, which does not exist.")
        return found
    return [_map_references(item, tensor) for item in value]
