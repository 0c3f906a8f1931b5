"""The graph of operations between the inputs and the outputs of a functional model."""

from __future__ import annotations

from typing import Any

from pyneural import tree
from pyneural.keras_tensor import KerasTensor
from pyneural.layers.input_layer import InputLayer
from pyneural.layers.layer import Layer
from pyneural.operation import Node


class Graph:
    """The nodes from `inputs` to `outputs`, in an order in which they can be computed.

    Args:
        inputs: KerasTensors in any structure.
        outputs: KerasTensors in any structure.

    Raises:
        ValueError: If an input or output is no KerasTensor, or an output does not depend on the inputs alone.
    """

    def __init__(self, inputs: Any, outputs: Any):
        _check_tensors("inputs", inputs)
        _check_tensors("outputs", outputs)
        self.inputs_struct = inputs
        self.outputs_struct = outputs
        self.inputs: list[KerasTensor] = tree.flatten(inputs)
        self.outputs: list[KerasTensor] = tree.flatten(outputs)
        self.input_layers = [_input_layer(x) for x in self.inputs]
        self._sources = {id(x): layer for x, layer in zip(self.inputs, self.input_layers)}
        self.nodes: list[Node] = []  # computed nodes, each after those that it depends on
        visited = self._walk()
        self.operations, self.depths = self._sort(visited)
        self._check_names()

    @property
    def layers(self) -> list[Layer]:
        """The operations that are layers."""
        return [op for op in self.operations if isinstance(op, Layer)]

    def nodes_of(self, operation: Any) -> list[Node]:
        """The calls of an operation that belong to this graph."""
        members = {id(node) for node in self.nodes}
        return [node for node in operation._inbound_nodes if id(node) in members]

    def run(self, inputs: list) -> Any:
        """Computes the outputs, in their structure, from a list of tensors (or KerasTensors)."""
        values = {id(symbol): value for symbol, value in zip(self.inputs, inputs)}

        def fill(leaf: Any) -> Any:
            return values[id(leaf)] if isinstance(leaf, KerasTensor) else leaf

        for node in self.nodes:
            kwargs = tree.map_structure(fill, node.kwargs) if node.kwargs else {}
            outputs = node.operation(*[tree.map_structure(fill, arg) for arg in node.args], **kwargs)
            if isinstance(node.outputs, KerasTensor):
                values[id(node.outputs)] = outputs
            else:
                for symbol, value in zip(tree.flatten(node.outputs), tree.flatten(outputs)):
                    values[id(symbol)] = value
        return tree.map_structure(fill, self.outputs_struct)

    def reference(self, tensor: KerasTensor) -> list:
        """How a configuration names a tensor: [operation, index of its call in this graph, index of the output]."""
        if id(tensor) in self._sources:
            return [self._sources[id(tensor)].name, 0, 0]
        operation, index, position = tensor._keras_history
        node = operation._inbound_nodes[index]
        return [operation.name, [id(n) for n in self.nodes_of(operation)].index(id(node)), position]

    def _walk(self) -> list:
        """Fills `nodes`; returns the operations in the order in which a walk back from the outputs meets them."""
        met: dict[int, Any] = {}
        done: set[int] = set()
        # (tensor, whether its inputs have been walked): a stack of our own, deep networks exceed Python's.
        pending = [(x, False) for x in reversed(self.outputs)]
        while pending:
            tensor, expanded = pending.pop()
            if id(tensor) in self._sources:
                layer = self._sources[id(tensor)]
                met.setdefault(id(layer), layer)
                continue
            history = tensor._keras_history
            node = history[0]._inbound_nodes[history[1]] if history else None
            if node is None or node.is_input:
                name = f" (of the input '{history[0].name}')" if history else ""
                raise ValueError(f"Output with path '{tensor.name}'{name} is not connected to `inputs`")
            if id(node) in done:
                continue
            met.setdefault(id(node.operation), node.operation)
            if expanded:
                done.add(id(node))
                self.nodes.append(node)
                continue
            pending.append((tensor, True))
            pending.extend((x, False) for x in reversed(node.input_tensors))
        for layer in self.input_layers:
            met.setdefault(id(layer), layer)
        return list(met.values())

    def _sort(self, visited: list) -> tuple[list, dict[int, int]]:
        """Operations by their distance from the outputs, the farthest first; and that distance by id."""
        depths: dict[int, int] = {}
        node_depths: dict[int, int] = {}
        for node in reversed(self.nodes):
            depth = max(node_depths.get(id(node), 0), depths.get(id(node.operation), 0))
            depths[id(node.operation)] = depth
            for x in node.input_tensors:
                source = self._sources.get(id(x))
                if source is not None:
                    depths[id(source)] = max(depths.get(id(source), 0), depth + 1)
                else:
                    operation, index, _ = x._keras_history
                    parent = id(operation._inbound_nodes[index])
                    node_depths[parent] = max(node_depths.get(parent, 0), depth + 1)
        for op in visited:
            depths.setdefault(id(op), 0)
        return sorted(visited, key=lambda op: -depths[id(op)]), depths

    def _check_names(self) -> None:
        names: set[str] = set()
        for op in self.operations:
            if op.name in names:
                raise ValueError(
                    f'The name "{op.name}" is used more than once in the model. All operation names should be unique.'
                )
            names.add(op.name)


def _check_tensors(argument: str, tensors: Any) -> None:
    leaves = tree.flatten(tensors)
    if not leaves:
        raise ValueError(f"`{argument}` argument cannot be empty. Received: {argument}={tensors}")
    for x in leaves:
        if not isinstance(x, KerasTensor):
            raise ValueError(
                f"All `{argument}` values must be KerasTensors. Received: {argument}={tensors} including invalid value "
                f"{x} of type {type(x)}"
            )


def _input_layer(tensor: KerasTensor) -> InputLayer:
    """The layer of an input; a tensor in the middle of another model gets one that stands for it."""
    if tensor._keras_history is not None and isinstance(tensor._keras_history[0], InputLayer):
        return tensor._keras_history[0]
    return InputLayer(input_tensor=tensor, name=tensor.name)
