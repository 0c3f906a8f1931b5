"""The kernels that are measured, as plain dictionaries: {"op", sizes, "flops", "bytes", "name"}.

`flops` counts multiplications and additions that the result needs, `bytes` what has to be read and written once. All
values are float32, images NHWC, kernels HWIO.
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


def pointwise(op: str, elements: int, streams: int) -> dict:
    """An op on flat arrays: `streams` arrays are read or written, the last one is the result."""
    return {
        "op": op,
        "name": f"{op} {elements}",
        "elements": elements,
        "streams": streams,
        "flops": 0.0,
        "bytes": float(FLOAT * streams * elements),
    }
