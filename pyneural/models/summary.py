"""The table of a model's layers."""

from __future__ import annotations

import re
from typing import Any

from pyneural.layers.layer import Layer


def summarize(
    model: Any,
    line_length: int | None = None,
    positions: list[float] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: tuple[str, str] | None = None,
) -> str:
    """The text that `Model.summary` prints; see there."""
    connections = not _is_chain(model)
    titles = ["Layer (type)", "Output Shape", "Param #"]
    shares = [0.44, 0.33, 0.23]
    if connections:
        titles.append("Connected to")
        shares = [0.3, 0.25, 0.18, 0.27]
    if show_trainable:
        titles.append("Trainable")
        shares = [0.88 * share for share in shares] + [0.12]
    total = line_length or (98 if connections else 80)
    if positions:
        ends = [p * total if p <= 1 else p for p in positions[: len(titles)]]
        shares = [(end - start) / ends[-1] for start, end in zip([0, *ends], ends)]
    widths = [max(5, int(total * share) - 3) for share in shares]
    rows = [
        _cells(model, op, level, connections, show_trainable)
        for op, level in _operations(model, expand_nested, layer_range)
    ]
    lines = [f'Model: "{model.name}"', *_table(titles, rows, widths)]
    return "\n".join(lines + _totals(model))


def _operations(model: Any, expand_nested: bool, layer_range: tuple[str, str] | None, level: int = 0) -> list:
    found = []
    for op in model.layers if _is_sequential(model) else model.operations:
        found.append((op, level))
        if expand_nested and hasattr(op, "operations") and op.layers:
            found.extend(_operations(op, True, None, level + 1))
    if layer_range is None:
        return found
    if len(layer_range) != 2:
        raise ValueError(f"Argument `layer_range` must name the first and the last layer. Received: {layer_range}")
    top = [i for i, (_, depth) in enumerate(found) if depth == 0]
    first = next((i for i in top if re.match(layer_range[0], found[i][0].name)), None)
    last = next((i for i in reversed(top) if re.match(layer_range[1], found[i][0].name)), None)
    if first is None or last is None:
        raise ValueError(f"Passed layer_names do not match the layer names in the model. Received: {layer_range}")
    first, last = min(first, last), max(first, last)
    following = next((i for i in top if i > last), len(found))
    return found[first:following]


def _is_sequential(model: Any) -> bool:
    return hasattr(model, "_sequence")


def _is_chain(model: Any) -> bool:
    """Whether every operation is called once, on the output of the one before."""
    graph = getattr(model, "_graph", None)
    if graph is None or _is_sequential(model):
        return True
    depths = list(graph.depths.values())
    return (
        len(set(depths)) == len(depths)
        and all(len(node.input_tensors) <= 1 for node in graph.nodes)
        and all(len(graph.nodes_of(op)) <= 1 for op in graph.operations)
    )


def _cells(model: Any, op: Any, level: int, connections: bool, show_trainable: bool) -> list[str]:
    class_name = getattr(op, "class_name", type(op).__name__)
    name = f"{'   ' * level}{'└ ' if level else ''}{op.name} ({class_name})"
    is_layer = isinstance(op, Layer)
    if not is_layer:
        params = "0"
    elif not op.built:
        params = "0 (unbuilt)"
    else:
        params = f"{op.count_params():,}"
    cells = [name, _output_shape(op), params]
    if connections:
        cells.append(_connections(model, op) if level == 0 else "-")
    if show_trainable:
        cells.append(("Y" if op.trainable else "N") if is_layer and op.weights else "-")
    return cells


def _output_shape(op: Any) -> str:
    if op._inbound_nodes:
        shapes = [x.shape for x in op._inbound_nodes[0].output_tensors]
        return str(shapes[0]) if len(shapes) == 1 else ", ".join(map(str, shapes))
    build_shapes = getattr(op, "_build_shapes", None)
    if not build_shapes:
        return "?"
    try:
        shape = op.compute_output_shape(*build_shapes.values())
    except (ValueError, TypeError, NotImplementedError):
        return "?"
    return str(shape) if isinstance(shape, tuple) else ", ".join(str(s) for s in _leaf_shapes(shape))


def _leaf_shapes(shapes: Any) -> list:
    if isinstance(shapes, tuple) and all(n is None or isinstance(n, int) for n in shapes):
        return [shapes]
    values = shapes.values() if isinstance(shapes, dict) else shapes
    return [leaf for item in values for leaf in _leaf_shapes(item)]


def _connections(model: Any, op: Any) -> str:
    graph = model._graph
    sources = []
    for node in graph.nodes_of(op):
        for x in node.input_tensors:
            name, index, position = graph.reference(x)
            sources.append(f"{name}[{index}][{position}]")
    return ", ".join(sources) or "-"


def _totals(model: Any) -> list[str]:
    trainable = sum(v.size for v in _unique(model.trainable_weights))
    frozen = sum(v.size for v in _unique(model.non_trainable_weights))
    optimizer = getattr(model, "optimizer", None)
    extra = sum(v.size for v in optimizer.variables) if getattr(optimizer, "built", False) else 0
    total_bytes = sum(_bytes(v) for v in _unique(model.weights))
    extra_bytes = sum(_bytes(v) for v in optimizer.variables) if extra else 0
    trainable_bytes = sum(_bytes(v) for v in _unique(model.trainable_weights))
    lines = [
        f" Total params: {trainable + frozen + extra:,} ({_readable(total_bytes + extra_bytes)})",
        f" Trainable params: {trainable:,} ({_readable(trainable_bytes)})",
        f" Non-trainable params: {frozen:,} ({_readable(total_bytes - trainable_bytes)})",
    ]
    if extra:
        lines.append(f" Optimizer params: {extra:,} ({_readable(extra_bytes)})")
    return lines


def _unique(variables: list) -> list:
    return list({id(v): v for v in variables}.values())


def _bytes(variable: Any) -> int:
    sizes = {"float64": 8, "int64": 8, "float16": 2, "bfloat16": 2, "int16": 2, "int8": 1, "uint8": 1, "bool": 1}
    return variable.size * sizes.get(variable.dtype, 4)


def _readable(count: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024:
            return f"{count:.2f} {unit}"
        count /= 1024
    return f"{count:.2f} TB"


def _table(titles: list[str], rows: list[list[str]], widths: list[int]) -> list[str]:
    """Rows with borders; cells that are too long go on in the next line."""
    right = {i for i, title in enumerate(titles) if title == "Param #"}

    def row(cells: list[str], bar: str) -> list[str]:
        parts = [_wrap(cell, width) for cell, width in zip(cells, widths)]
        lines = []
        for i in range(max(map(len, parts))):
            texts = [part[i] if i < len(part) else "" for part in parts]
            padded = [
                f" {text.rjust(width) if column in right else text.ljust(width)} "
                for column, (text, width) in enumerate(zip(texts, widths))
            ]
            lines.append(bar + bar.join(padded) + bar)
        return lines

    def border(left: str, middle: str, end: str, line: str) -> str:
        return left + middle.join(line * (width + 2) for width in widths) + end

    lines = [border("┏", "┳", "┓", "━"), *row(titles, "┃"), border("┡", "╇", "┩", "━")]
    for i, cells in enumerate(rows):
        if i:
            lines.append(border("├", "┼", "┤", "─"))
        lines += row(cells, "│")
    return [*lines, border("└", "┴", "┘", "─")]


def _wrap(text: str, width: int) -> list[str]:
    lines, rest = [], text
    while len(rest) > width:
        cut = rest.rfind(" ", 1, width + 1)
        if cut <= 0 or not rest[:cut].strip():
            cut = width
        lines.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*lines, rest]
