// 2-D convolution: NHWC images, HWIO kernel. An HWIO kernel is the right operand of the product as it lies.
#include "cuda/conv_gemm.cuh"

namespace pyneural::cuda {
namespace {

ConvGeometry geometry(const KernelArgs& args) { return {args.param<Conv2DParams>(), args.in[0].dims[3], args.out[0]}; }

GemmShape shape_of(const ConvGeometry& g) {
  return {g.pixels(), g.group_filters(), g.taps() * g.group_channels(), g.groups, g.packs()};
}

template <class T>
void run(const KernelArgs& args) {
  if (args.out[0].size == 0) return;
  const auto& p = args.param<Conv2DParams>();
  const ConvGeometry g = geometry(args);
  const GemmShape shape = shape_of(g);
  const GemmPlan plan = plan_conv(args, shape);
  const GemmOutput<T> out{args.out[0].as<T>(), args.out[0].size, args.in[2].as<const T>(), g.filters,
                          p.activation,        args.workspace,   stream_of(args)};
  ConvTiles::run(PatchProblem<T, false>(g, args), shape, 1, plan, p.precision, out, has_aligned_operands(args));
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
