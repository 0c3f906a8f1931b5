#include "cpu/winograd.h"

#include "cpu/gemm.h"
#include "cpu/lanes.h"
#include "cpu/larger.h"
#include "cpu/transpose.h"
#include "cpu/winograd_tiles.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// Filters that are computed together: transformed outputs of a block of tiles stay in L2.
constexpr int64_t kPanel = 64;

struct WinogradPlan {
  TileGrid grid;
  int64_t ld;                         // channels up to whole vectors
  int64_t panels;                     // of filters
  int64_t blocks, block_tiles;        // of tiles
  int64_t parts;                      // of the panels, for threads
  int64_t patch_pitch, output_pitch;  // from point to point
  double flops;
};

WinogradPlan plan(const WinogradShape& s) {
  constexpr int64_t kTileStep = 6;             // rows of the product's register tile
  constexpr int64_t kBlockBytes = 384 * 1024;  // of transformed patches and outputs
  constexpr double kFlopsPerChunk = 4e6;
  constexpr int64_t kChunks = 16;
  WinogradPlan p{};
  p.grid = tile_grid(s);
  p.ld = round_up(s.channels, kLanes<float>);
  p.panels = (s.filters + kPanel - 1) / kPanel;
  p.flops = 2.0 * kWinogradPoints * p.grid.tiles * s.channels * s.filters;
  const int64_t wanted = clamp(static_cast<int64_t>(p.flops / kFlopsPerChunk), 1, kChunks);
  const int64_t width = round_up(s.filters < kPanel ? s.filters : kPanel, kLanes<float>);
  const int64_t tile_bytes = kWinogradPoints * (p.ld + width) * static_cast<int64_t>(sizeof(float));
  const int64_t most = clamp(kBlockBytes / tile_bytes / kTileStep, 4, 64) * kTileStep;
  p.blocks = (p.grid.tiles + most - 1) / most;
  if (p.blocks < wanted) p.blocks = clamp(p.grid.tiles / (4 * kTileStep), p.blocks, wanted);
  p.block_tiles = round_up((p.grid.tiles + p.blocks - 1) / p.blocks, kTileStep);
  p.blocks = (p.grid.tiles + p.block_tiles - 1) / p.block_tiles;
  p.parts = clamp(wanted / p.blocks, 1, p.panels);
  p.patch_pitch = point_pitch(p.block_tiles, p.ld);
  p.output_pitch = point_pitch(p.block_tiles, width);
  return p;
}

// The filters of a panel; where their weights begin: [panel][point][channel][filters up to whole vectors].
struct Panel {
  int64_t first, filters, ld, weights;
};
PN_INLINE Panel panel_at(const WinogradShape& s, int64_t index) {
  const int64_t first = index * kPanel, filters = s.filters - first < kPanel ? s.filters - first : kPanel;
  return {first, filters, round_up(filters, kLanes<float>), kWinogradPoints * s.channels * first};
}
PN_INLINE int64_t weights_of(const WinogradShape& s) {
  return kWinogradPoints * s.channels * round_up(s.filters, kLanes<float>);
}

// (g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2): G from the left.
template <class V>
PN_INLINE void tap_points(const V (&g)[3], V (&u)[4]) {
  const V half = broadcast(0.5f), outer = half * (g[0] + g[2]), inner = half * g[1];
  u[0] = g[0];
  u[1] = outer + inner;
  u[2] = outer - inner;
  u[3] = g[2];
}
// to[point] = G g G^T
PN_INLINE void transform_taps(const Vec<float> (&g)[3][3], float* to, int64_t pitch) {
  Vec<float> half[3][4];
#pragma GCC unroll 3
  for (int j = 0; j < 3; ++j) {
    const Vec<float> column[3] = {g[0][j], g[1][j], g[2][j]};
    tap_points(column, half[j]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Vec<float> row[3] = {half[0][i], half[1][i], half[2][i]};
    Vec<float> u[4];
    tap_points(row, u);
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) store(to + (4 * i + j) * pitch, u[j]);
  }
}

// Weights of a channel, of all filters of a panel.
void transform_channel(const WinogradShape& s, const float* kernel, const Panel& panel, int64_t channel, float* to) {
  const int64_t tap = s.channels * s.filters, pitch = s.channels * panel.ld;
  const float* const from = kernel + channel * s.filters + panel.first;
  for (int64_t k = 0; k < panel.filters; k += kLanes<float>) {
    const int64_t rest = panel.filters - k;
    const int lanes = static_cast<int>(rest < kLanes<float> ? rest : kLanes<float>);
    Vec<float> g[3][3];
#pragma GCC unroll 3
    for (int i = 0; i < 3; ++i) {
#pragma GCC unroll 3
      for (int j = 0; j < 3; ++j) g[i][j] = load_first(from + (3 * i + j) * tap + k, lanes);
    }
    transform_taps(g, to + channel * panel.ld + k, pitch);
  }
}

// The same of up to a vector of channels, from a kernel [tap in reverse order][filter][channel].
void transform_channels_transposed(const WinogradShape& s, const float* kernel, const Panel& panel, int64_t channel,
                                   float* to) {
  constexpr int L = kLanes<float>;
  const int64_t tap = s.channels * s.filters, pitch = s.channels * panel.ld;
  const int channels = static_cast<int>(s.channels - channel < L ? s.channels - channel : L);
  for (int64_t k = 0; k < panel.filters; k += L) {
    Vec<float> turned[9][L];  // [tap][channel]: a vector of filters
    for (int t = 0; t < 9; ++t) {
      const float* const from = kernel + (8 - t) * tap + (panel.first + k) * s.channels + channel;
      for (int f = 0; f < L; ++f) {
        turned[t][f] = k + f < panel.filters ? load_first(from + f * s.channels, channels) : Vec<float>{};
      }
      transpose_lanes(turned[t]);
    }
    for (int c = 0; c < channels; ++c) {
      Vec<float> g[3][3];
#pragma GCC unroll 3
      for (int i = 0; i < 3; ++i) {
#pragma GCC unroll 3
        for (int j = 0; j < 3; ++j) g[i][j] = turned[3 * i + j][c];
      }
      transform_taps(g, to + (channel + c) * panel.ld + k, pitch);
    }
  }
}

void transform_weights(const WinogradConvolution& o, const WinogradPlan& p, float* weights) {
  constexpr int L = kLanes<float>;
  const WinogradShape& s = o.shape;
  const int64_t steps = (s.channels + L - 1) / L;
  const int threads = threads_for(0, 2.0 * sizeof(float) * weights_of(s));
  parallel_range(p.panels * steps, 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      const Panel panel = panel_at(s, at / steps);
      const int64_t first = at % steps * L, behind = first + L < s.channels ? first + L : s.channels;
      float* const to = weights + panel.weights;
      if (o.transposed) {
        transform_channels_transposed(s, o.kernel, panel, first, to);
      } else {
        for (int64_t channel = first; channel < behind; ++channel) transform_channel(s, o.kernel, panel, channel, to);
      }
    }
  });
}

// (m0 + m1 + m2, m1 - m2 - m3): A^T from the left.
template <class V>
PN_INLINE void tile_outputs(const V (&m)[4], V (&y)[2]) {
  y[0] = m[0] + m[1] + m[2];
  y[1] = m[1] - m[2] - m[3];
}

// Outputs of a vector of filters of a tile from its transformed ones.
struct TileStore {
  const float* points;
  int64_t pitch, ld;
  float* y;
  int64_t row, column;  // from output to output
  int rows, columns;    // outputs of the tile that exist
};
template <bool kPools, class Lanes>
PN_INLINE void store_tile(const TileStore& t, int64_t k, Vec<float> bias, bool relu, Lanes lanes) {
  Vec<float> half[4][2];
  const float* points = t.points + k;
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    Vec<float> m[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      __builtin_prefetch(points + t.ld);
      m[j] = load(step(points, t.pitch));
    }
    tile_outputs(m, half[i]);
  }
  Vec<float> y[2][2];
#pragma GCC unroll 2
  for (int j = 0; j < 2; ++j) {
    const Vec<float> m[4] = {half[0][j], half[1][j], half[2][j], half[3][j]};
    Vec<float> column[2];
    tile_outputs(m, column);
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
      y[i][j] = column[i] + bias;
      if (relu) y[i][j] = vmax(Vec<float>{}, y[i][j]);
    }
  }
  if constexpr (kPools) {
    lanes.store(t.y + k, larger(y[1][1], larger(y[1][0], larger(y[0][1], y[0][0]))));
  } else {
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
#pragma GCC unroll 2
      for (int j = 0; j < 2; ++j) {
        if (i < t.rows && j < t.columns) lanes.store(t.y + i * t.row + j * t.column + k, y[i][j]);
      }
    }
  }
}

// The maximum of a whole tile, after an activation that is not computed in registers.
void store_activated_maximum(const TileStore& tile, int64_t filters, const float* bias, Activation activation) {
  float outputs[4 * kPanel];
  TileStore t = tile;
  t.y = outputs;
  t.row = 2 * kPanel;
  t.column = kPanel;
  for_lanes<float>(0, filters, [=](int64_t k, auto lanes) PN_LAMBDA {
    store_tile<false>(t, k, bias ? lanes.load(bias + k) : Vec<float>{}, false, lanes);
  });
  apply_epilogue(4, filters, outputs, kPanel, nullptr, activation);
  const float* const y = outputs;
  for_lanes<float>(0, filters, [=](int64_t k, auto lanes) PN_LAMBDA {
    Vec<float> most = lanes.load(y + k);
    for (int i = 1; i < 4; ++i) most = larger(lanes.load(y + i * kPanel + k), most);
    lanes.store(tile.y + k, most);
  });
}

template <bool kPools>
void store_tiles(const WinogradConvolution& o, const WinogradPlan& p, const Panel& panel, int64_t first, int64_t end,
                 const float* points) {
  const WinogradShape& s = o.shape;
  const int64_t scale = kPools ? kWinogradTile : 1;
  const int64_t column = s.filters, row = s.w.outputs / scale * column;
  const bool relu = o.activation == Activation::relu;
  const bool late = !relu && o.activation != Activation::linear;
  const float* const bias = o.bias ? o.bias + panel.first : nullptr;
  TileWalk at = walk_from(s, p.grid, first);
  for (int64_t tile = first; tile < end; ++tile, points += panel.ld, at.next()) {
    const int64_t y = (at.image * s.h.outputs + at.row) / scale;
    const TileStore t{.points = points,
                      .pitch = p.output_pitch,
                      .ld = panel.ld,
                      .y = o.y + y * row + at.column / scale * column + panel.first,
                      .row = row,
                      .column = column,
                      .rows = at.row + 1 < s.h.outputs ? 2 : 1,
                      .columns = at.column + 1 < s.w.outputs ? 2 : 1};
    if (kPools && late) {
      store_activated_maximum(t, panel.filters, bias, o.activation);
      continue;
    }
    for_lanes<float>(0, panel.filters, [=](int64_t k, auto lanes) PN_LAMBDA {
      store_tile<kPools>(t, k, bias ? lanes.load(bias + k) : Vec<float>{}, relu, lanes);
    });
    if (!late) continue;
    for (int i = 0; i < t.rows; ++i) {
      apply_epilogue(t.columns, panel.filters, t.y + i * t.row, t.column, nullptr, o.activation);
    }
  }
}

}  // namespace

void winograd(const WinogradConvolution& o, void* workspace) {
  const WinogradShape& s = o.shape;
  const WinogradPlan p = plan(s);
  float* const weights = static_cast<float*>(workspace);
  transform_weights(o, p, weights);
  const int64_t patches = kWinogradPoints * p.patch_pitch, outputs = kWinogradPoints * p.output_pitch;
  const size_t scratch_bytes = sizeof(float) * (patches + outputs + kWinogradPoints * p.ld);
  parallel_chunks(p.blocks * p.parts, threads_for(p.flops, 0), scratch_bytes, [&](int64_t chunk, void* scratch) {
    float* const patch_points = static_cast<float*>(scratch);
    float* const output_points = patch_points + patches;
    float* const patch = output_points + outputs;
    const int64_t first = chunk / p.parts * p.block_tiles, part = chunk % p.parts;
    const int64_t end = first + p.block_tiles < p.grid.tiles ? first + p.block_tiles : p.grid.tiles;
    transform_patches(s, o.x, first, end, 0, s.channels, patch, patch_points, p.ld, p.patch_pitch);
    const int64_t tiles = end - first, first_panel = p.panels * part / p.parts;
    for (int64_t index = first_panel; index < p.panels * (part + 1) / p.parts; ++index) {
      const Panel panel = panel_at(s, index);
      for (int64_t point = 0; point < kWinogradPoints; ++point) {
        if (index == first_panel) {
          const int64_t next = end + tiles * point / kWinogradPoints;
          fetch_patches(s, o.x, next, end + tiles * (point + 1) / kWinogradPoints, 0, s.channels);
        }
        multiply_in_cache(tiles, panel.ld, s.channels, {patch_points + point * p.patch_pitch, p.ld, 1},
                          weights + panel.weights + point * s.channels * panel.ld, panel.ld,
                          output_points + point * p.output_pitch, panel.ld, false);
      }
      o.pools ? store_tiles<true>(o, p, panel, first, end, output_points)
              : store_tiles<false>(o, p, panel, first, end, output_points);
    }
  });
}

size_t winograd_workspace(const WinogradShape& shape) { return sizeof(float) * weights_of(shape); }

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
