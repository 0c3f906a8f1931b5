"""Limits and cases on a GPU, a small emulated one as well, and what is shown of two devices."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from pyneural import _core
from pyneural.bench import cases, kernels, limits, models, side_by_side, tables, trainings
from pyneural.bench.limits import Limits, MemoryLevel
from pyneural.bench.results import Point, Training
from pyneural.devices import device
from tests.bench.test_limits import made_up
from tests.gpu import needs_gpu

ROOT = pathlib.Path(__file__).parents[2]
SMALL = {"PYNEURAL_EMULATION_MEMORY": str(16 << 20)}  # of an emulated device: limits look at a part of its memory


def made_up_gpu() -> Limits:
    """A hundred times as fast as the CPU of `made_up`."""
    memory = (MemoryLevel("L2", 1000, 1, {1: 4e3}, {1: 3e3}), MemoryLevel("memory", None, 1, {1: 1e3}, {1: 800.0}))
    return Limits("cuda:0", "big abacus", "float32", (1,), {"float32": {1: 1e4}, "tf32": {1: 1e5}}, memory)


def points() -> list[Point]:
    work = {"flops": 1000.0, "bytes": 5.0}
    return [
        Point("a", "matmul", 1, 20.0, **work),
        Point("a", "matmul", 2, 10.0, **work),
        Point("a", "matmul", 1, 0.2, **work, device="cuda:0"),
        Point("only here", "matmul", 1, 0.2, **work, device="cuda:0"),
    ]


@needs_gpu
@pytest.mark.parametrize("unit", ["float32", "tf32", "bf16"])
def test_peak_of_each_unit(unit: str) -> None:
    assert _core.measure_gpu_peak("cuda:0", unit, seconds=0.001) > 1e6


@needs_gpu
@pytest.mark.parametrize("mode", ["read", "copy"])
@pytest.mark.parametrize("size", [1024, 4096 * 16 + 1, 1 << 18])
def test_bandwidth_of_any_size(mode: str, size: int) -> None:
    assert _core.measure_gpu_bandwidth("cuda:0", size, mode, seconds=0.001) > 1e5


@needs_gpu
@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        ("measure_gpu_peak", ("cpu",), "`device` must be a GPU"),
        ("measure_gpu_peak", ("cuda:0", "fp4"), "`unit` must be 'float32', 'tf32' or 'bf16'. Received: 'fp4'"),
        ("measure_gpu_bandwidth", ("cuda:0", 1000, "read"), "`bytes` must be at least 1024"),
        ("measure_gpu_bandwidth", ("cuda:0", 4096, "fly"), "`mode` must be 'read' or 'copy'"),
    ],
)
def test_arguments_are_checked(function: str, arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(_core, function)(*arguments)


@needs_gpu
def test_a_plan_that_is_timed_computes_the_same() -> None:
    with device("cuda:0"), _core.Trace() as trace:
        plan = trace.compile([_core.add(trace.input((5,)), 1.0)])
    x = np.arange(5, dtype=np.float32)
    seconds = plan.time_rounds([x], repeats=2, rounds=3)
    assert len(seconds) == 3
    assert min(seconds) > 0
    np.testing.assert_array_equal(plan.run([x])[0].numpy(), x + 1)


def test_rounds_of_a_plan_have_their_effects() -> None:
    with device("cpu"):
        counter = _core.Variable(np.zeros((), np.float32))
        with _core.Trace() as trace:
            counter.assign(_core.add(counter.value, 1.0))
            plan = trace.compile([])
    assert len(plan.time_rounds([], repeats=3, rounds=2)) == 2
    assert counter.value.numpy() == 6
    for wrong in ({"repeats": 0}, {"rounds": 0}):
        with pytest.raises(ValueError, match="must be at least 1"):
            plan.time_rounds([], **wrong)


@needs_gpu
def test_kernels_and_models_on_a_gpu() -> None:
    point = kernels.measure(cases.matmul(8, 8, 8), 1, 0.001, "cuda:0")
    assert (point.device, point.threads) == ("cuda:0", 1)
    assert point.seconds > 0
    tiny = {**models.trainings()[0], "inputs": (3,), "layers": [("dense", 2, "sigmoid")], "batch": 2, "steps": 2}
    step = trainings.measure(tiny, 1, 0.001, "cuda:0")
    assert step.device == "cuda:0"
    assert step.seconds > 0
    assert step.kernel_seconds > 0


@needs_gpu
def test_the_command_with_both_devices(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("matplotlib")
    arguments = ("--device", "cpu,cuda:0", "--quick", "--seconds", "0.001", "--threads", "1", "--only", "1x784")
    files = ("--json", str(tmp_path / "report.json"), "--plot", str(tmp_path / "roofline.png"))
    command = [sys.executable, "-m", "pyneural", "bench", *arguments, *files]
    environment = {**os.environ, **SMALL, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    for text in ("tensor cores", "Kernels on 1 thread", "Kernels on cuda:0", "Kernels: 1 thread and ", "factor"):
        assert text in done.stdout
    names = {"report.json", "roofline.png", "roofline_cuda0.png", "roofline_cuda0_factors.png"}
    assert {path.name for path in tmp_path.iterdir()} == names
    report = json.loads((tmp_path / "report.json").read_text())
    assert Limits.from_dict(report["gpus"]["cuda:0"]).threads == (1,)
    assert [kernel["device"] for kernel in report["kernels"]] == ["cpu", "cuda:0"]
    (pair,) = report["factors"]
    assert pair["factor"] == pair["cpu_seconds"] / pair["gpu_seconds"] > 0


def test_a_device_that_is_not_there_ends_in_one_clear_line() -> None:
    command = [sys.executable, "-m", "pyneural", "bench", "--device", "cuda:999"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("pyneural: No device 'cuda:999': ")


def test_the_most_threads_are_compared_with_the_gpu() -> None:
    (pair,) = side_by_side.pairs(points())
    assert (pair.cpu.threads, pair.factor) == (2, 50.0)
    measured = {"cpu": made_up(), "cuda:0": made_up_gpu()}
    title, columns, rows = side_by_side.table("Kernels", [pair], measured)
    assert title == "Kernels: 2 threads and big abacus"
    assert columns[-1] == "of the limit of cuda:0"
    assert rows == [["a", "10.0 s", "50%", "200 ms", "50.0 x", tables.share(0.5)]]
    steps = [Training("m", 2, 4, 2.0, 1.0, 50.0), Training("m", 1, 4, 1.0, 1.0, 50.0, "cuda:0")]
    _, _, rows = side_by_side.table("Training", side_by_side.pairs(steps), measured)
    assert rows[0][:5] == ["m", "2.00 s", "12%", "1.00 s", "2.00 x"]


def test_bars_of_factors(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("matplotlib")
    side_by_side.bars(side_by_side.pairs(points()), {"cpu": made_up(), "cuda:0": made_up_gpu()}, tmp_path / "bars.png")
    assert (tmp_path / "bars.png").stat().st_size > 5000


def test_tables_of_a_gpu_name_it() -> None:
    peaks, bandwidths = tables.limits_tables(made_up_gpu())
    assert peaks[0] == "Multiply-adds of big abacus, GFLOP/s in float32"
    assert [row[0] for row in peaks[2]] == ["float32 (in use)", "TF32 tensor cores"]
    assert bandwidths[1] == ["level", "size", "read, cuda:0", "copy, cuda:0"]
    assert limits.GPU_UNITS[0] == "float32"
