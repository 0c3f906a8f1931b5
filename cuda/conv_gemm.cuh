// What the convolutions share: tiles, and whether packs can be loaded.
#pragma once

#include "cuda/conv_source.cuh"
#include "cuda/gemm.cuh"
#include "cuda/gemm_simt.cuh"

namespace pyneural::cuda {

using ConvFloatTiles = TileList<SimtTile<float, 128, 128, 8, 4, 2, 1, 2>, SimtTile<float, 128, 64, 8, 4, 1, 1, 3>,
                                SimtTile<float, 128, 32, 16, 4, 1, 1, 4>, SimtTile<float, 64, 64, 16, 2, 2, 1, 4>,
                                SimtTile<float, 32, 32, 64, 2, 1, 4, 2>>;
using ConvDoubleTiles = TileList<SimtTile<double, 64, 64, 16, 2, 2, 1, 3>>;

inline GemmPlan plan_conv(const GemmShape& shape, DType dtype) {
  return dtype == DType::float64 ? plan_gemm(ConvDoubleTiles::shapes, shape) : plan_gemm(ConvFloatTiles::shapes, shape);
}

// make(width) gives the problem with packs of 1 or 4; `packs`: whether all its rows begin with one.
template <class T, class Make>
void run_conv(const GemmShape& shape, int phases, const GemmPlan& plan, const GemmOutput<T>& out, bool packs,
              const Make& make) {
  const auto problem = make(std::integral_constant<int, 1>());
  if constexpr (std::is_same_v<T, double>) {
    ConvDoubleTiles::run<1>(problem, shape, phases, plan, out);
  } else if (packs) {
    ConvFloatTiles::run<4>(make(std::integral_constant<int, 4>()), shape, phases, plan, out);
  } else {
    ConvFloatTiles::run<1>(problem, shape, phases, plan, out);
  }
}

}  // namespace pyneural::cuda
