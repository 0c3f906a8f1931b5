"""PyTorch on a GPU, its launches recorded into CUDA graphs as its documentation teaches: kernels and training steps."""

import torch
import torch_device
import torch_models
import torch_side
from torch_side import info, set_threads  # noqa: F401


def prepare(case):
    if case["op"] == "train":
        return torch_device.prepared(train, case)
    if case["op"] == "predict" or case["op"] not in torch_side.BUILDERS:
        return None
    variants = torch_device.prepared(torch_side.BUILDERS[case["op"]], case)
    variants = variants if isinstance(variants, dict) else {"graph": variants}
    return {name: torch_device.Graph(run) for name, run in variants.items()}


def train(case):
    return {name: (epoch(case, layout), case["steps"]) for name, layout in torch_models.layouts(case).items()}


def rows_of(x):
    """The samples as rows of their memory."""
    return (x.permute(0, 2, 3, 1) if x.dim() == 4 and not x.is_contiguous() else x).view(len(x), -1)


def epoch(case, layout):
    """A function that trains for one epoch; a step is one recording on a batch that is copied to its place."""
    torch.set_grad_enabled(True)
    network, x, y, optimizer, criterion = torch_models.training(case, layout, capturable=True)
    network.train()
    batch, targets = x[: case["batch"]].clone(), y[: case["batch"]].clone()
    x_rows, batch_rows = rows_of(x), rows_of(batch)
    total, correct = torch.zeros(()), torch.zeros((), dtype=torch.int64)

    def step():
        optimizer.zero_grad(set_to_none=True)
        outputs = network(batch)
        loss = criterion(outputs, targets)
        loss.backward()
        optimizer.step()
        total.add_(loss.detach())
        if case["accuracy"]:
            correct.add_((outputs.argmax(1) == targets).sum())

    graph = torch_device.capture(step)

    def run():
        order = torch.randperm(len(x), device=x.device)
        total.zero_()
        correct.zero_()
        for rows in order.split(case["batch"]):
            torch.index_select(x_rows, 0, rows, out=batch_rows)
            torch.index_select(y, 0, rows, out=targets)
            graph.replay()
        return total.item() / case["steps"], correct.item() / len(x)

    return run
