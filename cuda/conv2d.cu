// 2-D convolution: NHWC images, HWIO kernel. An HWIO kernel is the right operand of the product as it lies.
#include "cuda/conv_gemm.cuh"

namespace pyneural::cuda {
namespace {

template <class T>
struct Part {
  PatchSource<T, false> a;
  MatrixSource<T> b;
  int64_t rows;
  int columns, depth, channel, filters;

  __device__ __forceinline__ int64_t offset(int64_t row) const { return row * filters + channel; }
};

// A batch is the groups.
template <class T, int kWidth>
struct Problem {
  static constexpr bool kAlongDepthA = kWidth > 1, kAlongDepthB = false;
  const T *x, *kernel;
  Patches patches;
  int group_filters, filters;

  bool columns_multiple(int of) const { return group_filters % of == 0; }

  __device__ __forceinline__ Part<T> part(int group, int) const {
    const int first = group * group_filters;
    return {{x + group * patches.channels.divisor(), patches},
            {kernel + first, 1, filters, group_filters, patches.depth},
            patches.pixels,
            group_filters,
            patches.depth,
            first,
            filters};
  }
};

ConvGeometry geometry(const KernelArgs& args) { return {args.param<Conv2DParams>(), args.in[0].dims[3], args.out[0]}; }

GemmShape shape_of(const ConvGeometry& g) {
  return {g.pixels(), g.group_filters(), g.taps() * g.group_channels(), g.groups};
}

template <class T>
void run(const KernelArgs& args) {
  if (args.out[0].size == 0) return;
  const ConvGeometry g = geometry(args);
  const GemmShape shape = shape_of(g);
  const T *x = args.in[0].as<const T>(), *kernel = args.in[1].as<const T>();
  const bool packs =
      g.group_channels() % 4 == 0 && g.group_filters() % 4 == 0 && is_aligned(x, 16) && is_aligned(kernel, 16);
  const GemmOutput<T> out{
      args.out[0].as<T>(), args.out[0].size, args.in[2].as<const T>(), g.filters, args.param<Conv2DParams>().activation,
      args.workspace,      stream_of(args)};
  const GemmPlan plan = plan_conv(args, shape);
  ConvTiles::run(shape, 1, plan, args.param<Conv2DParams>().precision, out, packs, [&](auto width) {
    return Problem<T, width>{x, kernel, Patches(g.h, g.w, g.images, g.group_channels(), g.channels),
                             static_cast<int>(g.group_filters()), static_cast<int>(g.filters)};
  });
  add_splits(plan, out);
}

void conv2d(const KernelArgs& args) {
  with_real(args.out[0].dtype, [&](auto zero) { run<decltype(zero)>(args); });
}

size_t conv2d_workspace(const KernelArgs& args) {
  const View& out = args.out[0];
  return out.size == 0 ? 0 : partials_bytes(plan_conv(args, shape_of(geometry(args))), out);
}

}  // namespace

PN_KERNELS(conv2d, {"conv2d", conv2d, conv2d_workspace})
}  // namespace pyneural::cuda
