"""PyTorch by torch.compile, on a GPU with its CUDA graphs: models only. Compiling takes up to a minute each."""

import os

os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # no pool of compilers beside the measurement

import torch_device
import torch_models
from torch_side import info, set_threads  # noqa: F401


def prepare(case):
    builder = torch_models.BUILDERS.get(case["op"])
    return torch_device.prepared(builder, case, compiled=True) if builder else None
