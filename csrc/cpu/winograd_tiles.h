// Winograd's minimal filtering F(2 x 2, 3 x 3) (A. Lavin, S. Gray: Fast Algorithms for Convolutional Neural Networks,
// 2015): a 2 x 2 tile of outputs Y = A^T [(G g G^T) * (B^T d B)] A of a 4 x 4 patch d of the image and 3 x 3 taps g
// takes 16 multiplications for each pair of channels instead of 36, and these are 16 matrix products over tiles and
// channels. The factors in A and B are 0 and +-1, those in G are halves.
#pragma once

#include "cpu/conv_geometry.h"
#include "cpu/lanes.h"
#include "cpu/winograd.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

constexpr int64_t kWinogradPoints = 16;  // of a transformed tile
constexpr int64_t kWinogradTile = 2;     // rows and columns of outputs
constexpr int64_t kWinogradPatch = 4;    // rows and columns of the image under them

struct TileGrid {
  int64_t rows, columns, tiles;  // tiles: of all images
};
PN_INLINE TileGrid tile_grid(const WinogradShape& s) {
  const int64_t rows = (s.h.outputs + 1) / kWinogradTile, columns = (s.w.outputs + 1) / kWinogradTile;
  return {rows, columns, s.images * rows * columns};
}

// Walks through tiles in their order; `row` and `column` are those of a tile's first output.
struct TileWalk {
  int64_t image, row, column, rows, columns;
  void next() {
    column += kWinogradTile;
    if (column < columns) return;
    column = 0;
    row += kWinogradTile;
    if (row < rows) return;
    row = 0;
    ++image;
  }
};
PN_INLINE TileWalk walk_from(const WinogradShape& s, const TileGrid& grid, int64_t tile) {
  const int64_t row = tile / grid.columns;
  return {row / grid.rows, row % grid.rows * kWinogradTile, tile % grid.columns * kWinogradTile, s.h.outputs,
          s.w.outputs};
}

// How many taps of all outputs of an axis lie inside the image.
PN_INLINE int64_t taps_of_axis(const WinogradAxis& axis) {
  int64_t count = 0;
  for (int64_t tap = axis.offset; tap < axis.offset + 3; ++tap) {
    const int64_t first = tap < 0 ? -tap : 0, left = axis.source - tap;
    const int64_t end = left < axis.outputs ? left : axis.outputs;
    count += first < end ? end - first : 0;
  }
  return count;
}

// What happens to the taps.
enum class Taps { transformed, transposed, summed };

// Transforming costs the time of so many multiply-adds: for each tile and channel or filter,
PN_INLINE double cost_of_tile(Taps taps) { return taps == Taps::summed ? 160 : 120; }
// and for each pair of a channel and a filter. Transformed taps are 64 bytes a pair: writing and reading them costs
// more where they leave L2, or all caches.
PN_INLINE double cost_of_taps(int64_t pairs, Taps taps) {
  constexpr int64_t kInL2 = 1 << 14, kInCache = 1 << 17;  // pairs
  constexpr double kNear = 120, kFar = 300, kFromMemory = 700, kTransposing = 60;
  if (taps == Taps::summed) return kNear;
  const double cost = pairs <= kInL2 ? kNear : pairs <= kInCache ? kFar : kFromMemory;
  return taps == Taps::transposed ? cost + kTransposing : cost;
}

PN_INLINE bool winograd_pays(const WinogradShape& s, Taps taps) {
  constexpr int64_t kLeastChannels = 16;
  if (s.channels < kLeastChannels || s.filters < kLeastChannels) return false;
  const int64_t tiles = tile_grid(s).tiles, pairs = s.channels * s.filters;
  const double of_tile = kWinogradPoints * pairs + cost_of_tile(taps) * (s.channels + s.filters);
  const double direct = 1.0 * s.images * taps_of_axis(s.h) * taps_of_axis(s.w) * pairs;
  return tiles * of_tile + cost_of_taps(pairs, taps) * pairs < direct;
}

// Is a convolution computed like this? `shape`: of the convolution, or of the one that computes its gradient.
PN_INLINE bool is_winograd(const ConvGeometry& g, const WinogradShape& shape, Taps taps, DType dtype) {
  const auto fits = [](const WindowAxis& axis) { return axis.taps == 3 && axis.stride == 1 && axis.dilation == 1; };
  return dtype == DType::float32 && g.groups == 1 && fits(g.h) && fits(g.w) && winograd_pays(shape, taps);
}
PN_INLINE WinogradShape winograd_shape(const ConvGeometry& g) {
  return {
      {g.h.source, g.h.outputs, g.h.offset}, {g.w.source, g.w.outputs, g.w.offset}, g.images, g.channels, g.filters};
}

// Elements from one point of `rows` transformed rows to the next: not a multiple of 4 KB, where all points of a tile
// would fall into one set of the L1 cache.
PN_INLINE int64_t point_pitch(int64_t rows, int64_t row) { return round_up(rows * row, 1024) + 16; }

// (x0 - x2, x1 + x2, x2 - x1, x1 - x3): B^T from the left.
template <class V>
PN_INLINE void patch_points(const V (&x)[4], V (&y)[4]) {
  y[0] = x[0] - x[2];
  y[1] = x[1] + x[2];
  y[2] = x[2] - x[1];
  y[3] = x[1] - x[3];
}

// Pointers that move by steps: left alone, GCC keeps an address for each of the 16 points, more than fit registers.
template <class P>
PN_INLINE P* step(P*& at, int64_t by) {
  P* const before = at;
  at += by;
  asm("" : "+r"(at));
  return before;
}

// to[point][channel] = B^T d B of a patch whose rows and columns lie `row` and `column` elements apart; channels are
// filled up to whole vectors with zeros.
PN_INLINE void transform_patch(const float* d, int64_t row, int64_t column, int64_t channels, float* to, int64_t pitch,
                               int64_t ld) {
  for_lanes<float>(0, channels, [=](int64_t c, auto lanes) PN_LAMBDA {
    Vec<float> half[4][4];  // [row][point]
    const float* rows = d + c;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const float* from = step(rows, row);
      Vec<float> x[4];
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) x[j] = lanes.load(step(from, column));
      patch_points(x, half[i]);
    }
    float* points = to + c;
    Vec<float> y[4][4];  // [column][row]
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const Vec<float> x[4] = {half[0][j], half[1][j], half[2][j], half[3][j]};
      patch_points(x, y[j]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        __builtin_prefetch(points + ld, 1);
        store(step(points, pitch), y[j][i]);
      }
    }
  });
}

// Patches [first, end) of the tiles of a grid; of their channels [channel, channel + channels). `patch` holds 16
// pixels.
PN_INLINE void transform_patches(const WinogradShape& s, const float* x, int64_t first, int64_t end, int64_t channel,
                                 int64_t channels, float* patch, float* to, int64_t ld, int64_t pitch) {
  const TileGrid grid = tile_grid(s);
  const int64_t pixel = s.channels, row = s.w.source * pixel;
  TileWalk at = walk_from(s, grid, first);
  for (int64_t tile = first; tile < end; ++tile, to += ld, at.next()) {
    const int64_t top = at.row + s.h.offset, left = at.column + s.w.offset;
    const float* const image = x + at.image * s.h.source * row + channel;
    if (top >= 0 && left >= 0 && top + kWinogradPatch <= s.h.source && left + kWinogradPatch <= s.w.source) {
      transform_patch(image + top * row + left * pixel, row, pixel, channels, to, pitch, ld);
      continue;
    }
    for (int64_t i = 0; i < kWinogradPatch; ++i) {
      for (int64_t j = 0; j < kWinogradPatch; ++j) {
        const int64_t y = top + i, column = left + j;
        const bool inside = y >= 0 && y < s.h.source && column >= 0 && column < s.w.source;
        float* const copy = patch + (i * kWinogradPatch + j) * channels;
        const size_t bytes = static_cast<size_t>(channels) * sizeof(float);
        if (inside) {
          __builtin_memcpy(copy, image + y * row + column * pixel, bytes);
        } else {
          __builtin_memset(copy, 0, bytes);
        }
      }
    }
    transform_patch(patch, kWinogradPatch * channels, channels, channels, to, pitch, ld);
  }
}

// Asks for what the patches [first, end) of the tiles read and those before them did not.
PN_INLINE void fetch_patches(const WinogradShape& s, const float* x, int64_t first, int64_t end, int64_t channel,
                             int64_t channels) {
  constexpr int64_t kLine = 64 / sizeof(float);
  const TileGrid grid = tile_grid(s);
  const int64_t row = s.w.source * s.channels;
  if (end > grid.tiles) end = grid.tiles;
  TileWalk at = walk_from(s, grid, first);
  for (int64_t tile = first; tile < end; ++tile, at.next()) {
    for (int64_t i = 2; i < kWinogradPatch; ++i) {
      const int64_t y = at.row + s.h.offset + i;
      if (y < 0 || y >= s.h.source) continue;
      const float* const from = x + (at.image * s.h.source + y) * row + channel;
      for (int64_t j = 2; j < kWinogradPatch; ++j) {
        const int64_t column = at.column + s.w.offset + j;
        if (column >= s.w.source) break;
        for (int64_t c = 0; c < channels; c += kLine) __builtin_prefetch(from + column * s.channels + c, 0, 2);
      }
    }
  }
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
