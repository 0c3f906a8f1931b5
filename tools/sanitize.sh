#!/bin/sh
# Builds the extension with AddressSanitizer and UndefinedBehaviorSanitizer and runs the engine's tests on it.
# Usage: tools/sanitize.sh [pytest arguments]; PYTHON names the interpreter, PYNEURAL_SIMD_LEVELS the kernels to build.
set -eu
cd "$(dirname "$0")/.."
python=$(realpath -s "$(command -v "${PYTHON:-.venv/bin/python}")")
build=build/asan
levels=${PYNEURAL_SIMD_LEVELS:-baseline;avx512}

cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo "-DPYNEURAL_SIMD_LEVELS=$levels" \
  "-DPython_EXECUTABLE=$python" \
  "-DCMAKE_CXX_FLAGS=-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g1"
cmake --build $build --target _core

# A package of its own: the extension in pyneural/ stays as it is.
rm -rf $build/root && mkdir $build/root
cp -r pyneural tests pyproject.toml $build/root
rm -f $build/root/pyneural/_core*.so
cp $build/_core*.so $build/root/pyneural
cd $build/root
# Children at other levels are left out: not every level is built.
[ $# -gt 0 ] || set -- --ignore tests/ops/test_simd_levels.py tests/engine tests/ops tests/layers tests/models
# Python's own leaks are not ours; huge sizes fail, as the tests want it, where an address limit is impossible.
ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=4096 UBSAN_OPTIONS=print_stacktrace=1 \
  LD_PRELOAD="$(${CXX:-c++} -print-file-name=libasan.so) $(${CXX:-c++} -print-file-name=libubsan.so)" \
  PYTHONPATH=. "$python" -m pytest -q -p no:cacheprovider "$@"
