#!/bin/sh
# Compiles the GPU kernels with nvcc, as C++ emulation cannot show all that it minds, and fails if registers are spilled.
# Usage: tools/check_cuda.sh [files]; ARCHITECTURES="80 90" names the GPUs. Without nvcc it says so and does nothing.
set -eu
cd "$(dirname "$0")/.."
nvcc=$(command -v nvcc || true)
[ -n "$nvcc" ] || [ ! -x /usr/local/cuda/bin/nvcc ] || nvcc=/usr/local/cuda/bin/nvcc
if [ -z "$nvcc" ]; then
  echo "nvcc was not found: the GPU kernels are not compiled."
  exit 0
fi
[ $# -gt 0 ] || set -- cuda/*.cu

# One file for one architecture.
compile() {
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  log=$folder/kernel
  "$nvcc" -std=c++20 -arch="sm_$2" -Xptxas -v --expt-relaxed-constexpr --extended-lambda -I. -Icsrc \
    -Werror all-warnings -c "$1" -o "$log.o" >"$log.log" 2>&1 || { cat "$log.log"; return 1; }
  # Lines such as "12 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads", after the name of the kernel.
  awk -v file="$1" -v arch="$2" '/Function properties for/ {name = $NF}
    /spill stores/ && !/ 0 bytes spill stores/ {print file ", sm_" arch ": " name ": " $0; bad = 1}
    END {exit bad}' "$log.log"
}
if [ "${1:-}" = --one ]; then
  compile "$2" "$3"
  exit
fi

for file in "$@"; do
  for architecture in ${ARCHITECTURES:-80 90}; do echo "$file $architecture"; done
done | xargs -P "$(nproc 2>/dev/null || echo 2)" -L 1 "$0" --one || { echo "A kernel does not compile or spills registers."; exit 1; }
echo "All GPU kernels compile, and none spills registers."
