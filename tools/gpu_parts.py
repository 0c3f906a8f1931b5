"""The parts of gpu_check.py: each one takes the context and returns what it found, {"ok": bool, "summary": str}."""

import json
import os
import re
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from gpu_environment import has
from gpu_process import run

# What has to do with devices; the rest runs in `make test`.
TESTS = (
    "tests/ops",
    "tests/engine",
    "tests/layers",
    "tests/models",
    "tests/bench/test_gpu.py",
    "tests/benchmarks/test_gpu.py",
)
SANITIZERS = ("memcheck", "racecheck")
FORWARD = "test_forward"  # the tests of kernels that are run under the sanitizers
MOST_LISTED = 40  # failures in the result file; all are in the log
WORKERS = 4  # tests at a time: they share the GPU
# At the sizes of an emulated device: a part of the tests, one kernel of each suite, one model.
TINY_TESTS = ("tests/ops/test_samples.py", "-k", "relu and forward")
TINY_DEVICE = {"PYNEURAL_EMULATION_MEMORY": str(64 << 20), "PYNEURAL_EMULATION_THREADS": "1"}
SUITES = ("bench", "matmul", "conv2d", "pointwise", "train")  # of the part `benchmarks`
TINY_CASES = {"matmul": "128x64x10 NN", "pointwise": "sgd 7000", "train": "mlp_32_64_64"}
TINY_BENCH = ("--quick", "--seconds", "0.001", "--threads", "1", "--only", "1x784")


@dataclass
class Context:
    """Where things are, and how long a part may take."""

    root: Path
    folder: Path  # for what is made on the way
    build: Path
    output: Path
    python: Path
    gpu: dict
    emulated: bool
    limit: float
    suites: tuple[str, ...]

    @property
    def package(self):
        """A copy of the project's Python with the extension that was built: the one in pyneural/ stays as it is."""
        return self.folder / "root"

    def environment(self):
        """For programs that use the package, on the GPU."""
        tiny = TINY_DEVICE if self.emulated else {}
        return {"PYTHONPATH": str(self.package), "PYNEURAL_DEVICE": "cuda", **tiny}


def architecture(capability):
    """As CMake names it: machine code for this GPU alone, with what only that one has from 9.0 on."""
    number = capability.replace(".", "")
    return f"{number}{'a' if int(number) >= 90 else ''}-real"


def build(context):
    """Compiles the extension for the GPU at hand, and puts it beside a copy of the Python code."""
    options = [f"-DPython_EXECUTABLE={context.python}", "-DCMAKE_BUILD_TYPE=Release"]
    if context.emulated:
        options += ["-DPYNEURAL_CUDA=EMULATE"]
        if not (context.build / "CMakeCache.txt").exists():  # one level is enough
            options += ["-DPYNEURAL_SIMD_LEVELS=baseline"]
    else:
        options += ["-DPYNEURAL_CUDA=ON"]
        options += [f"-DPYNEURAL_CUDA_ARCHITECTURES={architecture(context.gpu['compute_capability'])}"]
        if not shutil.which("nvcc"):
            options += ["-DCMAKE_CUDA_COMPILER=/usr/local/cuda/bin/nvcc"]
    cmake = [context.python.parent / "cmake"] if (context.python.parent / "cmake").exists() else ["cmake"]
    end = time.monotonic() + context.limit
    log = context.folder / "build.log"
    done = run([*cmake, "-S", context.root, "-B", context.build, *options], log, context.limit)
    if done.ok:
        build = [*cmake, "--build", context.build, "--target", "_core", "--parallel", str(os.cpu_count() or 1)]
        done = run(build, log, end - time.monotonic())
    if not done.ok:
        return failed(done)
    shutil.rmtree(context.package, ignore_errors=True)
    for name in ("pyneural", "tests", "examples", "benchmarks"):
        skipped = shutil.ignore_patterns("_core*.so", "__pycache__", "emulation", "results")
        shutil.copytree(context.root / name, context.package / name, ignore=skipped)
    shutil.copy(context.root / "pyproject.toml", context.package)
    for extension in context.build.glob("_core*.so"):
        shutil.copy(extension, context.package / "pyneural")
    code = "from pyneural import _core; print(_core.current_device(), _core.cuda_devices()[0]['name'])"
    done = run([context.python, "-c", code], None, 120, context.environment(), context.package)
    found = done.last_lines(1)
    return {"ok": done.ok and bool(found), "summary": f"extension runs on: {' '.join(found)}"}


def tests(context):
    """The test suite on the GPU."""
    chosen = TINY_TESTS if context.emulated else [*TESTS, *(str(p) for p in context.package.glob("tests/test_*.py"))]
    parallel = ["-n", str(WORKERS)] if has(context.python, "xdist") and not context.emulated else []
    command = [*_pytest(context), *parallel, *chosen]
    log = context.folder / "tests.log"
    done = run(command, log, context.limit, context.environment(), context.package)
    return {**_counted(done), "log": log.name}


def sanitizer(context):
    """compute-sanitizer over the kernels' tests: accesses out of bounds, races in shared memory."""
    tool = shutil.which("compute-sanitizer") or shutil.which("/usr/local/cuda/bin/compute-sanitizer")
    if context.emulated:
        return {"ok": True, "summary": "not needed: the emulated device checks every access itself"}
    if tool is None:
        return {"ok": True, "summary": "compute-sanitizer was not found"}
    results = {}
    for name in SANITIZERS:
        command = [tool, "--tool", name, "--target-processes", "all", "--error-exitcode", "99"]
        command += [*_pytest(context), "tests/ops/test_samples.py", "-k", FORWARD]
        log = context.folder / f"{name}.log"
        done = run(command, log, context.limit / len(SANITIZERS), context.environment(), context.package)
        errors = [int(count) for count in re.findall(r"(?:ERROR SUMMARY|RACECHECK SUMMARY): (\d+)", done.text)]
        results[name] = {**_counted(done), "errors": sum(errors) if errors else None, "log": log.name}
        results[name]["ok"] &= errors != [] and not any(errors)
    text = "; ".join(f"{name}: {found['errors']} errors, {found['summary']}" for name, found in results.items())
    return {"ok": all(found["ok"] for found in results.values()), "summary": text, **results}


def benchmarks(context):
    """`pyneural bench` on CPU and GPU, and the GPU suites of benchmarks/; every table becomes part of the result."""
    end = time.monotonic() + context.limit
    found = {}
    suites = [suite for suite in context.suites if not context.emulated or suite == "bench" or suite in TINY_CASES]
    for index, suite in enumerate(suites):
        left = (end - time.monotonic()) / (len(suites) - index)
        found[suite] = _bench(context, left) if suite == "bench" else _suite(context, suite, left)
    bad = [name for name, part in found.items() if not part["ok"]]
    count = sum(len(part["table"]) for part in found.values())
    return {"ok": not bad, "summary": f"{count} cases" + (f"; failed: {', '.join(bad)}" if bad else ""), **found}


def _bench(context, seconds):
    """CPU and GPU side by side."""
    file = context.output / "bench.json"
    command = [context.python, "-m", "pyneural", "bench", "--json", file]
    command += ["--plot", context.output / "bench.png"] if has(context.python, "matplotlib") else []
    command += TINY_BENCH if context.emulated else []
    done = run(command, context.folder / "bench.log", seconds, _measuring(context), context.package)
    return failed(done) | {"table": []} if not done.ok else {"ok": True, "table": _read(file)["factors"]}


def _suite(context, suite, seconds):
    """pyneural and PyTorch on the GPU. A suite that runs out of time writes what it has."""
    file = context.output / f"{suite}.json"
    file.unlink(missing_ok=True)
    command = [context.python, "-m", "benchmarks", "--device", "cuda", "--suite", suite, "--output", context.output]
    command += ["--python", f"torch={context.python}"]
    if context.emulated:
        command += ["--only", TINY_CASES[suite], "--steps", "2", "--turn", "0.001", "--rounds", "1", "--peers", "torch"]
    done = run(command, context.folder / f"{suite}.log", seconds, _measuring(context), context.package)
    table = [_row(row) for row in _read(file).get("results", [])]
    return (failed(done) if not done.ok else {}) | {"ok": bool(table) and done.status in (0, None), "table": table}


def _measuring(context):
    """The environment of what chooses its devices itself."""
    return {**context.environment(), "PYNEURAL_DEVICE": "cpu"}


def _row(row):
    """A line of a suite's table."""
    seconds = row["seconds"].get("pyneural")
    return {"name": row["case"]["name"], "seconds": seconds, "ratios": row["ratios"], "errors": row["errors"]}


def _read(path):
    return json.loads(path.read_text()) if path.exists() else {}


def _pytest(context):
    return [context.python, "-m", "pytest", "-v", "--tb=short", "-p", "no:cacheprovider"]


def _counted(done):
    """Tests by their outcome, also of a run that was stopped: lines of `pytest -v`, one for each test."""
    lines = re.findall(r"^\[gw\d+\] \[ *\d+%\] (PASSED|FAILED|ERROR|SKIPPED|XFAIL) (tests/\S+)", done.text, re.M)
    lines += [
        (how, name) for name, how in re.findall(r"^(tests/.+?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL)\b", done.text, re.M)
    ]
    counts = Counter(how.lower() for how, _ in lines)
    bad = list(dict.fromkeys(name for how, name in lines if how in ("FAILED", "ERROR")))
    summary = ", ".join(f"{count} {how}" for how, count in counts.items()) or "no test ran"
    if done.status is None:
        summary += "; stopped at the time limit"
    found = {"ok": done.ok and counts["passed"] > 0, "summary": summary, "counts": dict(counts)}
    return {**found, "failures": bad[:MOST_LISTED], **({} if done.ok else {"end": done.last_lines()})}


def failed(done):
    """What is known of a command that did not do its work."""
    problem = "stopped at the time limit" if done.status is None else f"exit status {done.status}"
    return {"ok": False, "problem": problem, "end": done.last_lines(40)}


PARTS = {"build": build, "tests": tests, "sanitizer": sanitizer, "benchmarks": benchmarks}
