// Gradient of a convolution's kernel: the transposed matrix of patches times the gradient of the output. The sums run
// over all pixels and are split for that.
#include "cuda/conv_gemm.cuh"

namespace pyneural::cuda {
namespace {

ConvGeometry geometry(const KernelArgs& args) { return {args.param<Conv2DParams>(), args.in[0].dims[3], args.in[1]}; }

GemmShape shape_of(const ConvGeometry& g) {
  return {g.taps() * g.group_channels(), g.group_filters(), g.pixels(), g.groups, g.packs()};
}

template <class T>
void run(const KernelArgs& args) {
  if (args.out[0].size == 0) return;
  const ConvGeometry g = geometry(args);
  const GemmShape shape = shape_of(g);
  const GemmPlan plan = plan_conv(args, shape);
  const GemmOutput<T> out{args.out[0].as<T>(), args.out[0].size, nullptr,        g.filters,
                          Activation::linear,  args.workspace,   stream_of(args)};
  ConvTiles::run(PatchProblem<T, true>(g, args), shape, 1, plan, args.param<Conv2DParams>().precision, out,
                 has_aligned_operands(args));
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
