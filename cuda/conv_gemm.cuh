// What the convolutions share: their tiles, and the two products in which the matrix of patches is the left operand.
#pragma once

#include "cuda/conv_source.cuh"
#include "cuda/gemm_tiles.cuh"

namespace pyneural::cuda {

// Narrow ones too: 32 and 64 filters are common.
using ConvTiles =
    Tiles<TileLists<TileList<SimtTile<float, 128, 128, 8, 2, 2, 1, 2>, SimtTile<float, 128, 64, 8, 4, 1, 1, 3>,
                             SimtTile<float, 128, 32, 16, 4, 1, 1, 3>, SimtTile<float, 64, 64, 16, 2, 2, 1, 3>,
                             SimtTile<float, 32, 32, 64, 2, 1, 4, 2>>,
                    TileList<SimtTile<float, 128, 32, 16, 4, 1, 1, 3>, SimtTile<float, 64, 64, 16, 2, 2, 1, 3>,
                             SimtTile<float, 32, 32, 64, 2, 1, 4, 2>>>,
          TensorTiles<Tf32Words, TensorTile<Tf32Words, 128, 64, 16, 2, 2, 3>>,
          TensorTiles<Bf16Words, TensorTile<Bf16Words, 128, 64, 16, 2, 2, 3>>>;

// A matrix of [depth or rows, filters], as a kernel or an output's gradient lie, behind the matrix of patches or its
// transpose. A batch is the groups.
template <class T, bool kTransposed>
struct PatchProblem {
  static constexpr bool kAlongDepthA = !kTransposed, kAlongDepthB = false, kActivates = !kTransposed;
  struct Part {
    PatchSource<T, kTransposed> a;
    MatrixSource<T> b;
    int rows, columns, depth, channel, filters;

    __device__ __forceinline__ int64_t offset(int64_t row) const { return row * filters + channel; }
  };
  const T *x, *right;
  Patches patches;
  int group_filters, filters;

  PatchProblem(const ConvGeometry& g, const KernelArgs& args)
      : x(args.in[0].as<const T>()),
        right(args.in[1].as<const T>()),
        patches(g.h, g.w, g.images, g.group_channels(), g.channels),
        group_filters(static_cast<int>(g.group_filters())),
        filters(static_cast<int>(g.filters)) {}

  bool columns_multiple(int of) const { return group_filters % of == 0; }

  __device__ __forceinline__ Part part(int group, int) const {
    const int first = group * group_filters;
    const int rows = kTransposed ? patches.depth : patches.pixels, depth = kTransposed ? patches.pixels : patches.depth;
    return {{x + group * patches.channels.divisor(), patches},
            {right + first, 1, filters, group_filters, depth},
            rows,
            group_filters,
            depth,
            first,
            filters};
  }
};

inline bool has_aligned_operands(const KernelArgs& args) {
  return is_aligned(args.in[0].data, kPackBytes) && is_aligned(args.in[1].data, kPackBytes);
}

inline GemmPlan plan_conv(const KernelArgs& args, const GemmShape& shape) {
  return ConvTiles::plan(shape, args.out[0].dtype, args.param<Conv2DParams>().precision);
}

}  // namespace pyneural::cuda
