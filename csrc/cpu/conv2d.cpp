// 2-D convolution: NHWC images, HWIO kernel. An HWIO kernel is the right operand of the gathered product as it lies.
#include "cpu/convolve.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

ConvolvePlan plan(const KernelArgs& args) {
  ConvGeometry g = conv_geometry(args.param<Conv2DParams>(), args.in[0].dims[3], args.out[0]);
  flatten_dense(&g.h, &g.w, &g.images);
  return plan_convolution({.h = g.h,
                           .w = g.w,
                           .images = g.images,
                           .groups = g.groups,
                           .channels = g.channels / g.groups,
                           .filters = g.filters / g.groups,
                           .flops = conv_flops(g),
                           .transposed = false},
                          static_cast<int64_t>(dtype_size(args.out[0].dtype)));
}

template <class T>
struct Packer {
  const T* kernel;  // [tap][channels][groups * filters]
  int64_t groups, channels, filters, taps;

  void operator()(const WeightBlock& block, T* to) const {
    const T* from = kernel + (block.tap * channels + block.channel) * groups * filters;
    from += block.group * filters + block.column;
    prefetch_rows(from, groups * filters, block.channels, block.columns);
    copy_padded(from, groups * filters, block.channels, block.columns, to);
  }
  T element(const WeightBlock& block, int64_t channel, int64_t column) const {
    const int64_t row = block.tap * channels + block.channel + channel;
    return kernel[(row * groups + block.group) * filters + block.column + column];
  }
  // to[filter][tap, channel]
  void dots(T* to) const {
    for (int64_t o = 0; o < groups * filters; ++o) {
      for (int64_t k = 0; k < taps * channels; ++k) *to++ = kernel[k * groups * filters + o];
    }
  }
};

template <class T>
void run(const KernelArgs& args) {
  const ConvolvePlan p = plan(args);
  const T* const kernel = args.in[1].as<T>();
  const int64_t filters = p.groups * p.filters, row = p.window.w.outputs * filters;
  const ConvolveOperands<T> operands{.x = args.in[0].as<T>(),
                                     .weights = kernel,
                                     .bias = args.in[2].as<T>(),
                                     .activation = args.param<Conv2DParams>().activation,
                                     .y = args.out[0].as<T>(),
                                     .pitch = {filters, row, p.window.h.outputs * row}};
  convolve(p, operands, Packer<T>{kernel, p.groups, p.channels, p.filters, p.taps}, args.workspace);
}

void conv2d(const KernelArgs& args) {
  if (args.out[0].dtype == DType::float32) return run<float>(args);
  run<double>(args);
}
size_t conv2d_workspace(const KernelArgs& args) {
  if (args.out[0].dtype == DType::float32) return convolve_workspace<float>(plan(args));
  return convolve_workspace<double>(plan(args));
}

}  // namespace

PN_KERNELS(conv2d, {"conv2d", conv2d, conv2d_workspace})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
