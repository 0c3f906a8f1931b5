// Gradient of the kernel of a 3 x 3 convolution by Winograd's algorithm: with the names of winograd_tiles.h, that of
// the transformed taps is, for each point, the matrix product of the transformed patches and of A dY A^T over all
// tiles.
#include "cpu/conv_partials.h"
#include "cpu/gemm.h"
#include "cpu/winograd_tiles.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// Channels and filters whose gradients are summed together: those of all points stay in L2.
constexpr int64_t kChannels = 64, kFilters = 64;

struct GradPlan {
  TileGrid grid;
  int64_t channel_slices, filter_slices;
  int64_t splits;  // of the tiles, each with a gradient of its own
  int64_t blocks, block_tiles;
  int64_t channels_ld, filters_ld;
  int64_t patch_pitch, grad_pitch, sum_pitch;  // from point to point
  double flops;
};

GradPlan plan(const WinogradShape& s) {
  constexpr int64_t kCacheBytes = 640 * 1024;  // for transformed patches and gradients, and their sums
  constexpr int64_t kLongestSum = 32;          // tiles summed one after the other: long sums round more
  constexpr double kFlopsPerChunk = 4e6;
  constexpr int64_t kChunks = 32, kMostBytes = 8 << 20, kTilesPerSplit = 128;
  GradPlan p{};
  p.grid = tile_grid(s);
  p.channel_slices = (s.channels + kChannels - 1) / kChannels;
  p.filter_slices = (s.filters + kFilters - 1) / kFilters;
  p.channels_ld = round_up(s.channels < kChannels ? s.channels : kChannels, kLanes<float>);
  p.filters_ld = round_up(s.filters < kFilters ? s.filters : kFilters, kLanes<float>);
  p.flops = 2.0 * kWinogradPoints * p.grid.tiles * s.channels * s.filters;
  const int64_t wanted = clamp(static_cast<int64_t>(p.flops / kFlopsPerChunk), 1, kChunks);
  const int64_t bytes = 9 * s.channels * s.filters * static_cast<int64_t>(sizeof(float));
  p.splits = clamp(wanted / (p.channel_slices * p.filter_slices), 1, kMostBytes / bytes + 1);
  p.splits = clamp(p.grid.tiles / kTilesPerSplit, 1, p.splits);
  const int64_t tile_bytes = kWinogradPoints * (p.channels_ld + p.filters_ld) * static_cast<int64_t>(sizeof(float));
  const int64_t of_split = (p.grid.tiles + p.splits - 1) / p.splits;
  const int64_t sum_bytes = kWinogradPoints * p.channels_ld * p.filters_ld * static_cast<int64_t>(sizeof(float));
  const int64_t most = clamp((kCacheBytes - sum_bytes) / tile_bytes, 1, kLongestSum);
  p.blocks = (of_split + most - 1) / most * p.splits;
  p.block_tiles = (p.grid.tiles + p.blocks - 1) / p.blocks;
  p.patch_pitch = point_pitch(p.block_tiles, p.channels_ld);
  p.grad_pitch = point_pitch(p.block_tiles, p.filters_ld);
  p.sum_pitch = point_pitch(p.channels_ld, p.filters_ld);
  return p;
}

// (y0, y0 + y1, y0 - y1, -y1): A from the left.
template <class V>
PN_INLINE void gradient_points(V y0, V y1, V (&m)[4]) {
  m[0] = y0;
  m[1] = y0 + y1;
  m[2] = y0 - y1;
  m[3] = -y1;
}

// A tile of the output's gradient; outputs that do not exist are read from zeros.
struct GradTile {
  const float* at[2][2];
};
// to[point][filter] = A dY A^T
PN_INLINE void transform_grad(const GradTile& t, int64_t filters, float* to, int64_t pitch, int64_t ld) {
  for_lanes<float>(0, filters, [=](int64_t k, auto lanes) PN_LAMBDA {
    Vec<float> half[2][4];  // [row][point]
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) gradient_points(lanes.load(t.at[i][0] + k), lanes.load(t.at[i][1] + k), half[i]);
    Vec<float> m[4][4];  // [column][row]
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) gradient_points(half[0][j], half[1][j], m[j]);
    float* points = to + k;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        __builtin_prefetch(points + ld, 1);
        store(step(points, pitch), m[j][i]);
      }
    }
  });
}

// Tiles [first, end), of their filters [filter, filter + filters). zeros: [filters]
void transform_grads(const WinogradShape& s, const TileGrid& grid, const float* grad, int64_t first, int64_t end,
                     int64_t filter, int64_t filters, const float* zeros, float* to, int64_t ld, int64_t pitch) {
  const int64_t row = s.w.outputs * s.filters;
  TileWalk at = walk_from(s, grid, first);
  for (int64_t tile = first; tile < end; ++tile, to += ld, at.next()) {
    const float* const from = grad + (at.image * s.h.outputs + at.row) * row + at.column * s.filters + filter;
    const bool below = at.row + 1 < s.h.outputs, right = at.column + 1 < s.w.outputs;
    const GradTile t{{{from, right ? from + s.filters : zeros},
                      {below ? from + row : zeros, below && right ? from + row + s.filters : zeros}}};
    transform_grad(t, filters, to, pitch, ld);
  }
}

// Asks for those tiles. Inline: GCC drops calls of functions that do nothing else.
PN_INLINE void fetch_grads(const WinogradShape& s, const TileGrid& grid, const float* grad, int64_t first, int64_t end,
                           int64_t filter, int64_t filters) {
  constexpr int64_t kLine = 64 / sizeof(float);
  const int64_t row = s.w.outputs * s.filters;
  if (end > grid.tiles) end = grid.tiles;
  TileWalk at = walk_from(s, grid, first);
  for (int64_t tile = first; tile < end; ++tile, at.next()) {
    const float* const from = grad + (at.image * s.h.outputs + at.row) * row + at.column * s.filters + filter;
    for (int64_t i = 0; i < kWinogradTile; ++i) {
      for (int64_t j = 0; j < kWinogradTile; ++j) {
        for (int64_t k = 0; k < filters; k += kLine) __builtin_prefetch(from + i * row + j * s.filters + k, 0, 2);
      }
    }
  }
}

// (u0 + (u1 + u2) / 2, (u1 - u2) / 2, (u1 + u2) / 2 + u3): G^T from the left.
template <class V>
PN_INLINE void tap_gradients(const V (&u)[4], V (&g)[3]) {
  const V half = broadcast(0.5f), even = half * (u[1] + u[2]);
  g[0] = u[0] + even;
  g[1] = half * (u[1] - u[2]);
  g[2] = even + u[3];
}

// A slice of the gradient from the sums of its points.
void store_gradient(const WinogradShape& s, const GradPlan& p, const float* sums, int64_t channel, int64_t channels,
                    int64_t filter, int64_t filters, float* out) {
  const int64_t tap = s.channels * s.filters;
  for (int64_t c = 0; c < channels; ++c) {
    const float* const from = sums + c * p.filters_ld;
    float* const to = out + (channel + c) * s.filters + filter;
    for_lanes<float>(0, filters, [=, &p](int64_t k, auto lanes) PN_LAMBDA {
      Vec<float> half[4][3];
      const float* points = from + k;
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        Vec<float> u[4];
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) u[j] = load(step(points, p.sum_pitch));
        tap_gradients(u, half[i]);
      }
#pragma GCC unroll 3
      for (int j = 0; j < 3; ++j) {
        const Vec<float> u[4] = {half[0][j], half[1][j], half[2][j], half[3][j]};
        Vec<float> g[3];
        tap_gradients(u, g);
#pragma GCC unroll 3
        for (int i = 0; i < 3; ++i) lanes.store(to + (3 * i + j) * tap + k, g[i]);
      }
    });
  }
}

}  // namespace

void winograd_grad_kernel(const WinogradShape& s, const float* x, const float* grad, float* out, void* workspace) {
  const GradPlan p = plan(s);
  float* const partials = static_cast<float*>(workspace);
  const int64_t size = 9 * s.channels * s.filters, slices = p.channel_slices * p.filter_slices;
  const int64_t patches = kWinogradPoints * p.patch_pitch, grads = kWinogradPoints * p.grad_pitch;
  const int64_t sums = kWinogradPoints * p.sum_pitch, patch = kWinogradPoints * p.channels_ld;
  const size_t scratch_bytes = sizeof(float) * (patches + grads + sums + patch + p.filters_ld);
  parallel_chunks(p.splits * slices, threads_for(p.flops, 0), scratch_bytes, [&](int64_t chunk, void* scratch) {
    float* const patch_points = static_cast<float*>(scratch);
    float* const grad_points = patch_points + patches;
    float* const sum_points = grad_points + grads;
    float* const one_patch = sum_points + sums;
    float* const zeros = one_patch + patch;
    fill_zero(zeros, p.filters_ld);
    const int64_t split = chunk / slices, slice = chunk % slices;
    const int64_t channel = slice / p.filter_slices * kChannels, filter = slice % p.filter_slices * kFilters;
    const int64_t channels = s.channels - channel < kChannels ? s.channels - channel : kChannels;
    const int64_t filters = s.filters - filter < kFilters ? s.filters - filter : kFilters;
    const int64_t columns = round_up(filters, kLanes<float>);
    const int64_t first_block = p.blocks * split / p.splits, end_block = p.blocks * (split + 1) / p.splits;
    for (int64_t block = first_block; block < end_block; ++block) {
      const int64_t first = p.grid.tiles * block / p.blocks, end = p.grid.tiles * (block + 1) / p.blocks;
      transform_patches(s, x, first, end, channel, channels, one_patch, patch_points, p.channels_ld, p.patch_pitch);
      transform_grads(s, p.grid, grad, first, end, filter, filters, zeros, grad_points, p.filters_ld, p.grad_pitch);
      for (int64_t point = 0; point < kWinogradPoints; ++point) {
        const int64_t next = end + (end - first) * point / kWinogradPoints;
        const int64_t behind = end + (end - first) * (point + 1) / kWinogradPoints;
        fetch_patches(s, x, next, behind, channel, channels);
        fetch_grads(s, p.grid, grad, next, behind, filter, filters);
        multiply_in_cache(channels, columns, end - first, {patch_points + point * p.patch_pitch, 1, p.channels_ld},
                          grad_points + point * p.grad_pitch, p.filters_ld, sum_points + point * p.sum_pitch,
                          p.filters_ld, block > first_block);
      }
    }
    float* const to = split == 0 ? out : partials + (split - 1) * size;
    store_gradient(s, p, sum_points, channel, channels, filter, filters, to);
  });
  add_partials(out, partials, p.splits - 1, size);
}

size_t winograd_grad_kernel_workspace(const WinogradShape& shape) {
  return sizeof(float) * (plan(shape).splits - 1) * 9 * shape.channels * shape.filters;
}

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
