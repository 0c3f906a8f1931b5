// A row of a depthwise convolution (one filter per channel), in tiles of neighbouring outputs: vectors over channels. A
// column of the input is loaded once for all outputs of a tile that see it.
#pragma once

#include "cpu/conv_geometry.h"
#include "cpu/in_register.h"
#include "cpu/lanes.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// What the windows of a row see: `rows` rows of taps lie inside the image.
template <class T>
struct DepthwiseRow {
  WindowAxis w;
  int64_t channels;
  const T* x;  // the image row of the first tap, `x_step` elements before that of the next
  int64_t x_step;
  int64_t rows;
  int64_t first_tap;
};

template <class T>
PN_INLINE DepthwiseRow<T> depthwise_row(const WindowAxis& h, const WindowAxis& w, int64_t channels, const T* image,
                                        int64_t output) {
  const int64_t start = output * h.stride + h.offset, pitch = w.source * channels;
  const int64_t first = start < 0 ? (h.dilation - 1 - start) / h.dilation : 0;
  const int64_t seen = start < h.source ? (h.source - 1 - start) / h.dilation + 1 : 0;
  const int64_t end = seen < h.taps ? seen : h.taps;
  return {
      w,    channels, image + (start + first * h.dilation) * pitch, h.dilation * pitch, end > first ? end - first : 0,
      first};
}

// Columns outside the image are zero; only a tile at the Edge looks.
template <bool Edge, class T, class Lanes>
PN_INLINE Vec<T> load_column(const DepthwiseRow<T>& row, const T* x, int64_t column, const Lanes& lanes) {
  if (Edge && (column < 0 || column >= row.w.source)) return Vec<T>{};
  return lanes.load(x + column * row.channels);
}

// Asks for the row of the input that the next row of outputs sees in addition, below the tile that starts at `column`:
// the hardware does not foresee steps from row to row.
template <int Count, class T>
PN_INLINE void fetch_next_row(const DepthwiseRow<T>& row, int64_t column, int64_t channel) {
  const T* const next = row.x + row.rows * row.x_step + (column + row.w.taps - 1) * row.channels + channel;
#pragma GCC unroll 8
  for (int j = 0; j < Count; ++j) __builtin_prefetch(next + j * row.w.stride * row.channels);
}

// Outputs of a tile: seven divide the rows of the usual networks (112, 56, 28, 14, 7), four most others.
constexpr int kWideTile = 7, kNarrowTile = 4;
PN_INLINE int64_t tile_outputs(int64_t outputs) {
  const auto computed = [&](int64_t tile) { return (outputs + tile - 1) / tile * tile; };
  return computed(kWideTile) <= computed(kNarrowTile) ? kWideTile : kNarrowTile;
}

// Does a tile of `count` outputs see columns outside the image?
PN_INLINE bool at_edge(const WindowAxis& w, int64_t output, int64_t count) {
  const int64_t column = output * w.stride + w.offset;
  return column < 0 || column + window_span(w, count) > w.source;
}

// How many tiles of `count` outputs, from `output` on and before `stop`, see no edge.
PN_INLINE int64_t inner_tiles(const WindowAxis& w, int64_t output, int64_t stop, int64_t count) {
  int64_t tiles = 0;
  for (; output < stop && output + count <= w.outputs && !at_edge(w, output, count); output += count) ++tiles;
  return tiles;
}

// Are there registers for all taps of a square window, beside a tile's outputs, a column and two more vectors?
template <class Shape, int Count>
constexpr bool kKeepsTaps = Shape::taps > 0 && Shape::taps* Shape::taps + Count + 3 <= PN_VECTOR_REGISTERS;

// A tile knows the taps and the stride of the usual windows; 0 taps: any window.
template <int kTaps, int kStride>
struct Shape {
  static constexpr int taps = kTaps, stride = kStride;
};
template <bool kIs>
struct Flag {
  static constexpr bool is = kIs;
};

// run(Shape, Flag: looks at the edges)
template <class Run>
PN_INLINE void choose_shape(const WindowAxis& w, bool edge, const Run& run) {
  const auto with = [&](auto shape) PN_LAMBDA { edge ? run(shape, Flag<true>{}) : run(shape, Flag<false>{}); };
  if (w.dilation == 1 && w.stride == 1 && w.taps == 3) return with(Shape<3, 1>{});
  if (w.dilation == 1 && w.stride == 1 && w.taps == 5) return with(Shape<5, 1>{});
  if (w.dilation == 1 && w.stride == 2 && w.taps == 3) return with(Shape<3, 2>{});
  if (w.dilation == 1 && w.stride == 2 && w.taps == 5) return with(Shape<5, 2>{});
  with(Shape<0, 1>{});
}

// Channels that are worked on together, and neighbouring outputs of a row: what a few rows of these see stays in L1.
template <class T>
PN_INLINE int64_t channel_block(int64_t channels) {
  constexpr int64_t kMost = 16 * kLanes<T>;
  return channels < kMost ? channels : kMost;
}
template <class T>
PN_INLINE int64_t strip_outputs(const WindowAxis& h, const WindowAxis& w, int64_t channels) {
  constexpr int64_t kStripBytes = 32 * 1024;
  const int64_t columns = kStripBytes / (h.taps * channel_block<T>(channels) * static_cast<int64_t>(sizeof(T)));
  const int64_t tile = tile_outputs(w.outputs), tiles = (columns - w.taps) / (w.stride * tile);
  return tile * (tiles < 1 ? 1 : tiles);
}

// Rows of the output for a chunk of work: about 128 KB of the input.
PN_INLINE int64_t depthwise_rows_per_chunk(const WindowAxis& h, int64_t row_bytes) {
  constexpr int64_t kChunkBytes = 128 * 1024;
  return clamp(kChunkBytes / (h.stride * row_bytes + 1), 1, h.outputs > 0 ? h.outputs : 1);
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
