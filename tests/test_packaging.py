"""What a user installs and imports: version, size, types, and nothing loaded or started before it is needed."""

from __future__ import annotations

import ast
import importlib.metadata
import pathlib
import re
import subprocess
import sys

import pytest

import pyneural
from pyneural import _core
from pyneural._version import __version__

pytestmark = pytest.mark.cpu

PACKAGE = pathlib.Path(pyneural.__file__).parent
ROOT = pathlib.Path(__file__).parents[1]


def fresh(code: str) -> str:
    """What `code` prints in an interpreter of its own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.strip()


def test_versions_agree() -> None:
    assert pyneural.__version__ == _core.__version__ == __version__
    assert importlib.metadata.version("pyneural-nn") == __version__


def test_import_loads_nothing_optional() -> None:
    optional = "h5py tqdm matplotlib pandas sklearn mlxtend scipy torch keras tensorflow jax csv unittest"
    code = f"import pyneural, sys; print([name for name in '{optional}'.split() if name in sys.modules])"
    assert fresh(code) == "[]"


def test_import_starts_no_thread() -> None:
    code = (
        "import os, numpy; count = lambda: len(os.listdir('/proc/self/task'));"
        "before = count(); import pyneural; print(count() - before)"
    )
    assert fresh(code) == "0"


def test_import_prints_nothing() -> None:
    assert fresh("import pyneural") == ""


def test_installed_size() -> None:
    files = {*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyi"), pathlib.Path(_core.__file__)}
    without_gpu = "has no CUDA kernels" in _core.cuda_problem()
    assert sum(file.stat().st_size for file in files) <= (8_000_000 if without_gpu else 30_000_000)


def test_types_are_shipped_and_name_the_whole_engine() -> None:
    assert (PACKAGE / "py.typed").exists()
    tree = ast.parse((PACKAGE / "_core.pyi").read_text())
    declared = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    names = {name for name in dir(_core) if not name.startswith("__") and callable(getattr(_core, name))}
    assert names <= declared, f"`make stubs` has not been run for {sorted(names - declared)}"


def test_build_requirements_stand_in_two_places() -> None:
    """tools/environment.py builds without isolation and so installs what pyproject.toml asks for."""
    text = (ROOT / "pyproject.toml").read_text()
    wanted = re.search(r"^requires = (\[.*\])$", text, re.MULTILINE)
    assert wanted is not None
    tool = (ROOT / "tools" / "environment.py").read_text()
    assert f"BUILD_REQUIREMENTS = {wanted[1]}" in tool
