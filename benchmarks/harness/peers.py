"""The peers: which environment each one lives in, and how those environments are made."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "benchmarks" / "peers"
ENVIRONMENTS = ROOT / "build" / "peers"

# The side's name (benchmarks/sides/<name>_side.py): what it is called in tables, and its environment. A requirement
# file of that name lists what is installed there; None is the environment that runs the harness.
PEERS: dict[str, tuple[str, str | None]] = {
    "numpy": ("NumPy", None),
    "torch": ("PyTorch", "torch"),
    "torch_compile": ("PyTorch compiled", "torch"),
    "jax": ("JAX", "jax"),
    "keras_jax": ("Keras on JAX", "jax"),
    "keras_tensorflow": ("Keras on TF", "tensorflow"),
    "sklearn": ("scikit-learn", "sklearn"),
    "onnxruntime": ("ONNX Runtime", "onnxruntime"),
    "torch_graphs": ("PyTorch CUDA graphs", "torch"),
    "pyneural_cpu": ("pyneural on the CPU", None),
}
GPU_PEERS = ("torch", "torch_compile", "torch_graphs", "pyneural_cpu")  # of pyneural on a GPU
ONLY_ON_GPU = ("torch_graphs", "pyneural_cpu")


def title(side: str) -> str:
    """What a side is called in tables and pictures."""
    return PEERS[side][0] if side in PEERS else side


def python_of(side: str, named: dict[str, Path]) -> Path | None:
    """The interpreter for a side: the one named for it or for its environment, else the environment made here."""
    environment = PEERS[side][1] if side in PEERS else None
    for name in (side, environment):
        if name in named:
            return named[name]
    if environment is None:
        return Path(sys.executable)
    python = _interpreter(environment)
    return python if python.exists() else None


def install(sides: list[str], named: dict[str, Path]) -> list[str]:
    """Makes the environments of these sides that are not there yet. Returns what went wrong, a line for each."""
    problems = []
    for environment in dict.fromkeys(PEERS[side][1] for side in sides):
        if environment is None or environment in named:
            continue
        wanted = (REQUIREMENTS / f"{environment}.txt").read_text()
        done = ENVIRONMENTS / environment / "installed.txt"
        if done.exists() and done.read_text() == wanted and _interpreter(environment).exists():
            continue
        print(f"Installing {environment} into {done.parent.relative_to(ROOT)}", flush=True)
        problem = _make(environment)
        if problem is None:
            done.write_text(wanted)
        else:
            shutil.rmtree(ENVIRONMENTS / environment, ignore_errors=True)
            problems.append(f"{environment} could not be installed: {problem}")
    return problems


def _interpreter(environment: str) -> Path:
    return ENVIRONMENTS / environment / "bin" / "python"


def _make(environment: str) -> str | None:
    folder = ENVIRONMENTS / environment
    shutil.rmtree(folder, ignore_errors=True)
    requirements = REQUIREMENTS / f"{environment}.txt"
    pip = [str(_interpreter(environment)), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, "-r", str(requirements)]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()
            return said[-1] if said else f"{command[0]} ended with status {done.returncode}"
    return None
