// Gradient of a convolution's input: one dense convolution of the output's gradient with flipped, transposed weights
// for each phase of the stride.
#include "cpu/conv_phase.h"
#include "cpu/convolve.h"
#include "cpu/transpose.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

template <class T>
Window phase_window(const ConvGeometry& g, const Phase& h, const Phase& w) {
  WindowAxis rows = h.window, columns = w.window;
  int64_t images = g.images;
  if (g.h.stride == 1 && g.w.stride == 1) flatten_dense(&rows, &columns, &images);
  const double flops = conv_flops(g) / (g.h.stride * g.w.stride);
  const int64_t target = block_target(flops, images * rows.outputs * columns.outputs);
  return make_window(rows, columns, images, g.filters, target, block_elements<T>(conv_weights(g)));
}

template <class T>
ConvGeometry geometry(const KernelArgs& args) {
  return conv_geometry(args.param<Conv2DParams>(), args.out[0].dims[3], args.in[0]);
}

// Each tap belongs to one phase of each axis, so the phases' packed weights together are as large as the kernel.
template <class T>
int64_t packed_elements(const ConvGeometry& g) {
  const int64_t depth = g.h.taps * g.w.taps * (g.filters / g.groups);
  return g.groups * packed_group<T>(depth, g.channels / g.groups);
}

template <class T>
size_t workspace_of(const KernelArgs& args) {
  const ConvGeometry g = geometry<T>(args);
  int64_t offsets = 0;
  for (int64_t i = 0; i < g.h.stride; ++i) {
    for (int64_t j = 0; j < g.w.stride; ++j) {
      const Phase h = phase_of(g.h, i), w = phase_of(g.w, j);
      const int64_t depth = h.window.taps * w.window.taps * (g.filters / g.groups);
      if (depth == 0) continue;
      const int64_t needed = convolve_offsets(phase_window<T>(g, h, w), depth);
      if (needed > offsets) offsets = needed;
    }
  }
  return round_up(packed_elements<T>(g) * sizeof(T), 64) + offsets * sizeof(int64_t);
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

// packed[group][panel][tap, filter][channel], taps in the order of the phase.
template <class T>
void pack(const ConvGeometry& g, const Phase& h, const Phase& w, const T* kernel, T* packed) {
  const int64_t channels = g.channels / g.groups, filters = g.filters / g.groups;
  const int64_t taps = h.window.taps * w.window.taps, depth = taps * filters;
  const int64_t panels = (channels + kGatherPanel<T> - 1) / kGatherPanel<T>;
  const int threads = threads_for(0, 2.0 * g.groups * depth * channels * sizeof(T));
  parallel_range(g.groups * panels * taps, 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      const int64_t tap = at % taps, panel = at / taps;
      const int64_t group = panel / panels, first = panel % panels * kGatherPanel<T>;
      const int64_t width = panel_width<T>(channels, first), ldb = round_up(width, kLanes<T>);
      const int64_t kh = h.last_tap - tap / w.window.taps * h.tap_step;
      const int64_t kw = w.last_tap - tap % w.window.taps * w.tap_step;
      const T* const from = kernel + ((kh * g.w.taps + kw) * channels + first) * g.filters + group * filters;
      T* const to = packed + group * packed_group<T>(depth, channels) + depth * first + tap * filters * ldb;
      transpose_padded(from, g.filters, width, filters, to, ldb);
    }
  });
}

// packed[channel][tap, filter], taps in the order of the phase.
template <class T>
void pack_dots(const ConvGeometry& g, const Phase& h, const Phase& w, const T* kernel, T* packed) {
  const int64_t channels = g.channels / g.groups, filters = g.filters / g.groups;
  for (int64_t channel = 0; channel < g.channels; ++channel) {
    for (int64_t i = 0; i < h.window.taps; ++i) {
      for (int64_t j = 0; j < w.window.taps; ++j, packed += filters) {
        const int64_t tap = (h.last_tap - i * h.tap_step) * g.w.taps + w.last_tap - j * w.tap_step;
        const T* const from = kernel + (tap * channels + channel % channels) * g.filters + channel / channels * filters;
        __builtin_memcpy(packed, from, filters * sizeof(T));
      }
    }
  }
}

template <class T>
void run(const KernelArgs& args) {
  const ConvGeometry g = geometry<T>(args);
  const int64_t channels = g.channels / g.groups, filters = g.filters / g.groups;
  T* packed = static_cast<T*>(args.workspace);
  char* const end = static_cast<char*>(args.workspace) + round_up(packed_elements<T>(g) * sizeof(T), 64);
  const bool dense = g.h.stride == 1 && g.w.stride == 1;
  // Inputs that no window touches, between the windows or behind them, have no phase of their own.
  if (!dense || args.in[0].size == 0) fill_zero(args.out[0].as<T>(), args.out[0].size);
  if (args.in[0].size == 0) return;
  const int64_t row = g.w.source * g.channels;
  for (int64_t i = 0; i < g.h.stride; ++i) {
    for (int64_t j = 0; j < g.w.stride; ++j) {
      const Phase h = phase_of(g.h, i), w = phase_of(g.w, j);
      const int64_t taps = h.window.taps * w.window.taps, depth = taps * filters;
      if (depth == 0) continue;
      const Window window = phase_window<T>(g, h, w);
      if (window.blocks == 0) continue;
      if (uses_dots<T>(channels, filters)) {
        pack_dots(g, h, w, args.in[1].as<T>(), packed);
      } else {
        pack(g, h, w, args.in[1].as<T>(), packed);
      }
      const int64_t row_pitch = dense ? window.w.outputs * g.channels : g.h.stride * row;
      convolve(Convolution<T>{.window = window,
                              .groups = g.groups,
                              .depth = depth,
                              .filters = channels,
                              .x = args.in[0].as<T>(),
                              .weights = packed,
                              .ldb = 0,
                              .bias = nullptr,
                              .activation = Activation::linear,
                              .y = args.out[0].as<T>() + h.first * row + w.first * g.channels,
                              .column_pitch = g.w.stride * g.channels,
                              .row_pitch = row_pitch,
                              .image_pitch = dense ? window.h.outputs * row_pitch : g.h.source * row},
               conv_flops(g) / (g.h.stride * g.w.stride), reinterpret_cast<int64_t*>(end));
      packed += g.groups * packed_group<T>(depth, channels);
    }
  }
}

void conv2d_grad_input(const KernelArgs& args) {
  if (args.out[0].dtype == DType::float32) return run<float>(args);
  run<double>(args);
}
size_t conv2d_grad_input_workspace(const KernelArgs& args) {
  return args.out[0].dtype == DType::float32 ? workspace_of<float>(args) : workspace_of<double>(args);
}

}  // namespace

PN_KERNELS(conv2d_grad_input, {"conv2d_grad_input", conv2d_grad_input, conv2d_grad_input_workspace})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
