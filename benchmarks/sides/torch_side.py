"""PyTorch, eager; NHWC and NCHW where both exist. On the CPU or on a GPU: see torch_device.py."""

import torch
import torch.nn.functional as F
import torch_device
import torch_models
import torch_pointwise


def info():
    return {"torch": torch.__version__, **torch_device.info()}


def set_threads(threads):
    if threads:
        torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    torch_device.start()


def prepare(case):
    """The variants that PyTorch has of a case: {name: callable}."""
    builder = BUILDERS.get(case["op"])
    return torch_device.timed(torch_device.prepared(builder, case)) if builder else None


def matmul(case):
    m, k, n, layout = case["m"], case["k"], case["n"], case["layout"]
    dtype = torch.bfloat16 if case.get("precision") == "bf16" else torch.float32
    a = torch.randn(k, m, dtype=dtype).t() if layout[0] == "T" else torch.randn(m, k, dtype=dtype)
    b = torch.randn(n, k, dtype=dtype).t() if layout[1] == "T" else torch.randn(k, n, dtype=dtype)
    out = torch.empty(m, n, dtype=dtype)
    return {"mm out=": lambda: torch.mm(a, b, out=out), "mm": lambda: torch.mm(a, b)}


def conv2d(case):
    variants = {}
    for layout in (torch.channels_last, torch.contiguous_format):
        name = "NHWC" if layout is torch.channels_last else "NCHW"
        variants[name] = _conv2d(case, layout)
    return variants


def _conv2d(case, layout):
    channels, kernel, stride = case["channels"], case["kernel"], case["stride"]
    groups = channels if case["depthwise"] else 1
    filters = channels if case["depthwise"] else case["filters"]
    x = torch.randn(case["batch"], channels, case["size"], case["size"]).contiguous(memory_format=layout)
    weight = torch.randn(filters, channels // groups, kernel, kernel).contiguous(memory_format=layout)
    padding = [0, 0]
    if case["padding"] == "same":
        output = -(-case["size"] // stride)
        total = max((output - 1) * stride + kernel - case["size"], 0)
        if total % 2:  # one row more at the end: PyTorch pads first
            padding = None
            ahead = total // 2
            pads = (ahead, total - ahead, ahead, total - ahead)
        else:
            padding = [total // 2] * 2

    def forward():
        if padding is None:
            return F.conv2d(F.pad(x, pads), weight, None, stride, 0, 1, groups)
        return F.conv2d(x, weight, None, stride, padding, 1, groups)

    if case["what"] == "forward":
        return forward
    grad = torch.randn_like(forward()).contiguous(memory_format=layout)
    mask = [case["what"] == "input", case["what"] == "kernel", False]

    def backward():
        wide = F.pad(x, pads) if padding is None else x
        return torch.ops.aten.convolution_backward(
            grad, wide, weight, None, [stride] * 2, padding or [0, 0], [1, 1], False, [0, 0], groups, mask
        )

    return backward


BUILDERS = {"matmul": matmul, "conv2d": conv2d, **torch_pointwise.BUILDERS, **torch_models.BUILDERS}
