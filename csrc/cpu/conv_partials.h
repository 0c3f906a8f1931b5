// How the sum over pixels in a kernel's gradient is divided: fixed by the shape, so that the bits are too.
#pragma once

#include "cpu/conv_geometry.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

struct Splits {
  int64_t blocks;  // groups of neighbouring blocks, each with a gradient of its own; these are added in order
  int64_t parts;   // parts of the gradient
};

// A split pays for its own copy of the gradient, of `bytes`, with many pixels; chunks still missing then come from
// parts.
PN_INLINE Splits choose_splits(double flops, int64_t pixels, int64_t blocks, int64_t bytes, int64_t most_parts) {
  constexpr double kFlopsPerChunk = 8e5;  // 3 us: a few chunks for each thread
  constexpr int64_t kPixelsPerSplit = 512, kMostChunks = 32, kMostBytes = 8 << 20;
  const int64_t chunks = clamp(static_cast<int64_t>(flops / kFlopsPerChunk), 1, kMostChunks);
  int64_t most = kMostBytes / bytes + 1;
  if (most > blocks) most = blocks < 1 ? 1 : blocks;
  Splits s;
  s.blocks = clamp(chunks < pixels / kPixelsPerSplit ? chunks : pixels / kPixelsPerSplit, 1, most);
  s.parts = clamp(chunks / s.blocks, 1, clamp(most_parts, 1, kMostChunks));
  return s;
}

// out += partials[0] + ... in this order; each holds `size` elements.
template <class T>
void add_partials(T* out, const T* partials, int64_t count, int64_t size) {
  if (count == 0) return;
  constexpr int64_t kGrain = 4096;
  parallel_range(size, kGrain, threads_for(0, 1.0 * count * size * sizeof(T)), [&](int64_t begin, int64_t end) {
    for (int64_t s = 0; s < count; ++s) {
      const T* const partial = partials + s * size;
      for (int64_t i = begin; i < end; ++i) out[i] += partial[i];
    }
  });
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
