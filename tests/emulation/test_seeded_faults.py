"""Faults of each kind, put into the project's own kernels one at a time: the test suite has to find them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "seeded"
PARTS = (
    "CMakeLists.txt",
    "benchmarks",
    "cmake",
    "csrc",
    "cuda",
    "examples",
    "pyneural",
    "pyproject.toml",
    "tests",
    "tools",
)
POOLING = ("tests/ops/test_samples.py", "-k", "pool2d")
TRANSPOSES = ("tests/ops/test_shape.py", "tests/ops/test_samples.py", "-k", "transpose")
FUSED = ("tests/ops/test_fused_elementwise.py",)
LOOKUPS = ("tests/ops/test_index.py", "tests/ops/test_samples.py", "-k", "take")
STREAMS = ("tests/engine/test_plan.py", "-k", "large_data")


@dataclass
class Fault:
    """`right` becomes `wrong` in a file; then some of `tests` must fail with `message`."""

    file: str
    right: str
    wrong: str
    tests: tuple[str, ...]
    message: str


FAULTS = {
    "divergent barrier": Fault(
        "cuda/strided_copy.cu",
        "    __syncthreads();\n#pragma unroll\n    for (int c = y;",
        "    if (row + x < rows) __syncthreads();\n#pragma unroll\n    for (int c = y;",
        TRANSPOSES,
        "copy_transposed.*divergent barrier",
    ),
    "missing barrier": Fault(
        "cuda/strided_copy.cu",
        "    __syncthreads();\n#pragma unroll\n    for (int c = y;",
        "#pragma unroll\n    for (int c = y;",
        TRANSPOSES,
        "copy_transposed.*(race|nothing wrote)",
    ),
    "shared memory out of bounds": Fault(
        "cuda/strided_copy.cu",
        "T[kTile][kTile + kPadding]",
        "T[kTile - 1][kTile + kPadding]",
        TRANSPOSES,
        "copy_transposed.*(shared memory out of bounds|index 3[12] is out of bounds)",
    ),
    "shared memory that nothing wrote": Fault(
        "cuda/strided_copy.cu",
        "for (int r = y; r < kTile; r += kStep)",
        "for (int r = y; r < kTile - kStep; r += kStep)",
        TRANSPOSES,
        "copy_transposed.*shared memory that nothing wrote",
    ),
    "device memory out of bounds": Fault(
        "cuda/pool2d.cu",
        "i < pixels.packs;",
        "i <= pixels.packs;",
        POOLING,
        "pool_pixels.*out of bounds",
    ),
    "misaligned vector access": Fault(
        "cuda/pool2d.cu",
        "p.channels % kPack == 0 &&",
        "p.channels >= kPack &&",
        POOLING,
        "pool_pixels.*misaligned",
    ),
    "output that is not written": Fault(
        "cuda/pool2d.cu",
        "    store_pack<true>(y",
        "    if (at.column != 1) store_pack<true>(y",
        POOLING,
        r"\bnan\b|nothing wrote",
    ),
    "race between blocks": Fault(
        "cuda/pool2d.cu",
        "int64_t i = first_item(); i < pixels.packs",
        "int64_t i = threadIdx.x; i < pixels.packs",
        POOLING,
        "pool_pixels.*race: writes",
    ),
    "launch without a check": Fault(
        "cuda/pool2d.cu",
        "  launch(kernel, grid_for",
        "  emulation::launch(kernel, grid_for",
        POOLING,
        "nobody asked whether the launch of .*pool_pixels",
    ),
    "host code that reads device memory": Fault(
        "cuda/pool2d.cu",
        "if (y.size == 0) return;",
        "if (y.size == 0 || *x.as<const unsigned char>() == 255) return;",
        POOLING,
        "host code reads|worker .* crashed",  # the message is lost where tests run in parallel
    ),
    "wait for cp.async that is missing": Fault(
        "cuda/fused_elementwise.cu",
        "  wait_all_copies();\n",
        "",
        FUSED,
        "(cp.async has not delivered|race)",
    ),
    "vote without all lanes": Fault(
        "cuda/index_grad.cu",
        "votes = __ballot_sync(kAllLanes, inside);",
        "votes = i < end ? __ballot_sync(kAllLanes, inside) : 0;",
        LOOKUPS,
        "add_rows.*lanes",
    ),
    "copy before the last one is used": Fault(
        "csrc/graph/gpu_batches.cpp",
        "    if (used_[part]) gpu_.wait(used_[part]);\n",
        "",
        STREAMS,
        "Mismatched elements|race|nothing wrote",
    ),
    "use before the copy": Fault(
        "cuda/backend.cpp",
        "PN_CUDA(cudaEventRecord(done, copies_));\n    PN_CUDA(cudaStreamWaitEvent(stream_, done));",
        "PN_CUDA(cudaEventRecord(done, copies_));",
        STREAMS,
        "Mismatched elements|race|nothing wrote",
    ),
}


def run_tests(tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Builds the copy and runs tests there on device cuda."""
    environment = {**os.environ, "PYTHON": sys.executable, "JOBS": str(len(os.sched_getaffinity(0)))}
    return subprocess.run(
        ["sh", "tools/emulate.sh", "-x", *tests],
        cwd=COPY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def copy() -> Path:
    """A copy of the project, whose tests pass."""
    for name in PARTS:
        source, target = ROOT / name, COPY / name
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "_core*.so"))
        else:
            COPY.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for tests in (POOLING, TRANSPOSES, FUSED, LOOKUPS, STREAMS):
        result = run_tests(tests)
        assert result.returncode == 0, result.stdout[-4000:]
    return COPY


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_the_suite_finds_it(copy: Path, name: str) -> None:
    fault = FAULTS[name]
    file = copy / fault.file
    source = file.read_text()
    assert source.count(fault.right) == 1, f"{fault.file} has changed: the fault has no place there"
    file.write_text(source.replace(fault.right, fault.wrong))
    try:
        result = run_tests(fault.tests)
    finally:
        file.write_text(source)
    assert "passed" in result.stdout or "failed" in result.stdout or "error" in result.stdout, result.stdout[-4000:]
    assert result.returncode != 0, "nobody noticed"
    assert re.search(fault.message, result.stdout), result.stdout[-4000:]
