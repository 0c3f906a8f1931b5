// Depthwise convolution (one filter per channel) and its gradients: vectors over channels.
#include "cpu/conv_partials.h"
#include "cpu/conv_phase.h"
#include "cpu/gemm.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// Vectors of channels and pixels (or taps) of a register tile.
constexpr int kVectors = PN_VECTOR_REGISTERS == 32 ? 2 : 1;
constexpr int kTile = 9;

// Channels [first, first + width) of all blocks' work below.
template <class T>
constexpr int64_t kWidth = kVectors * kLanes<T>;

template <class T>
PN_INLINE Vec<T> load_channels(const T* p, int v, int64_t width) {
  const int64_t left = width - v * kLanes<T>;
  if (left >= kLanes<T>) return load(p + v * kLanes<T>);
  return load_first(p + v * kLanes<T>, left > 0 ? static_cast<int>(left) : 0);
}
template <class T>
PN_INLINE void store_channels(T* p, int v, int64_t width, Vec<T> x) {
  const int64_t left = width - v * kLanes<T>;
  if (left >= kLanes<T>) {
    store(p + v * kLanes<T>, x);
  } else if (left > 0) {
    store_first(p + v * kLanes<T>, x, static_cast<int>(left));
  }
}

template <class T>
struct Depthwise {
  Window window;
  const T* x;
  const T* weights;  // [tap, channels]
  const T* bias;
  Activation activation;
  T* y;
  int64_t column_pitch, row_pitch, image_pitch;  // of y
};

template <class T>
struct Taps {
  const int64_t* source;  // [count]
  const int64_t* weight;  // [count]
  int64_t count;
};

// kTile pixels, kWidth channels; Full: all of them exist.
template <class T, bool Full>
PN_INLINE void pixel_tile(const Depthwise<T>& d, const T* source, const int64_t* pixel, const Taps<T>& taps,
                          int64_t channel, int64_t width, T* y, const int64_t* output) {
  if (Full) width = kWidth<T>;
  Vec<T> acc[kTile][kVectors];
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v) {
    const Vec<T> bias = d.bias ? load_channels<T>(d.bias + channel, v, width) : Vec<T>{};
#pragma GCC unroll 9
    for (int m = 0; m < kTile; ++m) acc[m][v] = bias;
  }
  for (int64_t t = 0; t < taps.count; ++t) {
    const T* const from = source + taps.source[t] + channel;
    const T* const weight = d.weights + taps.weight[t] + channel;
    Vec<T> w[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) w[v] = load_channels<T>(weight, v, width);
#pragma GCC unroll 9
    for (int m = 0; m < kTile; ++m) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) acc[m][v] = fma(load_channels<T>(from + pixel[m], v, width), w[v], acc[m][v]);
    }
  }
  const Vec<T> limit = broadcast<T>(d.activation == Activation::relu ? T(0) : -static_cast<T>(__builtin_inf()));
#pragma GCC unroll 9
  for (int m = 0; m < kTile; ++m) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      store_channels<T>(y + output[m] + channel, v, width, select(acc[m][v] < limit, limit, acc[m][v]));
    }
  }
}

PN_INLINE int64_t convolve_offsets(const Window& window) { return 2 * round_up(largest_block(window), kTile); }

template <class T>
void convolve(const Depthwise<T>& d, const int64_t* tap_source, const int64_t* tap_weight, double flops,
              int64_t* offsets) {
  const Window& window = d.window;
  if (window.blocks == 0) return;
  int64_t* const pixel = offsets;
  int64_t* const output = pixel + round_up(largest_block(window), kTile);
  pixel_offsets(window, pixel);
  int64_t* next = output;
  for (int64_t n = 0; n < window.block_images; ++n) {
    for (int64_t i = 0; i < window.block_rows; ++i) {
      for (int64_t j = 0; j < window.w.outputs; ++j) {
        *next++ = n * d.image_pitch + i * d.row_pitch + j * d.column_pitch;
      }
    }
  }
  const Taps<T> taps{tap_source, tap_weight, window.h.taps * window.w.taps};
  const int threads =
      threads_for(flops, 2.0 * window.images * window.h.outputs * window.w.outputs * window.channels * sizeof(T));
  parallel_chunks(window.blocks, threads, window.scratch * sizeof(T), [&](int64_t chunk, void* scratch) {
    const Block block = block_at(window, chunk);
    const T* const source = block_source(window, block, d.x, static_cast<T*>(scratch));
    const int64_t pixels = block_pixels(window, block);
    T* const y = d.y + block.image * d.image_pitch + block.row * d.row_pitch;
    // The last tile repeats the last pixel: it computes and stores the same values again.
    int64_t last_pixel[kTile], last_output[kTile];
    const int64_t full = pixels / kTile * kTile;
    for (int m = 0; m < kTile; ++m) {
      const int64_t at = full + m < pixels ? full + m : pixels - 1;
      last_pixel[m] = pixel[at];
      last_output[m] = output[at];
    }
    for (int64_t channel = 0; channel < window.channels; channel += kWidth<T>) {
      const int64_t width = window.channels - channel;
      for (int64_t p = 0; p < pixels; p += kTile) {
        const int64_t* const from = p < full ? pixel + p : last_pixel;
        const int64_t* const to = p < full ? output + p : last_output;
        if (width >= kWidth<T>) {
          pixel_tile<T, true>(d, source, from, taps, channel, width, y, to);
        } else {
          pixel_tile<T, false>(d, source, from, taps, channel, width, y, to);
        }
      }
    }
    if (d.activation != Activation::linear && d.activation != Activation::relu) {
      for (int64_t p = 0; p < pixels; ++p) {
        apply_epilogue(1, window.channels, y + output[p], window.channels, nullptr, d.activation);
      }
    }
  });
}

template <class T>
Window forward_window(const ConvGeometry& g) {
  const int64_t pixels = g.images * g.h.outputs * g.w.outputs;
  return make_window(g.h, g.w, g.images, g.channels, block_target(conv_flops(g), pixels),
                     block_elements<T>(conv_weights(g)));
}

PN_INLINE ConvGeometry forward_geometry(const KernelArgs& args) {
  return conv_geometry(args.param<Conv2DParams>(), args.in[0].dims[3], args.out[0]);
}

template <class T>
void forward(const KernelArgs& args) {
  const ConvGeometry g = forward_geometry(args);
  const Window window = forward_window<T>(g);
  const int64_t taps = g.h.taps * g.w.taps;
  int64_t* const source = static_cast<int64_t*>(args.workspace);
  int64_t* const weight = source + taps;
  for (int64_t t = 0; t < taps; ++t) {
    source[t] = tap_offset(window, t / g.w.taps, t % g.w.taps);
    weight[t] = t * g.channels;
  }
  const int64_t row = g.w.outputs * g.channels;
  convolve(Depthwise<T>{.window = window,
                        .x = args.in[0].as<T>(),
                        .weights = args.in[1].as<T>(),
                        .bias = args.in[2].as<T>(),
                        .activation = args.param<Conv2DParams>().activation,
                        .y = args.out[0].as<T>(),
                        .column_pitch = g.channels,
                        .row_pitch = row,
                        .image_pitch = g.h.outputs * row},
           source, weight, conv_flops(g), weight + taps);
}

template <class T>
size_t forward_workspace(const KernelArgs& args) {
  const ConvGeometry g = forward_geometry(args);
  return (2 * g.h.taps * g.w.taps + convolve_offsets(forward_window<T>(g))) * sizeof(int64_t);
}

PN_INLINE ConvGeometry grad_input_geometry(const KernelArgs& args) {
  return conv_geometry(args.param<Conv2DParams>(), args.out[0].dims[3], args.in[0]);
}

template <class T>
Window phase_window(const ConvGeometry& g, const Phase& h, const Phase& w) {
  const double flops = conv_flops(g) / (g.h.stride * g.w.stride);
  const int64_t target = block_target(flops, g.images * h.window.outputs * w.window.outputs);
  return make_window(h.window, w.window, g.images, g.channels, target, block_elements<T>(conv_weights(g)));
}

template <class T>
size_t grad_input_workspace(const KernelArgs& args) {
  const ConvGeometry g = grad_input_geometry(args);
  int64_t offsets = 0;
  for (int64_t i = 0; i < g.h.stride; ++i) {
    for (int64_t j = 0; j < g.w.stride; ++j) {
      const Phase h = phase_of(g.h, i), w = phase_of(g.w, j);
      if (h.window.taps * w.window.taps == 0) continue;
      const int64_t needed = convolve_offsets(phase_window<T>(g, h, w));
      if (needed > offsets) offsets = needed;
    }
  }
  return (2 * g.h.taps * g.w.taps + offsets) * sizeof(int64_t);
}

template <class T>
void grad_input(const KernelArgs& args) {
  const ConvGeometry g = grad_input_geometry(args);
  // Inputs that no window touches have no phase.
  if (g.h.stride > 1 || g.w.stride > 1 || args.in[0].size == 0) fill_zero(args.out[0].as<T>(), args.out[0].size);
  if (args.in[0].size == 0) return;
  int64_t* const source = static_cast<int64_t*>(args.workspace);
  int64_t* const weight = source + g.h.taps * g.w.taps;
  const int64_t row = g.w.source * g.channels;
  for (int64_t i = 0; i < g.h.stride; ++i) {
    for (int64_t j = 0; j < g.w.stride; ++j) {
      const Phase h = phase_of(g.h, i), w = phase_of(g.w, j);
      const int64_t taps = h.window.taps * w.window.taps;
      if (taps == 0) continue;
      const Window window = phase_window<T>(g, h, w);
      for (int64_t t = 0; t < taps; ++t) {
        const int64_t y = t / w.window.taps, x = t % w.window.taps;
        source[t] = tap_offset(window, y, x);
        weight[t] = ((h.last_tap - y * h.tap_step) * g.w.taps + w.last_tap - x * w.tap_step) * g.channels;
      }
      convolve(Depthwise<T>{.window = window,
                            .x = args.in[0].as<T>(),
                            .weights = args.in[1].as<T>(),
                            .bias = nullptr,
                            .activation = Activation::linear,
                            .y = args.out[0].as<T>() + h.first * row + w.first * g.channels,
                            .column_pitch = g.w.stride * g.channels,
                            .row_pitch = g.h.stride * row,
                            .image_pitch = g.h.source * row},
               source, weight, conv_flops(g) / (g.h.stride * g.w.stride), weight + g.h.taps * g.w.taps);
    }
  }
}

struct GradKernelPlan {
  ConvGeometry g;
  Window window;
  Splits splits;
};

template <class T>
GradKernelPlan grad_kernel_plan(const KernelArgs& args) {
  GradKernelPlan p;
  p.g = conv_geometry(args.param<Conv2DParams>(), args.in[0].dims[3], args.in[1]);
  p.window = forward_window<T>(p.g);
  const int64_t pixels = p.g.images * p.g.h.outputs * p.g.w.outputs;
  p.splits =
      choose_splits(conv_flops(p.g), pixels, p.window.blocks, p.g.h.taps * p.g.w.taps * p.g.channels * sizeof(T), 1);
  return p;
}

template <class T>
int64_t partial_elements(const GradKernelPlan& p) {
  return round_up((p.splits.blocks - 1) * p.g.h.taps * p.g.w.taps * p.g.channels, 16);
}

template <class T>
size_t grad_kernel_workspace(const KernelArgs& args) {
  const GradKernelPlan p = grad_kernel_plan<T>(args);
  return partial_elements<T>(p) * sizeof(T) + (largest_block(p.window) + p.g.h.taps * p.g.w.taps) * sizeof(int64_t);
}

// The gradient of up to kTile taps: out[tap, channel] (+)= sum over pixels of source * grad.
template <class T, bool Full>
PN_INLINE void tap_tile(const T* source, const T* grad, const int64_t* pixel, int64_t pixels, const int64_t* tap,
                        int64_t taps, int64_t channels, int64_t width, T* out, bool accumulate) {
  if (Full) width = kWidth<T>;
  const T* from[kTile];
  Vec<T> acc[kTile][kVectors] = {};
  for (int t = 0; t < kTile; ++t) from[t] = source + tap[t < taps ? t : 0];
  for (int64_t p = 0; p < pixels; ++p) {
    Vec<T> g[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) g[v] = load_channels<T>(grad + p * channels, v, width);
#pragma GCC unroll 9
    for (int t = 0; t < kTile; ++t) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v)
        acc[t][v] = fma(load_channels<T>(from[t] + pixel[p], v, width), g[v], acc[t][v]);
    }
  }
#pragma GCC unroll 9
  for (int t = 0; t < kTile; ++t) {
    if (t >= taps) break;
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      if (accumulate) acc[t][v] = acc[t][v] + load_channels<T>(out + t * channels, v, width);
      store_channels<T>(out + t * channels, v, width, acc[t][v]);
    }
  }
}

template <class T>
void grad_kernel(const KernelArgs& args) {
  const GradKernelPlan plan = grad_kernel_plan<T>(args);
  const ConvGeometry& g = plan.g;
  const Window& window = plan.window;
  T* const out = args.out[0].as<T>();
  if (window.blocks == 0) return fill_zero(out, args.out[0].size);
  const int64_t taps = g.h.taps * g.w.taps, size = taps * g.channels;
  T* const partials = static_cast<T*>(args.workspace);
  int64_t* const pixel = reinterpret_cast<int64_t*>(partials + partial_elements<T>(plan));
  int64_t* const tap = pixel + largest_block(window);
  pixel_offsets(window, pixel);
  for (int64_t t = 0; t < taps; ++t) tap[t] = tap_offset(window, t / g.w.taps, t % g.w.taps);
  const T* const x = args.in[0].as<T>();
  const T* const grad = args.in[1].as<T>();
  const int64_t splits = plan.splits.blocks;
  const int threads = threads_for(conv_flops(g), args.in[1].size * sizeof(T) * 2.0);
  parallel_chunks(splits, threads, window.scratch * sizeof(T), [&](int64_t split, void* scratch) {
    const int64_t first = window.blocks * split / splits, end = window.blocks * (split + 1) / splits;
    T* const sum = split == 0 ? out : partials + (split - 1) * size;
    for (int64_t at = first; at < end; ++at) {
      const Block block = block_at(window, at);
      const T* const source = block_source(window, block, x, static_cast<T*>(scratch));
      const int64_t pixels = block_pixels(window, block);
      const T* const from = grad + (block.image * g.h.outputs + block.row) * g.w.outputs * g.channels;
      for (int64_t c = 0; c < g.channels; c += kWidth<T>) {
        const int64_t width = g.channels - c;
        for (int64_t t = 0; t < taps; t += kTile) {
          T* const to = sum + t * g.channels + c;
          if (width >= kWidth<T>) {
            tap_tile<T, true>(source + c, from + c, pixel, pixels, tap + t, taps - t, g.channels, width, to,
                              at > first);
          } else {
            tap_tile<T, false>(source + c, from + c, pixel, pixels, tap + t, taps - t, g.channels, width, to,
                               at > first);
          }
        }
      }
    }
  });
  add_partials(out, partials, splits - 1, size);
}

template <void (*Single)(const KernelArgs&), void (*Double)(const KernelArgs&)>
void by_dtype(const KernelArgs& args) {
  args.out[0].dtype == DType::float32 ? Single(args) : Double(args);
}
template <size_t (*Single)(const KernelArgs&), size_t (*Double)(const KernelArgs&)>
size_t by_dtype(const KernelArgs& args) {
  return args.out[0].dtype == DType::float32 ? Single(args) : Double(args);
}

}  // namespace

PN_KERNELS(depthwise_conv2d,
           {"depthwise_conv2d", by_dtype<forward<float>, forward<double>>,
            by_dtype<forward_workspace<float>, forward_workspace<double>>},
           {"depthwise_conv2d_grad_input", by_dtype<grad_input<float>, grad_input<double>>,
            by_dtype<grad_input_workspace<float>, grad_input_workspace<double>>},
           {"depthwise_conv2d_grad_kernel", by_dtype<grad_kernel<float>, grad_kernel<double>>,
            by_dtype<grad_kernel_workspace<float>, grad_kernel_workspace<double>>})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
