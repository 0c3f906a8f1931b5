// 2-D convolution: NHWC images, HWIO kernel. An HWIO kernel is the right operand of the gathered product as it lies.
#include "cpu/convolve.h"
#include "cpu/winograd_tiles.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// What is computed: by conv2d all of it is the output, by conv2d_max_pool only maxima of its windows.
struct Call {
  Conv2DParams params;
  int64_t pool[2];
  ConvGeometry geometry;
};
Call call_of(const KernelArgs& args, bool pools) {
  View output = args.out[0];
  Call call{};
  if (pools) {
    const auto& own = args.param<Conv2DMaxPoolParams>();
    call = {own.conv, {own.pool[0], own.pool[1]}, {}};
    for (int i = 0; i < 2; ++i) output.dims[1 + i] *= own.pool[i];
  } else {
    call = {args.param<Conv2DParams>(), {1, 1}, {}};
  }
  call.geometry = conv_geometry(call.params, args.in[0].dims[3], output);
  return call;
}

ConvolvePlan plan(const Call& call, DType dtype) {
  ConvGeometry g = call.geometry;
  flatten_dense(&g.h, &g.w, &g.images);
  return plan_convolution({.h = g.h,
                           .w = g.w,
                           .images = g.images,
                           .groups = g.groups,
                           .channels = g.channels / g.groups,
                           .filters = g.filters / g.groups,
                           .flops = conv_flops(g),
                           .transposed = false,
                           .row_step = call.pool[0]},
                          static_cast<int64_t>(dtype_size(dtype)));
}

// The same for a convolution alone and for one with its pooling, which must have the same bits.
bool by_winograd(const Call& call, DType dtype) {
  const bool pools = call.pool[0] * call.pool[1] > 1, tiles = call.pool[0] == 2 && call.pool[1] == 2;
  ConvGeometry whole = call.geometry;
  if (pools) {
    whole.h.outputs = whole.h.source - (call.params.same ? 0 : 2);
    whole.w.outputs = whole.w.source - (call.params.same ? 0 : 2);
  }
  return (!pools || tiles) && is_winograd(whole, winograd_shape(whole), Taps::transformed, dtype);
}
void run_winograd(const KernelArgs& args, const Call& call) {
  winograd({.shape = winograd_shape(call.geometry),
            .x = args.in[0].as<float>(),
            .kernel = args.in[1].as<float>(),
            .transposed = false,
            .bias = args.in[2].as<float>(),
            .activation = call.params.activation,
            .y = args.out[0].as<float>(),
            .pools = call.pool[0] > 1},
           args.workspace);
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
void run(const KernelArgs& args, const Call& call) {
  const bool pools = call.pool[0] * call.pool[1] > 1;
  const ConvolvePlan p = plan(call, args.out[0].dtype);
  const T* const kernel = args.in[1].as<T>();
  const int64_t filters = p.groups * p.filters, row = p.window.w.outputs * filters;
  const ConvolveOperands<T> operands{.x = args.in[0].as<T>(),
                                     .weights = kernel,
                                     .bias = args.in[2].as<T>(),
                                     .activation = call.params.activation,
                                     .y = args.out[0].as<T>(),
                                     .pitch = {filters, row, (pools ? p.window.block_rows : p.window.h.outputs) * row},
                                     .pool_rows = call.pool[0],
                                     .pool_columns = call.pool[1]};
  convolve(p, operands, Packer<T>{kernel, p.groups, p.channels, p.filters, p.taps}, args.workspace);
}

template <bool kPools>
void conv2d(const KernelArgs& args) {
  const Call call = call_of(args, kPools);
  if (by_winograd(call, args.out[0].dtype)) return run_winograd(args, call);
  if (args.out[0].dtype == DType::float32) return run<float>(args, call);
  run<double>(args, call);
}
template <bool kPools>
size_t workspace(const KernelArgs& args) {
  const Call call = call_of(args, kPools);
  if (by_winograd(call, args.out[0].dtype)) return winograd_workspace(winograd_shape(call.geometry));
  const ConvolvePlan p = plan(call, args.out[0].dtype);
  if (args.out[0].dtype == DType::float32) return convolve_workspace<float>(p);
  return convolve_workspace<double>(p);
}

}  // namespace

PN_KERNELS(conv2d, {"conv2d", conv2d<false>, workspace<false>}, {"conv2d_max_pool", conv2d<true>, workspace<true>})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
