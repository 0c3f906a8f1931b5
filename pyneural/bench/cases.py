"""The kernels that are measured, as plain dictionaries: {"op", sizes, "flops", "bytes", "name"}.

`flops` counts multiplications and additions that the result needs, `bytes` what has to be read and written once. All
values are float32, images NHWC, kernels HWIO. "footprint", where there is one, is the
memory that all arrays take; else it is `bytes`.
"""

from __future__ import annotations

CUBES = (16, 32, 64, 128, 256, 512, 1024, 2048)
DENSE = (  # [in, out] of layers in the programs of introductory talks
    (784, 10), (784, 100), (784, 200), (784, 512), (100, 10), (200, 10), (32, 64), (64, 64), (64, 10), (256, 256),
    (512, 512), (512, 10), (9216, 128), (4096, 4096), (10, 4096),
)  # fmt: skip
BATCHES = (1, 8, 32, 100, 128, 512)
FLOAT = 4


def matmul(m: int, k: int, n: int, layout: str = "NN") -> dict:
    """A product [m, k] x [k, n]; `layout` tells which operands lie transposed in memory."""
    return {
        "op": "matmul",
        "name": f"matmul {m}x{k}x{n} {layout}",
        "m": m,
        "k": k,
        "n": n,
        "layout": layout,
        "flops": 2.0 * m * k * n,
        "bytes": FLOAT * (m * k + k * n + m * n),
    }


def matmuls() -> list[dict]:
    """Cubes in all layouts; the products of dense layers: forward (NN), gradients of the kernel (TN) and input (NT)."""
    cases = [matmul(size, size, size, layout) for size in CUBES for layout in ("NN", "TN", "NT")]
    for inputs, units in DENSE:
        for batch in BATCHES:
            if inputs * units < 1 << 20 or batch in (1, 8, 128):
                cases.append(matmul(batch, inputs, units, "NN"))
        for batch in (32, 128):
            cases.append(matmul(inputs, batch, units, "TN"))
            cases.append(matmul(batch, units, inputs, "NT"))
    return list({case["name"]: case for case in cases}.values())


def conv2d(
    batch: int, size: int, channels: int, filters: int, kernel: int, *, stride: int = 1, padding: str = "valid",
    depthwise: bool = False, what: str = "forward",
) -> dict:  # fmt: skip
    """A square convolution. `what`: "forward", "input" or "kernel" (the gradients). Padded taps are not counted."""
    output = -(-size // stride) if padding == "same" else (size - kernel) // stride + 1
    total = max((output - 1) * stride + kernel - size, 0) if padding == "same" else 0
    begin = total // 2
    taps = sum(0 <= o * stride - begin + k < size for o in range(output) for k in range(kernel))
    outputs = channels if depthwise else filters
    per_tap = channels if depthwise else channels * filters
    weights = kernel * kernel * per_tap
    name = f"{'depthwise' if depthwise else 'conv2d'} {what} {kernel}x{kernel} {size}x{size}x{channels}"
    return {
        "op": "conv2d",
        "name": f"{name}{'' if depthwise else f'->{filters}'} /{stride} {padding} b{batch}",
        "batch": batch,
        "size": size,
        "channels": channels,
        "filters": filters,
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
        "depthwise": depthwise,
        "what": what,
        "flops": 2.0 * batch * taps**2 * per_tap,
        "bytes": FLOAT * (batch * (size**2 * channels + output**2 * outputs) + weights),
    }


def conv2ds() -> list[dict]:
    """Layers of the MNIST, "selfie", LeNet, VGG, ResNet and MobileNet kind, with both gradients of each.

    The first layer of a network needs no gradient of its input, and none is measured.
    """
    layers = [
        conv2d(128, 28, 1, 32, 3),
        conv2d(128, 28, 1, 32, 3, padding="same"),
        conv2d(32, 28, 1, 6, 5, padding="same"),
        conv2d(32, 28, 1, 32, 5),
        conv2d(32, 20, 1, 16, 2, padding="same"),
        conv2d(32, 32, 3, 32, 3, padding="same"),
        conv2d(64, 32, 3, 64, 3, padding="same"),
        conv2d(32, 20, 3, 32, 3, padding="same"),
        conv2d(8, 112, 3, 32, 3, stride=2, padding="same"),
        conv2d(4, 224, 3, 64, 7, stride=2, padding="same"),
        conv2d(4, 112, 3, 64, 3, padding="same"),
        conv2d(64, 32, 3, 16, 3, padding="same"),
        conv2d(128, 26, 32, 64, 3),
        conv2d(32, 20, 32, 32, 2, padding="same"),
        conv2d(32, 14, 6, 16, 5),
        conv2d(64, 32, 64, 64, 3, padding="same"),
        conv2d(64, 16, 64, 128, 3, padding="same"),
        conv2d(64, 16, 128, 128, 3, padding="same"),
        conv2d(64, 8, 128, 256, 3, padding="same"),
        conv2d(64, 8, 256, 256, 3, padding="same"),
        conv2d(8, 56, 64, 64, 3, padding="same"),
        conv2d(8, 14, 256, 256, 3, padding="same"),
        conv2d(8, 7, 512, 512, 3, padding="same"),
        conv2d(64, 32, 16, 16, 3, padding="same"),
        conv2d(64, 32, 16, 32, 3, stride=2, padding="same"),
        conv2d(64, 16, 32, 32, 3, padding="same"),
        conv2d(64, 16, 32, 64, 3, stride=2, padding="same"),
        conv2d(64, 8, 64, 64, 3, padding="same"),
        conv2d(64, 32, 16, 32, 1, stride=2, padding="same"),
        conv2d(8, 56, 64, 64, 1),
        conv2d(8, 56, 64, 256, 1),
        conv2d(8, 28, 512, 128, 1),
        conv2d(8, 7, 2048, 512, 1),
        conv2d(8, 56, 256, 512, 1, stride=2),
        conv2d(32, 28, 32, 32, 5, padding="same"),
        conv2d(8, 56, 64, 0, 3, padding="same", depthwise=True),
        conv2d(8, 28, 128, 0, 3, padding="same", depthwise=True),
        conv2d(8, 56, 128, 0, 3, stride=2, padding="same", depthwise=True),
        conv2d(8, 14, 512, 0, 5, padding="same", depthwise=True),
    ]
    cases = []
    for layer in layers:
        wanted = ("forward", "kernel") if layer["channels"] <= 3 else ("forward", "input", "kernel")
        for what in wanted:
            name = layer["name"].replace("forward", what)
            cases.append({**layer, "name": name, "what": what})
    return cases


def pool2d(
    batch: int, size: int, channels: int, kind: str, pool: int = 2, stride: int = 2, padding: str = "valid",
    what: str = "forward",
) -> dict:  # fmt: skip
    """A pooling; `kind`: "max" or "average", `what`: "forward" or "gradient". Its time is that of its memory.

    The gradient of a maximum is measured with the forward step, in which a library may note where the maxima are.
    """
    output = -(-size // stride) if padding == "same" else (size - pool) // stride + 1
    image, pooled = batch * size**2 * channels, batch * output**2 * channels
    both = kind == "max" and what == "gradient"  # pools, then spreads after another look at images and maxima
    moved = 3 * image + 3 * pooled if both else image + pooled
    return {
        "op": "pool2d",
        "name": f"{kind}_pool2d {what} {pool}x{pool} {size}x{size}x{channels} /{stride} {padding} b{batch}",
        "batch": batch,
        "size": size,
        "channels": channels,
        "kind": kind,
        "pool": pool,
        "stride": stride,
        "padding": padding,
        "what": what,
        "flops": 0.0,
        "bytes": float(FLOAT * moved),
    }


def pool2ds() -> list[dict]:
    """Poolings of the MNIST, "selfie", VGG and ResNet kind, with their gradients."""
    sizes = [
        (128, 24, 64, "max"),
        (32, 20, 16, "max"),
        (32, 10, 32, "max"),
        (64, 32, 64, "max"),
        (64, 16, 128, "max"),
        (64, 8, 256, "max"),
        (32, 28, 6, "average"),
        (64, 32, 64, "average"),
    ]
    cases = [pool2d(*size, what=what) for size in sizes for what in ("forward", "gradient")]
    return cases + [pool2d(8, 56, 64, "max", 3, 2, "same", what) for what in ("forward", "gradient")]


ARRAYS = {"sgd": 2, "momentum": 3, "adam": 4}  # that are changed where they lie: read and written, but held once


def pointwise(op: str, streams: int, *shape: int) -> dict:
    """An op whose time is that of its memory: `streams` arrays of this shape are read or written."""
    elements = 1
    for size in shape:
        elements *= size
    return {
        "op": op,
        "name": f"{op} {'x'.join(map(str, shape))}",
        "shape": shape,
        "flops": 0.0,
        "bytes": float(FLOAT * streams * elements),
        "footprint": float(FLOAT * ARRAYS.get(op, streams) * elements),
    }


UNARY = ("relu", "exp", "tanh", "sigmoid", "gelu", "erf", "sin")
GRADIENTS = ("relu_gradient", "tanh_gradient", "sigmoid_gradient", "gelu_gradient")  # with the forward step
SUMS = ("sum_columns", "sum_rows", "sum_all")
BINARY = ("add", "multiply")
ELEMENTS = (4096, 1 << 16, 1 << 20, 1 << 24)  # in the first, second and third cache, and in memory
# Batch normalization reads its operands twice, the first time for sums over all rows. With the gradient, the result is
# computed and written, too: a gradient needs the statistics of a forward step.
NORMS = {"layer_norm": 2, "layer_norm_gradient": 5, "batch_norm": 3, "batch_norm_gradient": 8}
WEIGHTS = (7_000, 80_000, 1_200_000, 10_000_000)  # of small networks to large ones


def pointwises() -> list[dict]:
    """Activations, softmax, losses, normalisation, sums, transposes, dropout and optimizers."""
    cases = [pointwise(op, 2, elements) for op in UNARY for elements in ELEMENTS]
    cases += [pointwise(op, 4, elements) for op in GRADIENTS for elements in ELEMENTS]
    cases += [pointwise(op, 3, elements) for op in BINARY for elements in ELEMENTS]
    cases += [pointwise("dropout", 2, elements) for elements in (1 << 16, 1 << 20)]
    cases += [pointwise("add_row", 2, elements // 64, 64) for elements in ELEMENTS]
    cases += [pointwise(op, 1, elements // 64, 64) for op in SUMS for elements in ELEMENTS]
    images = ((8, 14, 14, 64), (64, 32, 32, 16), (64, 32, 32, 64))
    cases += [pointwise("channels_first", 2, *shape) for shape in images]
    rows = ((128, 10), (1024, 100), (128, 1000), (4096, 1000))
    cases += [pointwise(op, 2, *shape) for op in ("softmax", "log_softmax", "cross_entropy") for shape in rows]
    cases += [pointwise("mean_squared_error", 3, *shape) for shape in rows]  # with its gradient
    for shape in ((128, 256), (4096, 768)):
        cases += [pointwise(op, NORMS[op], *shape) for op in ("layer_norm", "layer_norm_gradient")]
    for shape in ((64, 32, 32, 16), (64, 32, 32, 64), (64, 8, 8, 256)):
        cases += [pointwise(op, NORMS[op], *shape) for op in ("batch_norm", "batch_norm_gradient")]
    streams = {
        "sgd": 3,
        "momentum": 5,
        "adam": 7,
        "rmsprop": 5,
    }  # weights, gradient and moments; all but the gradient are written too
    return cases + [pointwise(op, count, weights) for op, count in streams.items() for weights in WEIGHTS]
