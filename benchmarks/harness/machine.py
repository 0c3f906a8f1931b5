"""What a reader needs to know about the machine to compare, and which of its processors are used."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from pathlib import Path

from pyneural import _core
from pyneural.bench.limits import processor_name

ROOT = Path(__file__).resolve().parents[2]


def processors() -> list[int]:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def pinned(threads: int) -> list[int]:
    """The processors for so many threads: the last ones, as systems like to serve their devices on the first."""
    return processors()[-threads:]


def describe(device: str = "cpu") -> dict[str, str]:
    """The machine and the code that runs on it."""
    gpu = next(({"gpu": gpu["name"]} for gpu in _core.cuda_devices() if gpu["device"] == device), {})
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
    return {
        **gpu,
        "processor": processor_name(),
        "processors": str(len(processors())),
        "simd_level": _core.simd_level(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "commit": commit(),
        "date": datetime.date.today().isoformat(),
        "load_before": load,
    }


def commit() -> str:
    """The commit that is checked out, marked where files differ from it."""
    try:
        command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=10"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
