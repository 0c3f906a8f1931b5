"""PyTorch's activations, softmax, losses, normalisation, pooling and optimizers."""

import torch
import torch.nn.functional as F
import torch_device

UNARY = {
    "relu": lambda x, out: torch.clamp_min(x, 0, out=out),
    "exp": torch.exp,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "erf": torch.erf,
    "gelu": lambda x, out: torch.ops.aten.gelu.out(x, out=out),
    "sin": torch.sin,
    "softmax": lambda x, out: torch.softmax(x, 1, out=out),
    "log_softmax": lambda x, out: torch.log_softmax(x, 1, out=out),
}
BINARY = {"add": torch.add, "multiply": torch.mul}


def unary(case):
    x, op = torch.randn(*case["shape"]), UNARY[case["op"]]
    out = torch.empty_like(x)
    variants = {"out=": lambda: op(x, out=out)}
    if case["op"] == "relu":
        variants["relu"] = lambda: torch.relu(x)
    return variants


def binary(case):
    x, y, op = torch.randn(*case["shape"]), torch.randn(*case["shape"]), BINARY[case["op"]]
    out = torch.empty_like(x)
    return {"out=": lambda: op(x, y, out=out)}


def activation_gradient(case):
    """With the forward step, as in training; the slope comes from the result where that is enough."""
    name = case["op"].removesuffix("_gradient")
    x, grad = torch.randn(*case["shape"]), torch.randn(*case["shape"])
    y, out = torch.empty_like(x), torch.empty_like(x)
    aten, forward = torch.ops.aten, UNARY[name]
    backward = {
        "relu": lambda: aten.threshold_backward.grad_input(grad, y, 0, grad_input=out),
        "tanh": lambda: aten.tanh_backward.grad_input(grad, y, grad_input=out),
        "sigmoid": lambda: aten.sigmoid_backward.grad_input(grad, y, grad_input=out),
        "gelu": lambda: aten.gelu_backward.grad_input(grad, x, grad_input=out),
    }[name]

    def both():
        forward(x, out=y)
        backward()

    return {"out=": both}


def add_row(case):
    x, row = torch.randn(*case["shape"]), torch.randn(case["shape"][-1])
    out = torch.empty_like(x)
    return {"out=": lambda: torch.add(x, row, out=out)}


def total(case):
    x = torch.randn(*case["shape"])
    axes = {"sum_columns": [0], "sum_rows": [1], "sum_all": [0, 1]}[case["op"]]
    return {"sum": lambda: torch.sum(x, axes)}


def channels_first(case):
    x = torch.randn(*case["shape"]).permute(0, 3, 1, 2)
    out = torch.empty(x.shape)
    return {"copy_": lambda: out.copy_(x), "contiguous": lambda: x.contiguous()}


def dropout(case):
    x = torch.randn(*case["shape"])
    return {"dropout": lambda: F.dropout(x, 0.5, training=True)}


def loss(case):
    """With its gradient, as in training."""
    x = torch.randn(*case["shape"], requires_grad=True)
    if case["op"] == "cross_entropy":
        targets, function = torch.randint(0, case["shape"][1], case["shape"][:1]), F.cross_entropy
    else:
        targets, function = torch.randn(*case["shape"]), F.mse_loss

    def run():
        with torch.enable_grad():
            value = function(x, targets)
            return value, torch.autograd.grad(value, x)

    return {"autograd": run}


def layer_norm(case):
    n = case["shape"][-1]
    x, scale, offset, grad = torch.randn(*case["shape"]), torch.randn(n), torch.randn(n), torch.randn(*case["shape"])
    if not case["op"].endswith("gradient"):
        return {"layer_norm": lambda: F.layer_norm(x, (n,), scale, offset, 1e-3)}

    def both():
        _, mean, rstd = torch.native_layer_norm(x, (n,), scale, offset, 1e-3)
        torch.ops.aten.native_layer_norm_backward(grad, x, [n], mean, rstd, scale, offset, [True, True, True])

    return {"aten": both}


def batch_norm(case):
    batch, height, width, channels = case["shape"]
    variants = {}
    for name, layout in (("NHWC", torch.channels_last), ("NCHW", torch.contiguous_format)):
        x, grad = (torch.randn(batch, channels, height, width).contiguous(memory_format=layout) for _ in range(2))
        variants[name] = _batch_norm(case, x, grad, torch.randn(channels), torch.randn(channels))
    return variants


def _batch_norm(case, x, grad, scale, offset):
    def forward():
        return torch.native_batch_norm(x, scale, offset, None, None, True, 0.01, 1e-3)

    def both():
        _, mean, rstd = forward()
        torch.ops.aten.native_batch_norm_backward(
            grad, x, scale, None, None, mean, rstd, True, 1e-3, [True, True, True]
        )

    return both if case["op"].endswith("gradient") else forward


def optimizer(case):
    variants = {}
    for mode in ("fused", "foreach"):
        weights = torch.randn(*case["shape"], requires_grad=True)
        weights.grad = torch.randn(*case["shape"])
        options = {mode: True, "lr": 1e-3, **({"momentum": 0.9} if case["op"] == "momentum" else {})}
        kind = {"adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}.get(case["op"], torch.optim.SGD)
        if kind is torch.optim.RMSprop and mode == "fused":  # there is none
            continue
        if kind is not torch.optim.SGD and torch_device.DEVICE == "cuda":  # whether a CUDA graph records it or not
            options["capturable"] = True
        variants[mode] = kind([weights], **options).step
    return variants


def pool2d(case):
    variants = {}
    for name, layout in (("NHWC", torch.channels_last), ("NCHW", torch.contiguous_format)):
        x = torch.randn(case["batch"], case["channels"], case["size"], case["size"])
        variants[name] = _pool2d(case, x.contiguous(memory_format=layout), layout)
    return variants


def _pool2d(case, x, layout):
    window, stride = [case["pool"]] * 2, [case["stride"]] * 2
    padding = [case["pool"] // 2 if case["padding"] == "same" else 0] * 2
    if case["kind"] == "max":
        grad = torch.randn_like(F.max_pool2d(x, window, stride, padding)).contiguous(memory_format=layout)
        if case["what"] == "forward":
            return lambda: F.max_pool2d(x, window, stride, padding)

        def both():
            _, places = torch.ops.aten.max_pool2d_with_indices(x, window, stride, padding)
            backward = torch.ops.aten.max_pool2d_with_indices_backward
            return backward(grad, x, window, stride, padding, [1, 1], False, places)

        return both
    if case["what"] == "forward":
        return lambda: F.avg_pool2d(x, window, stride, padding)
    grad = torch.randn_like(F.avg_pool2d(x, window, stride, padding)).contiguous(memory_format=layout)
    backward = torch.ops.aten.avg_pool2d_backward
    return lambda: backward(grad, x, window, stride, padding, False, True, None)


BUILDERS = {
    **dict.fromkeys(UNARY, unary),
    **dict.fromkeys(BINARY, binary),
    **dict.fromkeys(("cross_entropy", "mean_squared_error"), loss),
    **dict.fromkeys(("layer_norm", "layer_norm_gradient"), layer_norm),
    **dict.fromkeys(("batch_norm", "batch_norm_gradient"), batch_norm),
    **dict.fromkeys(("relu_gradient", "tanh_gradient", "sigmoid_gradient", "gelu_gradient"), activation_gradient),
    **dict.fromkeys(("sum_columns", "sum_rows", "sum_all"), total),
    **dict.fromkeys(("sgd", "momentum", "adam", "rmsprop"), optimizer),
    "add_row": add_row,
    "channels_first": channels_first,
    "dropout": dropout,
    "pool2d": pool2d,
}
