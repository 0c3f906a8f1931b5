// Gradient of a convolution's input: one dense convolution of the output's gradient with flipped, transposed weights
// for each phase of the stride.
#include "cpu/conv_phase.h"
#include "cpu/convolve.h"
#include "cpu/transpose.h"
#include "cpu/winograd_tiles.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

PN_INLINE bool is_dense(const ConvGeometry& g) { return g.h.stride == 1 && g.w.stride == 1; }

ConvolvePlan plan_phase(const ConvGeometry& g, const Phase& h, const Phase& w, int64_t item) {
  ConvolveShape s{.h = h.window,
                  .w = w.window,
                  .images = g.images,
                  .groups = g.groups,
                  .channels = g.filters / g.groups,
                  .filters = g.channels / g.groups,
                  .flops = conv_flops(g) / (g.h.stride * g.w.stride),
                  .transposed = true};
  if (is_dense(g)) flatten_dense(&s.h, &s.w, &s.images);
  return plan_convolution(s, item);
}

template <class T>
ConvGeometry geometry(const KernelArgs& args) {
  return conv_geometry(args.param<Conv2DParams>(), args.out[0].dims[3], args.in[0]);
}

template <class T>
size_t workspace_of(const KernelArgs& args) {
  const ConvGeometry g = geometry<T>(args);
  size_t most = 0;
  for (int64_t i = 0; i < g.h.stride; ++i) {
    for (int64_t j = 0; j < g.w.stride; ++j) {
      const Phase h = phase_of(g.h, i), w = phase_of(g.w, j);
      if (h.window.taps * w.window.taps == 0) continue;
      const size_t needed = convolve_workspace<T>(plan_phase(g, h, w, sizeof(T)));
      if (needed > most) most = needed;
    }
  }
  return most;
}

// to[columns][ldb] = transpose of from[rows][pitch], with zeros behind the rows up to whole vectors.
template <class T>
PN_INLINE void transpose_padded(const T* from, int64_t pitch, int64_t rows, int64_t columns, T* to, int64_t ldb) {
  constexpr int lanes = kLanes<T>;
  for (int64_t j = 0; j < columns; j += lanes) {
    const int count = static_cast<int>(columns - j < lanes ? columns - j : lanes);
    for (int64_t i = 0; i < rows; i += lanes) {
      Vec<T> block[lanes];
      for (int r = 0; r < lanes; ++r) {
        block[r] = i + r < rows ? load_first(from + (i + r) * pitch + j, count) : Vec<T>{};
      }
      transpose_lanes(block);
      for (int r = 0; r < count; ++r) store(to + (j + r) * ldb + i, block[r]);
    }
  }
}

// The columns of the product are channels of the input, its depth are taps in the order of the phase and filters.
template <class T>
struct Packer {
  const T* kernel;  // [tap][channels of a group][all filters]
  const ConvGeometry& g;
  const Phase &h, &w;

  int64_t tap_of(int64_t tap) const {
    const int64_t i = tap / w.window.taps, j = tap % w.window.taps;
    return (h.last_tap - i * h.tap_step) * g.w.taps + w.last_tap - j * w.tap_step;
  }
  void operator()(const WeightBlock& block, T* to) const {
    const int64_t row = tap_of(block.tap) * (g.channels / g.groups) + block.column;
    const T* const from = kernel + row * g.filters + block.group * (g.filters / g.groups) + block.channel;
    prefetch_rows(from, g.filters, block.columns, block.channels);
    transpose_padded(from, g.filters, block.columns, block.channels, to, round_up(block.columns, kLanes<T>));
  }
  T element(const WeightBlock& block, int64_t filter, int64_t channel) const {
    const int64_t row = tap_of(block.tap) * (g.channels / g.groups) + block.column + channel;
    return kernel[row * g.filters + block.group * (g.filters / g.groups) + block.channel + filter];
  }
  // to[channel][tap, filter]
  void dots(T* to) const {
    const int64_t channels = g.channels / g.groups, filters = g.filters / g.groups;
    for (int64_t channel = 0; channel < g.channels; ++channel) {
      for (int64_t tap = 0; tap < h.window.taps * w.window.taps; ++tap, to += filters) {
        const int64_t row = tap_of(tap) * channels + channel % channels;
        __builtin_memcpy(to, kernel + row * g.filters + channel / channels * filters, filters * sizeof(T));
      }
    }
  }
};

template <class T>
void run(const KernelArgs& args) {
  const ConvGeometry g = geometry<T>(args);
  const bool dense = is_dense(g);
  // Inputs that no window touches, between the windows or behind them, have no phase of their own.
  if (!dense || args.in[0].size == 0) fill_zero(args.out[0].as<T>(), args.out[0].size);
  if (args.in[0].size == 0) return;
  const int64_t row = g.w.source * g.channels;
  for (int64_t i = 0; i < g.h.stride; ++i) {
    for (int64_t j = 0; j < g.w.stride; ++j) {
      const Phase h = phase_of(g.h, i), w = phase_of(g.w, j);
      if (h.window.taps * w.window.taps == 0) continue;
      const ConvolvePlan p = plan_phase(g, h, w, sizeof(T));
      const int64_t row_pitch = dense ? p.window.w.outputs * g.channels : g.h.stride * row;
      const int64_t image_pitch = dense ? p.window.h.outputs * row_pitch : g.h.source * row;
      const ConvolveOperands<T> operands{.x = args.in[0].as<T>(),
                                         .weights = nullptr,
                                         .bias = nullptr,
                                         .activation = Activation::linear,
                                         .y = args.out[0].as<T>() + h.first * row + w.first * g.channels,
                                         .pitch = {g.w.stride * g.channels, row_pitch, image_pitch}};
      convolve(p, operands, Packer<T>{args.in[1].as<T>(), g, h, w}, args.workspace);
    }
  }
}

// Of the convolution of the output's gradient.
WinogradShape shape_of_gradient(const ConvGeometry& g) {
  const auto turned = [](const WindowAxis& axis) { return WinogradAxis{axis.outputs, axis.source, -axis.offset - 2}; };
  return {turned(g.h), turned(g.w), g.images, g.filters, g.channels};
}
bool by_winograd(const KernelArgs& args) {
  const ConvGeometry g = geometry<float>(args);
  return is_winograd(g, shape_of_gradient(g), Taps::transposed, args.out[0].dtype);
}
void run_winograd(const KernelArgs& args) {
  winograd({.shape = shape_of_gradient(geometry<float>(args)),
            .x = args.in[0].as<float>(),
            .kernel = args.in[1].as<float>(),
            .transposed = true,
            .bias = nullptr,
            .activation = Activation::linear,
            .y = args.out[0].as<float>(),
            .pools = false},
           args.workspace);
}

void conv2d_grad_input(const KernelArgs& args) {
  if (by_winograd(args)) return run_winograd(args);
  if (args.out[0].dtype == DType::float32) return run<float>(args);
  run<double>(args);
}
size_t conv2d_grad_input_workspace(const KernelArgs& args) {
  if (by_winograd(args)) return winograd_workspace(shape_of_gradient(geometry<float>(args)));
  return args.out[0].dtype == DType::float32 ? workspace_of<float>(args) : workspace_of<double>(args);
}

}  // namespace

PN_KERNELS(conv2d_grad_input, {"conv2d_grad_input", conv2d_grad_input, conv2d_grad_input_workspace})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
