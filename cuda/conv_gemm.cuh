// What the convolutions share: their tiles.
#pragma once

#include "cuda/conv_source.cuh"
#include "cuda/gemm_tiles.cuh"

namespace pyneural::cuda {

// Narrow ones too: 32 and 64 filters are common.
using ConvTiles = Tiles<TileList<SimtTile<float, 128, 128, 8, 4, 2, 1, 2>, SimtTile<float, 128, 64, 8, 4, 1, 1, 3>,
                                 SimtTile<float, 128, 32, 16, 4, 1, 1, 4>, SimtTile<float, 64, 64, 16, 2, 2, 1, 4>,
                                 SimtTile<float, 32, 32, 64, 2, 1, 4, 2>>>;

inline GemmPlan plan_conv(const KernelArgs& args, const GemmShape& shape) {
  return ConvTiles::plan(shape, args.out[0].dtype, args.param<Conv2DParams>().precision);
}

}  // namespace pyneural::cuda
