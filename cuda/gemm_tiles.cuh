// Tiles to choose from, and the choice by dtype and precision.
#pragma once

#include "cuda/gemm.cuh"
#include "cuda/gemm_simt.cuh"
#include "cuda/gemm_tensor.cuh"
#include "ops/matmul_precision.h"

namespace pyneural::cuda {

template <class... Tiles>
struct TileList {
  static constexpr TileShape shapes[sizeof...(Tiles)] = {
      {Tiles::kRows, Tiles::kColumns, Tiles::kDepth, Tiles::kResident, Tiles::kRate}...};

  template <int kWidth, class Problem, class T>
  static void run(const Problem& problem, const GemmShape& shape, int phases, const GemmPlan& plan,
                  const GemmOutput<T>& out) {
    int index = 0;
    ((index++ == plan.tile ? launch_gemm<Tiles, kWidth>(problem, shape, phases, plan, out) : void()), ...);
  }
};

using DoubleTiles = TileList<SimtTile<double, 64, 64, 16, 2, 2, 1, 3>>;

template <class Words>
using TensorTiles = TileList<TensorTile<Words, 256, 128, 16, 4, 2, 1>, TensorTile<Words, 128, 128, 16, 2, 4, 2>,
                             TensorTile<Words, 128, 64, 16, 2, 2, 3>, TensorTile<Words, 64, 64, 32, 2, 2, 3>>;

template <class FloatTiles>
struct Tiles {
  static GemmPlan plan(const GemmShape& shape, DType dtype, MatMulPrecision precision) {
    if (dtype == DType::float64) return plan_gemm(DoubleTiles::shapes, shape);
    switch (precision) {
      case MatMulPrecision::tf32:
        return plan_gemm(TensorTiles<Tf32Words>::shapes, shape);
      case MatMulPrecision::bf16:
        return plan_gemm(TensorTiles<Bf16Words>::shapes, shape);
      default:
        return plan_gemm(FloatTiles::shapes, shape);
    }
  }

  // make(width) gives the problem for packs of 1 or 4; `packs`: whether all rows of its operands begin with one.
  template <class T, class Make>
  static void run(const GemmShape& shape, int phases, const GemmPlan& plan, MatMulPrecision precision,
                  const GemmOutput<T>& out, bool packs, const Make& make) {
    const auto run = [&]<int kWidth>(std::integral_constant<int, kWidth> width) {
      const auto problem = make(width);
      if constexpr (std::is_same_v<T, double>) {
        DoubleTiles::run<kWidth>(problem, shape, phases, plan, out);
      } else if (precision == MatMulPrecision::tf32) {
        TensorTiles<Tf32Words>::template run<kWidth>(problem, shape, phases, plan, out);
      } else if (precision == MatMulPrecision::bf16) {
        TensorTiles<Bf16Words>::template run<kWidth>(problem, shape, phases, plan, out);
      } else {
        FloatTiles::template run<kWidth>(problem, shape, phases, plan, out);
      }
    };
    if constexpr (!std::is_same_v<T, double>) {
      if (packs) return run(std::integral_constant<int, 4>());
    }
    run(std::integral_constant<int, 1>());
  }
};

}  // namespace pyneural::cuda
