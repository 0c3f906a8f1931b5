"""Writes pyneural/_core.pyi, the types of the extension; with --check only says whether it is out of date."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]
STUB = ROOT / "pyneural" / "_core.pyi"
HEADER = "# Written by `make stubs`.\n"


def generate() -> str:
    """The stub as text, in the project's format."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pybind11_stubgen", "pyneural._core", "-o", folder]
        subprocess.run(command, check=True, cwd=folder)
        text = (pathlib.Path(folder) / "pyneural" / "_core.pyi").read_text()
    ruff = [str(pathlib.Path(sys.executable).parent / "ruff"), "format", "--stdin-filename", str(STUB), "-"]
    return subprocess.run(ruff, input=HEADER + text, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def main() -> None:
    text = generate()
    if "--check" not in sys.argv:
        STUB.write_text(text)
    elif STUB.read_text() != text:
        sys.exit("pyneural/_core.pyi is out of date: run `make stubs`")


if __name__ == "__main__":
    main()
