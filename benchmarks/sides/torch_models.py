"""Training and prediction with PyTorch, as its documentation teaches; NHWC and NCHW for images."""

import torch
import torch.nn.functional as F
import torch_device
from common import images_first, models
from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}
LOSSES = {
    "mse": F.mse_loss,
    "binary_crossentropy": F.binary_cross_entropy,
    "sparse_categorical_crossentropy": F.cross_entropy,  # takes logits: the softmax is part of it
}
NORM = {"eps": 1e-3, "momentum": 0.01}  # Keras's


def conv_norm(channels, filters, kernel, stride):
    conv = nn.Conv2d(channels, filters, kernel, stride, padding=kernel // 2, bias=False)
    return [conv, nn.BatchNorm2d(filters, **NORM)]


class Residual(nn.Module):
    def __init__(self, channels, filters, stride):
        super().__init__()
        self.body = nn.Sequential(
            *conv_norm(channels, filters, 3, stride), nn.ReLU(), *conv_norm(filters, filters, 3, 1)
        )
        same = stride == 1 and channels == filters
        self.shortcut = nn.Identity() if same else nn.Sequential(*conv_norm(channels, filters, 1, stride))

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x))


class Average(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


def build(case):
    """The network of a case; it ends in logits where the case ends in a softmax."""
    shape = case["inputs"]
    channels, size = (shape[-1], shape[0]) if len(shape) == 3 else (shape[0], None)
    modules = []
    for kind, *sizes in case["layers"]:
        if kind == "dense":
            units, activation = sizes
            modules += [nn.Linear(channels, units)]
            modules += [ACTIVATIONS[activation]()] if activation in ACTIVATIONS else []
            channels = units
        elif kind == "conv":
            filters, kernel, padding, activation = sizes
            modules += [nn.Conv2d(channels, filters, kernel, padding=padding), ACTIVATIONS[activation]()]
            channels, size = filters, size if padding == "same" else size - kernel + 1
        elif kind == "conv_norm":
            filters, kernel, stride = sizes
            modules += [*conv_norm(channels, filters, kernel, stride), nn.ReLU()]
            channels, size = filters, -(-size // stride)
        elif kind == "residual":
            filters, stride = sizes
            modules += [Residual(channels, filters, stride)]
            channels, size = filters, -(-size // stride)
        elif kind == "pool":
            modules += [nn.MaxPool2d(2)]
            size //= 2
        elif kind == "flatten":
            modules += [nn.Flatten()]
            channels *= size * size
        else:
            modules += [{"average": Average, "dropout": nn.Dropout}[kind](*sizes)]
    return nn.Sequential(*modules)


def layouts(case):
    """The memory formats worth a try."""
    if len(case["inputs"]) == 1:
        return {"eager": torch.contiguous_format}
    return {"NHWC": torch.channels_last, "NCHW": torch.contiguous_format}


def train(case, compiled=False):
    return {name: (epoch(case, layout, compiled), case["steps"]) for name, layout in layouts(case).items()}


def training(case, layout, capturable=False):
    """Network, samples, targets, optimizer and loss function of a case; `capturable` by a CUDA graph."""
    network, (x, y) = build(case).to(memory_format=layout), models.data(case)
    x = torch.from_numpy(images_first(x)).to(torch_device.DEVICE).contiguous(memory_format=layout)
    y = torch.from_numpy(y).to(torch_device.DEVICE)
    name, rate = case["optimizer"]
    kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[name]
    options = {"capturable": True} if capturable and kind is torch.optim.Adam else {}
    optimizer = kind(network.parameters(), lr=rate, fused=True, **options)
    return network, x, y, optimizer, LOSSES[case["loss"]]


def epoch(case, layout, compiled):
    """A function that trains for one epoch: shuffled batches from one tensor, loss and accuracy summed."""
    torch.set_grad_enabled(True)
    network, x, y, optimizer, criterion = training(case, layout)

    def loss_of(x, y):
        outputs = network(x)
        return criterion(outputs, y), outputs

    if compiled:
        loss_of = torch.compile(loss_of, mode=torch_device.compile_mode())

    def run():
        network.train()
        order = torch.randperm(len(x), device=x.device)
        total, correct = torch.zeros((), device=x.device), torch.zeros((), dtype=torch.int64, device=x.device)
        for rows in order.split(case["batch"]):
            targets = y[rows]
            loss, outputs = loss_of(x[rows], targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
            if case["accuracy"]:
                correct += (outputs.argmax(1) == targets).sum()
        return total.item() / case["steps"], correct.item() / len(x)

    return run


def predict(case, compiled=False):
    if case["call"] != "predict":
        return None
    return {name: (prediction(case, layout, compiled), case["steps"]) for name, layout in layouts(case).items()}


def prediction(case, layout, compiled):
    """A function from rows of NumPy to outputs of NumPy, batch by batch."""
    network, (x, _) = build(case).to(memory_format=layout).eval(), models.data(case)
    if case["layers"][-1][2] == "softmax":
        network.append(nn.Softmax(1))
    network = torch.compile(network) if compiled else network
    x = images_first(x)

    def run():
        with torch.inference_mode():
            rows = torch.from_numpy(x)
            if len(x) == case["batch"]:
                return network(rows).numpy()
            pieces = [network(part.contiguous(memory_format=layout)) for part in rows.split(case["batch"])]
            return torch.cat(pieces).numpy()

    return run


BUILDERS = {"train": train, "predict": predict}
