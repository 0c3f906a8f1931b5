"""The op tests once more at every SIMD level that this processor has: the level is forced in a child process."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from pyneural import _core

pytestmark = pytest.mark.cpu

FORCED = os.environ.get("PYNEURAL_SIMD_LEVEL")


def test_the_forced_level_is_used() -> None:
    if FORCED:
        assert _core.simd_level() == FORCED
    else:
        assert _core.simd_level() == _core.simd_levels()[-1]


def child(level: str, *command: str) -> subprocess.CompletedProcess:
    environment = dict(os.environ, PYNEURAL_SIMD_LEVEL=level)
    root = pathlib.Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, *command], env=environment, cwd=root, capture_output=True, text=True, timeout=600, check=False
    )


@pytest.mark.skipif(bool(FORCED), reason="already inside a child")
@pytest.mark.parametrize("level", _core.simd_levels()[:-1])
def test_ops_pass_at_lower_level(level: str) -> None:
    result = child(level, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "tests/ops")
    assert result.returncode == 0, result.stdout[-4000:]


def test_an_unknown_level_is_an_error() -> None:
    result = child("sse9", "-c", "import pyneural._core")
    assert result.returncode != 0
    assert "sse9" in result.stderr
    assert "avx2" in result.stderr
