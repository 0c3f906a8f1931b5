// Copies between two arrays that walk the same extents with different strides: the one loop behind transpose,
// broadcast, slice, flip, concatenate and pad.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/kernel.h"

namespace pyneural::cpu::portable {

struct StridedCopy {
  int rank = 0;
  int64_t dims[kMaxRank];
  int64_t from[kMaxRank];  // strides in elements; 0 repeats, negative walks backwards
  int64_t to[kMaxRank];

  void add(int64_t dim, int64_t from_stride, int64_t to_stride) {
    dims[rank] = dim;
    from[rank] = from_stride;
    to[rank++] = to_stride;
  }
};

// Drops axes of one element and merges neighbours that are one axis to both sides; at least one axis is left.
StridedCopy simplify(const StridedCopy& copy);

// How elements of four bytes are turned; without `turn` as those of other sizes.
struct TileFunctions {
  // to[c * to_stride + r] = from[r * from_stride + c]
  void (*turn)(void* to, int64_t to_stride, const void* from, int64_t from_stride, int64_t rows,
               int64_t columns) = nullptr;
  void (*finish)() = nullptr;  // if given: called by each thread after its last tile
};

// Axes run from the slowest to the fastest of the destination.
void strided_copy(void* to, const void* from, StridedCopy copy, size_t element_size, TileFunctions tile32 = {});

// Every element becomes the one that `value` points to.
void fill(void* to, int64_t count, const void* value, size_t element_size);

}  // namespace pyneural::cpu::portable
