"""The virtual environment of gpu_check.py, which also sees the packages of the interpreter that it was made with."""

import json
import subprocess
import sys
from pathlib import Path

from gpu_process import run

# What building and testing need: module and distribution. The others make more tests run, or run them sooner.
NEEDED = {
    "pybind11": "pybind11>=3.0",
    "numpy": "numpy>=1.24",
    "h5py": "h5py>=3.8",
    "tqdm": "tqdm>=4.60",
    "pytest": "pytest>=7.4",
}
WELCOME = {
    "cmake": "cmake>=3.24",
    "ninja": "ninja",
    "rich": "rich>=13",
    "matplotlib": "matplotlib>=3.7",
    "xdist": "pytest-xdist>=3.3",
    "hypothesis": "hypothesis>=6.80",
    "pandas": "pandas>=1.5",
    "sklearn": "scikit-learn>=1.2",
}  # fmt: skip
TIME = 900  # seconds for an installation


def make(folder, wheels, log, base):
    """The interpreter of the environment, with all packages that are needed."""
    python = folder / "bin" / "python"
    if not python.exists():
        done = run([base, "-m", "venv", "--system-site-packages", folder], log, TIME)
        if not done.ok:  # without the module ensurepip; pip may come from the base, or as a wheel
            done = run([base, "-m", "venv", "--system-site-packages", "--without-pip", folder], log, TIME)
        if not done.ok:
            sys.exit(f"No virtual environment could be made: {done.last_lines(1)}")
        _see_packages_of(base, python)
    source = ["--no-index", "--find-links", wheels] if wheels else []
    pip = _pip(python, wheels)
    for names, must in ((NEEDED, True), (WELCOME, False)):
        missing = [name for name in names if not has(python, name)]
        # One by one where they may be missing: the rest is to be installed all the same.
        for group in [missing] if must else [[name] for name in missing]:
            if not group:
                continue
            done = run([*pip, "install", "-q", *source, *(names[name] for name in group)], log, TIME)
            if must and not done.ok:
                sys.exit("Packages are missing:\n" + "\n".join(done.last_lines()))
    return python


def has(python, module):
    """Whether a module can be imported there."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([str(python), "-c", code], capture_output=True, check=False).returncode == 0


def _see_packages_of(base, python):
    """An environment that is made from another one sees the system's packages, but not those of that one."""
    code = "import json, site; print(json.dumps(site.getsitepackages()))"
    theirs, mine = (
        json.loads(subprocess.run([str(which), "-c", code], capture_output=True, text=True, check=True).stdout)
        for which in (base, python)
    )
    Path(mine[0], "packages_of_base.pth").write_text("\n".join(theirs) + "\n")


def _pip(python, wheels):
    """Pip of the environment, or the wheel of pip among the wheels."""
    found = sorted(wheels.glob("pip-*.whl")) if wheels else []
    if found and not has(python, "pip"):
        return [python, f"{found[-1]}/pip"]
    return [python, "-m", "pip", "--disable-pip-version-check"]
