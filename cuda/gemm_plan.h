// How a matrix product is cut into blocks, from its shape alone: the order of every sum depends on it.
#pragma once

#include "cuda/kernel.h"

namespace pyneural::cuda {

// Of an H100 or H200. Smaller GPUs get the same tiles, so that they give the same bits.
constexpr int64_t kMultiprocessors = 132;

// Steps in depth that a block keeps in shared memory: it multiplies one while the others are on their way.
constexpr int kStages = 3;

// batch products of [m x k] and [k x n]
struct GemmShape {
  int64_t m, n, k, batch;
  bool packs;  // the lines of both operands are multiples of 4 numbers
};

// What a block of threads computes at a time, and how many multiply-adds of a full multiprocessor it reaches per cycle.
struct TileShape {
  int m, n, depth;
  int resident;  // blocks on a multiprocessor at a time
  int slices;    // that share out the depth of a step; the order of the sums depends on it, not on the other sizes
  double rate;
};

struct GemmPlan {
  int tile = 0;
  int splits = 1;  // of the depth; their sums are added in a second pass
  int depth_per_split = 0;
};

// Cycles of all blocks, spread over the multiprocessors.
inline double gemm_cycles(const TileShape& tile, const GemmShape& shape, int64_t splits) {
  constexpr double kLatency = 700;            // of a load from memory
  constexpr double kFirst = 1500;             // until a block multiplies, and to store its result
  constexpr double kSecondPass = 4000;        // a launch, and its loads and stores
  constexpr double kPerPartial = 4.0 / 3000;  // bytes per cycle from L2, all multiprocessors together
  const int64_t tiles = ceil_div(shape.m, tile.m) * ceil_div(shape.n, tile.n) * shape.batch;
  const int64_t steps = ceil_div(ceil_div(shape.k, tile.depth), splits);
  const int64_t blocks = ceil_div(tiles * splits, kMultiprocessors);  // of the busiest multiprocessor
  const int64_t together = blocks < tile.resident ? blocks : tile.resident;
  const double step = static_cast<double>(tile.m) * tile.n * tile.depth / tile.rate;
  // While one block waits for its loads the others multiply.
  const double wait = kLatency / (kStages - 1), all = step * static_cast<double>(together);
  const double step_of_all = all > wait ? all : wait;
  double cycles = static_cast<double>(blocks) / together * (static_cast<double>(steps) * step_of_all + kFirst);
  if (splits > 1) {
    cycles += kSecondPass + kPerPartial * static_cast<double>(shape.m * shape.n * shape.batch * (splits + 1));
  }
  return cycles;
}

// The cheapest of `tiles`. Splits are multiples of kGrain deep, which is one of the depth of every tile.
template <int kTiles>
GemmPlan plan_gemm(const TileShape (&tiles)[kTiles], const GemmShape& shape) {
  constexpr int64_t kMaxSplits = 256, kGrain = 64;
  const int64_t grains = shape.k > 0 ? ceil_div(shape.k, kGrain) : 1;
  GemmPlan best;
  double least = 0;
  for (int tile = 0; tile < kTiles; ++tile) {
    for (int64_t splits = 1; splits <= kMaxSplits && splits <= grains; splits += 1 + splits / 8) {
      const int64_t per_split = ceil_div(grains, splits);
      if (ceil_div(grains, per_split) < splits) continue;  // the last ones would be empty
      const double cycles = gemm_cycles(tiles[tile], shape, splits);
      if (best.depth_per_split > 0 && cycles >= least) continue;
      least = cycles;
      best = {tile, static_cast<int>(splits), static_cast<int>(per_split * kGrain)};
    }
  }
  return best;
}

}  // namespace pyneural::cuda
