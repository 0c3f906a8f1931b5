// Gradient of a convolution's kernel: the transposed matrix of patches times the gradient of the output. The sums run
// over all pixels and are split for that.
#include "cuda/conv_gemm.cuh"

namespace pyneural::cuda {
namespace {

template <class T>
struct Part {
  PatchSource<T, true> a;
  MatrixSource<T> b;
  int64_t rows;
  int columns, depth, channel, filters;

  __device__ __forceinline__ int64_t offset(int64_t row) const { return row * filters + channel; }
};

// A batch is the groups.
template <class T>
struct Problem {
  static constexpr bool kAlongDepthA = false, kAlongDepthB = false;
  const T *x, *grad;
  Patches patches;
  int group_filters, filters;

  bool columns_multiple(int of) const { return group_filters % of == 0; }

  __device__ __forceinline__ Part<T> part(int group, int) const {
    const int first = group * group_filters;
    return {{x + group * patches.channels.divisor(), patches},
            {grad + first, 1, filters, group_filters, patches.pixels},
            patches.depth,
            group_filters,
            patches.pixels,
            first,
            filters};
  }
};

ConvGeometry geometry(const KernelArgs& args) { return {args.param<Conv2DParams>(), args.in[0].dims[3], args.in[1]}; }

GemmShape shape_of(const ConvGeometry& g) {
  return {g.taps() * g.group_channels(), g.group_filters(), g.pixels(), g.groups};
}

template <class T>
void run(const KernelArgs& args) {
  if (args.out[0].size == 0) return;
  const ConvGeometry g = geometry(args);
  const GemmShape shape = shape_of(g);
  const T *x = args.in[0].as<const T>(), *grad = args.in[1].as<const T>();
  const bool packs =
      g.group_channels() % 4 == 0 && g.group_filters() % 4 == 0 && is_aligned(x, 16) && is_aligned(grad, 16);
  const GemmOutput<T> out{args.out[0].as<T>(), args.out[0].size, nullptr,        g.filters,
                          Activation::linear,  args.workspace,   stream_of(args)};
  const GemmPlan plan = plan_conv(args, shape);
  ConvTiles::run(shape, 1, plan, args.param<Conv2DParams>().precision, out, packs, [&](auto) {
    return Problem<T>{x, grad, Patches(g.h, g.w, g.images, g.group_channels(), g.channels),
                      static_cast<int>(g.group_filters()), static_cast<int>(g.filters)};
  });
  add_splits(plan, out);
}

void conv2d_grad_kernel(const KernelArgs& args) {
  with_real(args.out[0].dtype, [&](auto zero) { run<decltype(zero)>(args); });
}

size_t conv2d_grad_kernel_workspace(const KernelArgs& args) {
  const View& out = args.out[0];
  return out.size == 0 ? 0 : partials_bytes(plan_conv(args, shape_of(geometry(args))), out);
}

}  // namespace

PN_KERNELS(conv2d_grad_kernel, {"conv2d_grad_kernel", conv2d_grad_kernel, conv2d_grad_kernel_workspace})
}  // namespace pyneural::cuda
