// What the pooling kernels read from their arguments.
#pragma once

#include "cpu/lanes.h"
#include "cpu/window.h"
#include "ops/pool2d_params.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

struct Range {
  int64_t begin, end;
};
PN_INLINE int64_t length(Range range) { return range.end - range.begin; }

// The source positions of a window that lie inside the image.
PN_INLINE Range window_at(const WindowAxis& axis, int64_t output) {
  const int64_t begin = output * axis.stride + axis.offset, end = begin + axis.taps;
  return {begin < 0 ? 0 : begin, end > axis.source ? axis.source : end};
}

// The outputs whose windows lie inside the image altogether.
PN_INLINE Range whole_windows(const WindowAxis& axis) {
  const int64_t begin = (axis.stride - 1 - axis.offset) / axis.stride;
  const int64_t last = axis.source - axis.taps - axis.offset;
  const int64_t end = last < 0 ? 0 : last / axis.stride + 1;
  const int64_t stop = end < axis.outputs ? end : axis.outputs;
  return {begin, stop < begin ? begin : stop};
}

struct Pool {
  WindowAxis h, w;
  int64_t images, channels;
  Range whole;  // columns of the output whose windows lie inside the image
};

// `y` has the shape of the output.
PN_INLINE Pool pool_of(const Pool2DParams& p, const View& y) {
  const auto axis = [&](int i) { return WindowAxis{p.image[i], y.dims[1 + i], p.stride[i], 1, p.pool[i], -p.pad[i]}; };
  return {axis(0), axis(1), y.dims[0], y.dims[3], whole_windows(axis(1))};
}

// part(first, count) for neighbouring columns of the output whose windows have the same width.
template <class Part>
PN_INLINE void for_equal_windows(const Pool& pool, const Part& part) {
  const int64_t outputs = pool.w.outputs;
  for (int64_t j = 0; j < pool.whole.begin && j < outputs; ++j) part(j, int64_t{1});
  if (length(pool.whole) > 0) part(pool.whole.begin, length(pool.whole));
  for (int64_t j = pool.whole.end; j < outputs; ++j) part(j, int64_t{1});
}

// part(image, first, count) for rows [begin, end) of the outputs of all images, cut into neighbours in one image whose
// windows have the same height.
template <class Part>
PN_INLINE void for_equal_rows(const Pool& pool, int64_t begin, int64_t end, const Part& part) {
  const Range whole = whole_windows(pool.h);
  for (int64_t at = begin; at < end;) {
    const int64_t image = at / pool.h.outputs, row = at % pool.h.outputs, left = end - at;
    const bool inside = row >= whole.begin && row < whole.end;
    const int64_t count = !inside ? 1 : whole.end - row < left ? whole.end - row : left;
    part(image, row, count);
    at += count;
  }
}

// About 64 KB of the input for a chunk.
PN_INLINE int64_t rows_per_chunk(int64_t row_bytes) {
  constexpr int64_t kChunkBytes = 64 * 1024;
  return row_bytes >= kChunkBytes ? 1 : kChunkBytes / (row_bytes + 1) + 1;
}

// body(first channel, Vectors<n>, lanes) for all channels of a pixel: neighbouring vectors side by side, as those of
// the next pixel may lie in the same sets of the cache. Overlap: the last vector may repeat channels.
template <bool Overlap, class T, class Body>
PN_INLINE void for_channels(int64_t channels, const Body& body) {
  constexpr int lanes = kLanes<T>;
  int64_t c = 0;
  for (; c + 4 * lanes <= channels; c += 4 * lanes) body(c, Vectors<4>{}, AllLanes{});
  for (; c + lanes <= channels; c += lanes) body(c, Vectors<1>{}, AllLanes{});
  if (c == channels) return;
  if (Overlap && channels >= lanes) return body(channels - lanes, Vectors<1>{}, AllLanes{});
  body(c, Vectors<1>{}, FirstLanes{static_cast<int>(channels - c)});
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
