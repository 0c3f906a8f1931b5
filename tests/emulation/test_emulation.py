"""The CUDA emulation itself: what is right runs, each kind of fault is caught and named. See docs/emulation.md."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).resolve().parent
BUILD = ROOT / "build" / "emulation"

GOOD = [
    "vector_add",
    "vector_access",
    "reduction",
    "transposition",
    "tiled_matmul",
    "tf32_matmul",
    "bf16_matmul",
    "atomics",
    "warp_functions",
    "constant_memory",
    "roundings",
    "recovery",
    "graph_replay",
    "graph_with_branches",
    "capture_forbids",
    "events",
    "streams_wait_for_events",
    "launch_errors",
    "injected_failure",
    "warp_rows",
    "small_elements",
    "last_block",
    "stages",
]

# These change settings of the process, each in its own way.
GOOD_ALONE = ["fibers_on_demand", "missing_event_shows", "pinned_memory_is_late", "out_of_memory", "no_driver"]

# What the program says with every access checked, and without: None where only the checks can tell.
SAME = object()
BEYOND = "out of bounds: 0 bytes past the end of"
ALLOCATION = r"device allocation \d+ \(\d+ bytes, cudaMalloc\)"
FAULTS: dict[str, tuple[str, object]] = {
    "fault_barrier_exited": (
        r"exit_before_barrier.*divergent barrier: .*(exited .*__syncthreads at|__syncthreads at .* have exited)",
        SAME,
    ),
    "fault_barrier_other": (
        r"two_barriers.*divergent barrier: waits in .*, but \d+ threads .* wait in",
        SAME,
    ),
    "fault_shuffle_missing": (r"shuffle_in_branch.*(names lanes that have exited|has exited while lanes)", SAME),
    "fault_shuffle_against_barrier": (r"cannot go on.*44 threads wait in __syncthreads.*for lanes 20-31", SAME),
    "fault_vote_beyond_block": (r"a vote at faults.cu:\d+ names lanes that the block does not have: 20-31", SAME),
    "fault_shuffle_source": (r"reads from lane 20, which is not in its mask", SAME),
    "fault_write_past_end": (
        rf"thread \(3, 0, 0\): writes .*{BEYOND} {ALLOCATION}",
        SAME,
    ),
    "fault_write_in_front": (rf"writes .*out of bounds: 4 bytes before {ALLOCATION}", SAME),
    "fault_write_far": (rf"writes .*out of bounds: 11600 bytes past the end of {ALLOCATION}", SAME),
    "fault_read_past_end": (rf"reads .*{BEYOND} {ALLOCATION}", SAME),
    "fault_use_after_free": (rf"reads .*out of bounds: 4 bytes into the freed {ALLOCATION}", SAME),
    "fault_host_pointer": (r"reads 4 bytes of host memory", None),
    "fault_null_pointer": (r"reads 4 bytes of host memory", r"accesses a null pointer"),
    "fault_shared_past_end": (
        rf"thread \(7, 0, 0\): writes 4 bytes of shared memory {BEYOND} tile \(256 bytes\)",
        r"a thread of the block wrote past the end of tile \(256 bytes of shared memory\)",
    ),
    "fault_shared_in_front": (  # Clang checks the index
        r"(writes 4 bytes of shared memory out of bounds: 4 bytes before tile \(256 bytes\)|index -1 is out of bounds)",
        r"a thread of the block wrote in front of tile \(256 bytes of shared memory\)",
    ),
    "fault_dynamic_shared_past_end": (r"out of bounds: 0 bytes past the end of the dynamic shared memory", SAME),
    "fault_array_index": (r"index 8 is out of bounds for type 'float ?\[8\]' at faults.cu", r"past the end of tile"),
    "fault_shared_unwritten": (
        r"thread \(9, 0, 0\): reads 4 bytes of shared memory that nothing wrote: 36 bytes into tile",
        r"expected 1, got -?nan",
    ),
    "fault_unwritten": (rf"reads 4 bytes that nothing wrote: 200 bytes into {ALLOCATION}", r"not NaN does not hold"),
    "fault_misaligned": (  # Clang leaves it to the processor
        r"(misaligned access: type '.*float4' needs an address divisible by 16|misaligned memory by a vector)",
        None,
    ),
    "fault_missing_wait": (
        r"reads 4 bytes of shared memory that a cp.async has not delivered yet: its wait is missing",
        r"expected -500, got -?nan",
    ),
    "fault_misaligned_copy": (r"cp.async at faults.cu:\d+: misaligned", SAME),
    "fault_shared_race": (r"race: .* of shared memory that (thread \(\d+, 0, 0\)|other threads) (read|wrote)", None),
    "fault_block_race": (
        r"race: writes 4 bytes of device memory that block .* of the same launch wrote",
        None,
    ),
    "fault_missing_syncwarp": (r"warp_rows_kernel.*race: .* shared memory .*into rows \(256 bytes\)", None),
    "fault_missing_fence": (r"last_block_kernel.*race: reads 4 bytes of device memory that block .* wrote", None),
    "fault_missing_round_barrier": (
        r"stages_kernel.*(race: .* shared memory|that a cp.async has not delivered yet)",
        None,
    ),
    "fault_trap": (r"block \(\d, 0, 0\), thread \(1, 0, 0\): __trap\(\) at faults.cu", SAME),
    "fault_division": (r"divide.*integer division by zero", SAME),
    "fault_stack_overflow": (r"overflow_stack.*stack overflow: a thread has 65536 bytes", SAME),
    "fault_unchecked_launch": (r"nobody asked whether the launch of samples::increment_kernel went well", SAME),
    "fault_destroyed_stream": (r"cudaStreamSynchronize on a stream that was destroyed", SAME),
    "fault_copy_out_of_bounds": (
        rf"cudaMemcpy of 44 bytes goes out of bounds: 3 bytes past .* {ALLOCATION}",
        SAME,
    ),
    "fault_double_free": (r"cudaFree of what is no live allocation: 0 bytes into the freed device allocation", SAME),
    "fault_as_error": (r"cudaDeviceSynchronize\(\): unspecified launch failure \(cudaErrorLaunchFailure\)", SAME),
    "fatal_host_access": (r"host code (reads 4 bytes|accesses memory) of the device: 0 bytes into", SAME),
    "fatal_unseen_fault": (r"increment_kernel.*out of bounds", SAME),
}


def tool(name: str) -> str | None:
    """The program of that name, of the environment or of the system."""
    return shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of the programs `plain`, `checked` (every access) and `portable` (fibers without assembly)."""
    cmake = tool("cmake")
    if cmake is None:
        pytest.skip("cmake is not installed")
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:  # of several test processes one builds
        fcntl.flock(lock, fcntl.LOCK_EX)
        generator = ["-G", "Ninja"] if tool("ninja") else []
        launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if tool("ccache") else []
        configure = [cmake, "-S", str(SOURCE), "-B", str(BUILD), *generator, *launcher]
        for command in (configure, [cmake, "--build", str(BUILD), "--parallel", str(len(os.sched_getaffinity(0)))]):
            result = subprocess.run(command, capture_output=True, text=True)
            assert result.returncode == 0, result.stdout + result.stderr
    return BUILD


def run(program: Path, *cases: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **{f"PYNEURAL_EMULATION_{name.upper()}": value for name, value in settings.items()}}
    return subprocess.run(
        [program, *cases], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
    )


def test_every_case_is_known(programs: Path) -> None:
    listed = set(run(programs / "plain").stdout.split())
    assert listed == {*GOOD, *GOOD_ALONE, *FAULTS, "costs"}


@pytest.mark.parametrize("program", ["plain", "checked", "portable"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"seed": "0", "threads": "1", "lazy": "0"},
        {"seed": "1", "threads": "3", "placement": "start"},
        {"seed": "2", "threads": "1", "host_guard": "0"},
        {"capability": "90", "threads": "2"},
    ],
    ids=lambda settings: "-".join(f"{name}{value}" for name, value in settings.items()) or "default",
)
def test_good_cases_run(programs: Path, program: str, settings: dict[str, str]) -> None:
    cases = [name for name in GOOD if settings.get("lazy") != "0" or name != "events"]
    result = run(programs / program, *cases, **settings)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("program", ["plain", "checked"])
@pytest.mark.parametrize("case", GOOD_ALONE)
def test_good_cases_with_settings_of_their_own(programs: Path, program: str, case: str) -> None:
    result = run(programs / program, case)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("seed", ["0", "7"])
@pytest.mark.parametrize("case", FAULTS)
def test_faults_are_caught(programs: Path, case: str, seed: str) -> None:
    result = run(programs / "checked", case, seed=seed)
    assert result.returncode != 0
    assert re.search(FAULTS[case][0], result.stdout), result.stdout


@pytest.mark.parametrize("program", ["plain", "portable"])
@pytest.mark.parametrize("case", [name for name, messages in FAULTS.items() if messages[1] is not None])
def test_faults_are_caught_without_checks(programs: Path, program: str, case: str) -> None:
    expected = FAULTS[case][0] if FAULTS[case][1] is SAME else FAULTS[case][1]
    result = run(programs / program, case)
    assert result.returncode != 0
    assert re.search(str(expected), result.stdout), result.stdout


def test_the_seed_repeats_a_fault(programs: Path) -> None:
    first = run(programs / "checked", "fault_barrier_other", threads="1").stdout
    seed = re.search(r"PYNEURAL_EMULATION_SEED=(\d+)", first)
    assert seed
    assert run(programs / "checked", "fault_barrier_other", threads="1", seed=seed[1]).stdout == first


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("void f(void* p) { cudaFree(p); }", "cudaFree"),
        ("__global__ void f() { __shared__ float tile[8]; }", "declare shared memory with PN_SHARED"),
    ],
)
def test_what_would_go_unchecked_does_not_compile(tmp_path: Path, code: str, message: str) -> None:
    compiler = tool("c++")
    if compiler is None:
        pytest.skip("c++ is not installed")
    source = tmp_path / "source.cpp"
    source.write_text(f'#include "cuda/launch.h"\n{code}\n')
    flags = ["-std=c++20", "-DPYNEURAL_CUDA_EMULATE", "-Werror=unused-result", f"-I{ROOT}", f"-I{SOURCE / 'include'}"]
    result = subprocess.run([compiler, *flags, "-fsyntax-only", str(source)], capture_output=True, text=True)
    assert result.returncode != 0
    assert message in result.stderr


@pytest.mark.parametrize("name", ["good_kernels", "sharing"])
def test_samples_are_real_cuda(tmp_path: Path, name: str) -> None:
    nvcc = tool("nvcc")
    if nvcc is None:
        pytest.skip("nvcc is not installed")
    architectures = [f"-gencode=arch=compute_{number},code=sm_{number}" for number in (75, 80, 90)]
    includes = [f"-I{ROOT}", f"-I{SOURCE / 'tests'}"]
    source = str(SOURCE / "tests" / "good_kernels.cu")
    result = subprocess.run(
        [
            nvcc,
            "-std=c++20",
            "-Xptxas",
            "-v",
            *architectures,
            *includes,
            "-c",
            source,
            "-o",
            str(tmp_path / "samples.o"),
        ],
        capture_output=True,
        text=True,
    )
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    assert "warning" not in output, output
    spills = re.findall(r"(\d+) bytes spill stores, (\d+) bytes spill loads", output)
    assert spills
    assert set(spills) == {("0", "0")}
