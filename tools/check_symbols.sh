#!/usr/bin/env bash
# A weak symbol in a kernel object could let the linker keep one level's copy of a function for all levels: an
# instruction that an older processor does not have. So there may be none.
#   tools/check_symbols.sh BUILD_FOLDER
set -euo pipefail

mapfile -t objects < <(find "${1:-build}" -path '*kernels_*.dir*' -name '*.o')
if [ "${#objects[@]}" -eq 0 ]; then
  echo "check_symbols: no kernel objects under ${1:-build}" >&2
  exit 1
fi
weak=$(nm -C -A --defined-only "${objects[@]}" | grep -E ' [WwVvu] ' || true)
if [ -n "$weak" ]; then
  echo "check_symbols: weak symbols in kernel objects (see docs/architecture.md, Dispatch):" >&2
  echo "$weak" | sed -E 's/^.*kernels_/kernels_/' | sort -u | head -40 >&2
  exit 1
fi
echo "check_symbols: ${#objects[@]} kernel objects, no weak symbol"
