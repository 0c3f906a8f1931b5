#!/bin/sh
# Builds the GPU kernels as C++ against tests/emulation and runs the tests on that device: see docs/emulation.md.
# Usage: tools/emulate.sh [pytest arguments]; PYTHON names the interpreter, JOBS how many tests run at a time.
set -eu
cd "$(dirname "$0")/.."
python=$(realpath -s "$(command -v "${PYTHON:-.venv/bin/python}")")
PATH=$(dirname "$python"):$PATH  # CMake may be a package of that environment
build=build/emulated
jobs=${JOBS:-$(nproc 2>/dev/null || echo 2)}
launcher=
if command -v ccache >/dev/null; then launcher=-DCMAKE_CXX_COMPILER_LAUNCHER=ccache; fi

# One SIMD level is enough: the CPU's kernels only prepare and check.
cmake -S . -B $build -DCMAKE_BUILD_TYPE=Release -DPYNEURAL_CUDA=EMULATE -DPYNEURAL_SIMD_LEVELS=baseline \
  "-DPython_EXECUTABLE=$python" $launcher >/dev/null
cmake --build $build --target _core --parallel "$jobs"

# A package of its own: the extension in pyneural/ stays as it is.
rm -rf $build/root && mkdir $build/root
cp -r pyneural tests examples benchmarks pyproject.toml $build/root
rm -f $build/root/pyneural/_core*.so
cp $build/_core*.so $build/root/pyneural
# The environment's own extension, installed in place, would be found before that one.
cat >$build/root/sitecustomize.py <<'END'
import sys

sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "ScikitBuildRedirectingFinder"]
END
cd $build/root
# What has nothing to do with devices runs in `make test`.
[ $# -gt 0 ] || set -- tests/ops tests/engine tests/layers tests/models tests/bench/test_gpu.py tests/benchmarks/test_gpu.py tests/test_*.py
PYNEURAL_DEVICE=cuda PYNEURAL_EMULATION_THREADS=1 PYTHONPATH=. \
  "$python" -m pytest -q -n "$jobs" -p no:cacheprovider "$@"
