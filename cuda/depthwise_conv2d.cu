// Depthwise convolution (one filter per channel) and the gradient of its input, which is the same sum seen from the
// other side.
#include "cuda/activation.cuh"
#include "cuda/conv_source.cuh"

namespace pyneural::cuda {
namespace {

// Position j of the result and tap t meet position j * stride + t * dilation + offset of the source; the other way
// round (kTransposed) that is solved for j.
template <bool kTransposed>
struct Axis {
  int results, source, stride, dilation, offset, taps;
  Divider by_stride;

  // Outside of the source or between its positions: -1.
  __device__ __forceinline__ int source_of(int result, int tap) const {
    if constexpr (kTransposed) {
      const int distance = result - offset - tap * dilation;
      if (distance < 0) return -1;
      int rest;
      const int position = by_stride.divide(distance, &rest);
      return rest == 0 && position < source ? position : -1;
    } else {
      const int position = result * stride + tap * dilation + offset;
      return position >= 0 && position < source ? position : -1;
    }
  }
};

template <bool kTransposed, class T>
struct Depthwise {
  Axis<kTransposed> h, w;
  int64_t channels, images;
  const T *source, *weights, *bias;
  T* result;
  Activation activation;
  Divider packs = {}, strips = {}, rows = {};  // of channels in a pixel, of pixels in a row, of rows in an image
};

// A thread computes kStrip pixels of a row, kPack channels of each.
template <bool kTransposed, int kPack, int kStrip, class T>
__global__ void convolve_channels(const Depthwise<kTransposed, T> d, int64_t count) {
  using Values = Pack<T, kPack>;
  for (int64_t item = first_item(); item < count; item += item_stride()) {
    int64_t rest = item;
    const int64_t channel = d.packs.take_remainder(rest) * kPack;
    const int column = static_cast<int>(d.strips.take_remainder(rest)) * kStrip;
    const int row = static_cast<int>(d.rows.take_remainder(rest));
    Values sums[kStrip];
#pragma unroll
    for (Values& sum : sums) {
#pragma unroll
      for (int c = 0; c < kPack; ++c) sum.values[c] = d.bias ? d.bias[channel + c] : T(0);
    }
    for (int i = 0; i < d.h.taps; ++i) {
      const int source_row = d.h.source_of(row, i);
      if (source_row < 0) continue;
      const T* const line = d.source + (rest * d.h.source + source_row) * d.w.source * d.channels + channel;
      for (int j = 0; j < d.w.taps; ++j) {
        const auto weight = *reinterpret_cast<const Values*>(d.weights + (i * d.w.taps + j) * d.channels + channel);
#pragma unroll
        for (int s = 0; s < kStrip; ++s) {
          const int at = d.w.source_of(column + s, j);
          if (at < 0) continue;
          const auto x = *reinterpret_cast<const Values*>(line + at * d.channels);
#pragma unroll
          for (int c = 0; c < kPack; ++c) sums[s].values[c] += x.values[c] * weight.values[c];
        }
      }
    }
    T* const to = d.result + ((rest * d.h.results + row) * d.w.results + column) * d.channels + channel;
#pragma unroll
    for (int s = 0; s < kStrip; ++s) {
      if (column + s >= d.w.results) break;
      if (d.activation == Activation::relu) {
#pragma unroll
        for (T& sum : sums[s].values) sum = activate<Activation::relu>(sum);
      }
      *reinterpret_cast<Values*>(to + s * d.channels) = sums[s];
    }
    if (d.activation == Activation::linear || d.activation == Activation::relu) continue;
    // As in gemm.cuh: a loop over what this thread has just written.
#pragma unroll 1
    for (int s = 0; s < kStrip && column + s < d.w.results; ++s) {
      auto* const own = reinterpret_cast<Values*>(to + s * d.channels);
      Values values = *own;
      apply_activation(d.activation, values.values);
      *own = values;
    }
  }
}

template <bool kTransposed, class T>
void launch_channels(Depthwise<kTransposed, T> d, cudaStream_t stream) {
  constexpr int kWide = 16 / sizeof(T), kStrip = 4;
  // Strips save loads of weights, but there should be threads enough to fill the GPU.
  constexpr int64_t kEnoughThreads = 132 * 1024;
  const auto run = [&](auto kernel, int pack, int strip) {
    const int64_t packs = d.channels / pack, strips = ceil_div(d.w.results, strip);
    d.packs = Divider(packs);
    d.strips = Divider(strips);
    d.rows = Divider(d.h.results);
    const int64_t count = d.images * d.h.results * strips * packs;
    launch(kernel, grid_for(count), kBlockThreads, 0, stream, d, count);
  };
  const bool wide =
      d.channels % kWide == 0 && is_aligned(d.source, 16) && is_aligned(d.weights, 16) && is_aligned(d.result, 16);
  const int64_t pixels = d.images * d.h.results * d.w.results;
  const bool strips = pixels * (d.channels / (wide ? kWide : 1)) / kStrip >= kEnoughThreads;
  if (wide && strips) return run(convolve_channels<kTransposed, kWide, kStrip, T>, kWide, kStrip);
  if (wide) return run(convolve_channels<kTransposed, kWide, 1, T>, kWide, 1);
  if (strips) return run(convolve_channels<kTransposed, 1, kStrip, T>, 1, kStrip);
  run(convolve_channels<kTransposed, 1, 1, T>, 1, 1);
}

template <bool kTransposed>
Axis<kTransposed> axis_of(const WindowAxis& a) {
  const auto number = [](int64_t value) { return static_cast<int>(value); };
  return {number(kTransposed ? a.source : a.outputs),
          number(kTransposed ? a.outputs : a.source),
          number(a.stride),
          number(a.dilation),
          number(a.offset),
          number(a.taps),
          Divider(a.stride)};
}

template <class T>
void forward(const KernelArgs& args) {
  if (args.out[0].size == 0) return;
  const ConvGeometry g(args.param<Conv2DParams>(), args.in[0].dims[3], args.out[0]);
  launch_channels(Depthwise<false, T>{axis_of<false>(g.h), axis_of<false>(g.w), g.channels, g.images,
                                      args.in[0].as<const T>(), args.in[1].as<const T>(), args.in[2].as<const T>(),
                                      args.out[0].as<T>(), args.param<Conv2DParams>().activation},
                  stream_of(args));
}

template <class T>
void grad_input(const KernelArgs& args) {
  if (args.out[0].size == 0) return;
  const ConvGeometry g(args.param<Conv2DParams>(), args.out[0].dims[3], args.in[0]);
  launch_channels(
      Depthwise<true, T>{axis_of<true>(g.h), axis_of<true>(g.w), g.channels, g.images, args.in[0].as<const T>(),
                         args.in[1].as<const T>(), nullptr, args.out[0].as<T>(), Activation::linear},
      stream_of(args));
}

void depthwise_conv2d(const KernelArgs& args) {
  with_real(args.out[0].dtype, [&](auto zero) { forward<decltype(zero)>(args); });
}
void depthwise_conv2d_grad_input(const KernelArgs& args) {
  with_real(args.out[0].dtype, [&](auto zero) { grad_input<decltype(zero)>(args); });
}

}  // namespace

PN_KERNELS(depthwise_conv2d, {"depthwise_conv2d", depthwise_conv2d, nullptr},
           {"depthwise_conv2d_grad_input", depthwise_conv2d_grad_input, nullptr})
}  // namespace pyneural::cuda
