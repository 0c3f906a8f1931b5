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
      {Tiles::kRows, Tiles::kColumns, Tiles::kDepth, Tiles::kResident, Tiles::kSlices, Tiles::kRate}...};

  // The first tile that adds up in the order of `other`.
  static int stand_in(const TileShape& other) {
    int tile = 0;
    while (shapes[tile].slices != other.slices) ++tile;
    return tile;
  }

  template <int kWidth, class Problem, class T>
  static void run(const Problem& problem, const GemmShape& shape, int phases, int tile, const GemmPlan& plan,
                  const GemmOutput<T>& out) {
    int index = 0;
    ((index++ == tile ? launch_gemm<Tiles, kWidth>(problem, shape, phases, plan, out) : void()), ...);
  }
};

// `Packs` load four numbers at a time. `Singles` have less to choose from: their loads cost more than large tiles save.
template <class Packs_, class Singles_>
struct TileLists {
  using Packs = Packs_;
  using Singles = Singles_;

  static GemmPlan plan(const GemmShape& shape) {
    return shape.packs ? plan_gemm(Packs::shapes, shape) : plan_gemm(Singles::shapes, shape);
  }
};

using DoubleTile = TileList<SimtTile<double, 64, 64, 16, 2, 2, 1, 3>>;
using DoubleTiles = TileLists<DoubleTile, DoubleTile>;

template <class Words, class... More>
using TensorTiles =
    TileLists<TileList<TensorTile<Words, 256, 128, 16, 4, 2, 1>, TensorTile<Words, 128, 128, 16, 2, 2, 2>, More...,
                       TensorTile<Words, 64, 64, 16, 2, 2, 4>>,
              TileList<TensorTile<Words, 64, 64, 16, 2, 2, 4>>>;

// The tiles of a family of ops in every precision.
template <class FloatTiles, class Tf32Tiles, class Bf16Tiles>
struct Tiles {
  // fn(tiles) with the lists that a product uses.
  template <class T, class Fn>
  static auto with_tiles(MatMulPrecision precision, const Fn& fn) {
    if constexpr (std::is_same_v<T, double>) {
      return fn(DoubleTiles());
    } else {
      switch (precision) {
        case MatMulPrecision::tf32:
          return fn(Tf32Tiles());
        case MatMulPrecision::bf16:
          return fn(Bf16Tiles());
        default:
          return fn(FloatTiles());
      }
    }
  }

  static GemmPlan plan(const GemmShape& shape, DType dtype, MatMulPrecision precision) {
    const auto plan = [&](auto tiles) { return tiles.plan(shape); };
    return dtype == DType::float64 ? with_tiles<double>(precision, plan) : with_tiles<float>(precision, plan);
  }

  // `aligned`: both operands begin with a pack. kPacks: whether there are kernels for packs at all.
  template <bool kPacks = true, class Problem, class T>
  static void run(const Problem& problem, const GemmShape& shape, int phases, const GemmPlan& plan,
                  MatMulPrecision precision, const GemmOutput<T>& out, bool aligned) {
    with_tiles<T>(precision, [&](auto tiles) {
      using Packs = typename decltype(tiles)::Packs;
      using Singles = typename decltype(tiles)::Singles;
      if constexpr (kPacks && !std::is_same_v<T, double>) {
        if (shape.packs && aligned) return Packs::template run<4>(problem, shape, phases, plan.tile, plan, out);
      }
      const int tile = shape.packs ? Singles::stand_in(Packs::shapes[plan.tile]) : plan.tile;
      Singles::template run<1>(problem, shape, phases, tile, plan, out);
    });
  }
};

}  // namespace pyneural::cuda
