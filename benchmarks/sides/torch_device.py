"""Where PyTorch computes: on the CPU, or on a GPU, with the precision and the clock that a comparison there needs."""

import os

import torch

DEVICE = "cuda" if os.environ.get("PYNEURAL_DEVICE", "cpu").startswith("cuda") else "cpu"


def start():
    """Settings for the whole run. Without a GPU this raises, before anything is compared."""
    if DEVICE == "cuda":
        torch.zeros(1, device=DEVICE)
        torch.backends.cudnn.benchmark = True  # cuDNN tries its algorithms, and keeps the fastest


def prepared(builder, case, **options):
    """The variants that a builder has of a case, made where the comparison is, in its precision.

    While they run there is no default device: it would cost time in every call.
    """
    set_precision(case)
    with torch.device(DEVICE):
        return builder(case, **options)


def info():
    """What computes beneath."""
    if DEVICE == "cpu":
        return {}
    return {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(), "gpu": torch.cuda.get_device_name()}


def set_precision(case):
    """TF32 where the case says so, on all sides alike."""
    if DEVICE == "cuda":
        tf32 = case.get("precision") == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.backends.cudnn.allow_tf32 = tf32


def compile_mode():
    """`reduce-overhead` is torch.compile's name for CUDA graphs."""
    return "reduce-overhead" if DEVICE == "cuda" else None


def timed(variants):
    """On a GPU, functions that time themselves with its events; epochs, which end by waiting, stay as they are."""
    if DEVICE == "cpu" or variants is None:
        return variants
    variants = variants if isinstance(variants, dict) else {"eager": variants}
    return {name: run if isinstance(run, tuple) else Eager(run) for name, run in variants.items()}


class Eager:
    """A function whose launches are called one by one."""

    def __init__(self, run):
        self.run = run

    def __call__(self):
        self.run()
        torch.cuda.synchronize()

    def seconds(self, repeats):
        return event_seconds(self.run, repeats)


class Graph(Eager):
    """The same, recorded once and repeated: many short calls in a recording, as a training step has many launches."""

    MOST_CALLS, SECONDS = 50, 2e-3

    def __init__(self, run):
        super().__init__(run)
        self()
        self.calls = min(self.MOST_CALLS, max(1, round(self.SECONDS / event_seconds(run, 1))))
        self.graph = capture(self.run_calls)

    def run_calls(self):
        for _ in range(self.calls):
            self.run()

    def seconds(self, repeats):
        return event_seconds(self.graph.replay, max(1, repeats // self.calls)) / self.calls


def event_seconds(run, repeats):
    """Of a call, by the GPU's clock."""
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    first.record()
    for _ in range(repeats):
        run()
    last.record()
    last.synchronize()
    return first.elapsed_time(last) * 1e-3 / repeats


def capture(work, warm_up=3):
    """A CUDA graph of `work`, which runs some times before: libraries choose their algorithms in the first calls."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(warm_up):
            work()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph
