// Depthwise convolution (one filter per channel) and the gradient of its input.
#include "cpu/conv_phase.h"
#include "cpu/depthwise_row.h"
#include "cpu/gemm.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

template <class T>
struct Depthwise {
  WindowAxis h, w;
  int64_t channels;
  const T* x;
  const T* weights;  // of the first tap; those of the next in a column and in a row lie so many elements further
  int64_t weight_row, weight_column;
  const T* bias;
  Activation activation;
  T* y;
  int64_t column_pitch, row_pitch, image_pitch;  // of y
};

template <class T>
struct OutputRow {
  DepthwiseRow<T> in;
  const T* weights;
  int64_t weight_row, weight_column;
  const T* bias;
  T limit;  // linear is a lower limit of minus infinity
  T* y;
  int64_t column_pitch;
};

// Outputs [output, output + Count), one vector of channels.
template <class Shape, int Count, bool Edge, class T, class Lanes>
PN_INLINE void output_tile(const OutputRow<T>& row, int64_t output, int64_t channel, const Lanes& lanes) {
  const WindowAxis& w = row.in.w;
  const int64_t column = output * w.stride + w.offset;
  const T* x = row.in.x + channel;
  const T* weights = row.weights + channel;
  Vec<T> acc[Count];
  const Vec<T> bias = row.bias ? lanes.load(row.bias + channel) : Vec<T>{};
#pragma GCC unroll 8
  for (int j = 0; j < Count; ++j) acc[j] = bias;
  for (int64_t i = 0; i < row.in.rows; ++i, x += row.in.x_step, weights += row.weight_row) {
    if constexpr (Shape::taps > 0) {
      constexpr int columns = (Count - 1) * Shape::stride + Shape::taps;
      Vec<T> weight[Shape::taps];
#pragma GCC unroll 8
      for (int t = 0; t < Shape::taps; ++t) weight[t] = lanes.load(weights + t * row.weight_column);
#pragma GCC unroll 32
      for (int k = 0; k < columns; ++k) {
        const Vec<T> value = in_register(load_column<Edge>(row.in, x, column + k, lanes));
#pragma GCC unroll 8
        for (int t = 0; t < Shape::taps; ++t) {
          const int distance = k - t, j = distance / Shape::stride;
          if (distance >= 0 && distance % Shape::stride == 0 && j < Count) acc[j] = fma(value, weight[t], acc[j]);
        }
      }
    } else {
      for (int64_t t = 0; t < w.taps; ++t) {
        const Vec<T> weight = lanes.load(weights + t * row.weight_column);
#pragma GCC unroll 8
        for (int j = 0; j < Count; ++j) {
          const Vec<T> value = load_column<Edge>(row.in, x, column + j * w.stride + t * w.dilation, lanes);
          acc[j] = fma(value, weight, acc[j]);
        }
      }
    }
  }
  fetch_next_row<Count>(row.in, column, channel);
  const Vec<T> limit = broadcast(row.limit);
  T* const y = row.y + output * row.column_pitch + channel;
#pragma GCC unroll 8
  for (int j = 0; j < Count; ++j) lanes.store(y + j * row.column_pitch, select(acc[j] < limit, limit, acc[j]));
}

template <class Shape, int Count, bool Edge, class T>
__attribute__((noinline)) void output_tiles(const OutputRow<T>& row, int64_t output, int64_t first, int64_t end) {
  constexpr int lanes = kLanes<T>;
  if (row.in.channels < lanes) {
    return output_tile<Shape, Count, Edge>(row, output, 0, FirstLanes{static_cast<int>(row.in.channels)});
  }
  for (int64_t c = first; c < end; c += lanes) {
    // The last vector may compute some channels again.
    output_tile<Shape, Count, Edge>(row, output, c + lanes <= end ? c : end - lanes, AllLanes{});
  }
}

// Neighbouring tiles of a row that see all taps and no edge: a vector of channels at a time, whose weights stay in
// registers.
template <class Shape, int Count, class T>
__attribute__((noinline)) void output_run(const OutputRow<T>& of_row, int64_t output, int64_t tiles, int64_t first,
                                          int64_t end) {
  constexpr int lanes = kLanes<T>, taps = Shape::taps, stride = Shape::stride;
  constexpr int columns = (Count - 1) * stride + taps;
  const OutputRow<T> row = of_row;  // a copy that stores cannot change
  const int64_t channels = row.in.channels, x_step = row.in.x_step, pitch = row.column_pitch;
  const Vec<T> limit = broadcast(row.limit);
  for (int64_t c = first; c < end; c += lanes) {
    const int64_t channel = c + lanes <= end ? c : end - lanes;
    Vec<T> weight[taps][taps];
#pragma GCC unroll 8
    for (int i = 0; i < taps; ++i) {
#pragma GCC unroll 8
      for (int t = 0; t < taps; ++t) {
        weight[i][t] = in_register(load(row.weights + i * row.weight_row + t * row.weight_column + channel));
      }
    }
    const Vec<T> bias = row.bias ? load(row.bias + channel) : Vec<T>{};
    const T* x = row.in.x + (output * stride + row.in.w.offset) * channels + channel;
    T* y = row.y + output * pitch + channel;
    for (int64_t tile = 0; tile < tiles; ++tile, x += Count * stride * channels, y += Count * pitch) {
      Vec<T> acc[Count];
#pragma GCC unroll 8
      for (int j = 0; j < Count; ++j) acc[j] = bias;
#pragma GCC unroll 8
      for (int i = 0; i < taps; ++i) {
#pragma GCC unroll 32
        for (int k = 0; k < columns; ++k) {
          const Vec<T> value = in_register(load(x + i * x_step + k * channels));
#pragma GCC unroll 8
          for (int t = 0; t < taps; ++t) {
            const int distance = k - t, j = distance / stride;
            if (distance >= 0 && distance % stride == 0 && j < Count) acc[j] = fma(value, weight[i][t], acc[j]);
          }
        }
      }
      const T* const next = x + taps * x_step + (taps - 1) * channels;
#pragma GCC unroll 8
      for (int j = 0; j < Count; ++j) {
        __builtin_prefetch(next + j * stride * channels);
        store(y + j * pitch, select(acc[j] < limit, limit, acc[j]));
      }
    }
  }
}

// Channels [first, end) of the outputs [begin, stop) of a row, in tiles of Count.
template <int Count, class T>
PN_INLINE void output_strip(const OutputRow<T>& row, int64_t begin, int64_t stop, int64_t first, int64_t end) {
  const WindowAxis& w = row.in.w;
  for (int64_t j = begin; j < stop;) {
    // The last tile of a row may compute some outputs again.
    const int64_t output = j + Count <= w.outputs ? j : w.outputs - Count;
    int64_t done = 1;
    if constexpr (Count == 1) {
      output_tiles<Shape<0, 1>, 1, true>(row, output, first, end);
    } else {
      choose_shape(w, at_edge(w, output, Count), [&](auto shape, auto edge) PN_LAMBDA {
        using Known = decltype(shape);
        if constexpr (kKeepsTaps<Known, Count> && !edge.is) {
          const int64_t tiles = inner_tiles(w, j, stop, Count);
          if (tiles > 0 && row.in.rows == Known::taps && row.in.channels >= kLanes<T>) {
            done = tiles;
            return output_run<Known, Count>(row, j, tiles, first, end);
          }
        }
        output_tiles<Known, Count, edge.is>(row, output, first, end);
      });
    }
    j += done * Count;
  }
}

// Rows [begin, end) of the outputs of an image.
template <class T>
void convolve_rows(const Depthwise<T>& d, int64_t image, int64_t begin, int64_t end) {
  const T* const source = d.x + image * d.h.source * d.w.source * d.channels;
  T* const y = d.y + image * d.image_pitch;
  const int64_t block = channel_block<T>(d.channels), strip = strip_outputs<T>(d.h, d.w, d.channels);
  const int64_t tile = tile_outputs(d.w.outputs), outputs = d.w.outputs;
  for (int64_t first = 0; first < d.channels; first += block) {
    const int64_t stop = first + block < d.channels ? first + block : d.channels;
    // A last block that is not a whole vector takes part of the one before it.
    const int64_t from = stop - first < kLanes<T> && first > 0 ? stop - kLanes<T> : first;
    for (int64_t j = 0; j < outputs; j += strip) {
      const int64_t last = j + strip < outputs ? j + strip : outputs;
      for (int64_t i = begin; i < end; ++i) {
        const DepthwiseRow<T> in = depthwise_row(d.h, d.w, d.channels, source, i);
        const OutputRow<T> row{.in = in,
                               .weights = d.weights + in.first_tap * d.weight_row,
                               .weight_row = d.weight_row,
                               .weight_column = d.weight_column,
                               .bias = d.bias,
                               .limit = d.activation == Activation::relu ? T(0) : -static_cast<T>(__builtin_inf()),
                               .y = y + i * d.row_pitch,
                               .column_pitch = d.column_pitch};
        if (outputs < tile) {
          output_strip<1>(row, j, last, from, stop);
        } else if (tile == kWideTile) {
          output_strip<kWideTile>(row, j, last, from, stop);
        } else {
          output_strip<kNarrowTile>(row, j, last, from, stop);
        }
      }
    }
  }
  if (d.activation == Activation::linear || d.activation == Activation::relu) return;
  for (int64_t i = begin; i < end; ++i) {
    apply_epilogue(d.w.outputs, d.channels, y + i * d.row_pitch, d.column_pitch, nullptr, d.activation);
  }
}

template <class T>
void forward(const KernelArgs& args) {
  const auto& params = args.param<Conv2DParams>();
  const ConvGeometry g = conv_geometry(params, args.in[0].dims[3], args.out[0]);
  if (args.out[0].size == 0) return;
  const int64_t row = g.w.outputs * g.channels;
  const Depthwise<T> d{.h = g.h,
                       .w = g.w,
                       .channels = g.channels,
                       .x = args.in[0].as<T>(),
                       .weights = args.in[1].as<T>(),
                       .weight_row = g.w.taps * g.channels,
                       .weight_column = g.channels,
                       .bias = args.in[2].as<T>(),
                       .activation = params.activation,
                       .y = args.out[0].as<T>(),
                       .column_pitch = g.channels,
                       .row_pitch = row,
                       .image_pitch = g.h.outputs * row};
  const int64_t rows = depthwise_rows_per_chunk(g.h, g.w.source * g.channels * static_cast<int64_t>(sizeof(T)));
  const int64_t chunks = (g.h.outputs + rows - 1) / rows;
  const int threads = threads_for(conv_flops(g), static_cast<double>((args.in[0].size + args.out[0].size) * sizeof(T)));
  parallel_chunks(g.images * chunks, threads, 0, [&](int64_t chunk, void*) {
    const int64_t begin = chunk % chunks * rows;
    convolve_rows(d, chunk / chunks, begin, begin + rows < g.h.outputs ? begin + rows : g.h.outputs);
  });
}

// Does each input belong to a phase, that is, can a window touch it?
PN_INLINE bool has_all_phases(const WindowAxis& axis) {
  for (int64_t i = 0; i < axis.stride; ++i) {
    if (phase_of(axis, i).window.taps == 0) return false;
  }
  return true;
}

template <class T>
void grad_input(const KernelArgs& args) {
  const ConvGeometry g = conv_geometry(args.param<Conv2DParams>(), args.out[0].dims[3], args.in[0]);
  T* const out = args.out[0].as<T>();
  if (args.in[0].size == 0 || !has_all_phases(g.h) || !has_all_phases(g.w)) fill_zero(out, args.out[0].size);
  if (args.in[0].size == 0) return;
  const int64_t row = g.w.source * g.channels;
  // A chunk is some neighbouring rows of all phases.
  const int64_t phase_rows = (g.h.source + g.h.stride - 1) / g.h.stride;
  const int64_t rows = depthwise_rows_per_chunk(g.h, row * static_cast<int64_t>(sizeof(T)));
  const int64_t chunks = (phase_rows + rows - 1) / rows;
  const int threads = threads_for(conv_flops(g), static_cast<double>((args.in[0].size + args.out[0].size) * sizeof(T)));
  parallel_chunks(g.images * chunks, threads, 0, [&](int64_t chunk, void*) {
    for (int64_t i = 0; i < g.h.stride; ++i) {
      const Phase h = phase_of(g.h, i);
      const int64_t begin = chunk % chunks * rows;
      const int64_t end = begin + rows < h.window.outputs ? begin + rows : h.window.outputs;
      for (int64_t j = 0; j < g.w.stride; ++j) {
        const Phase w = phase_of(g.w, j);
        if (h.window.taps * w.window.taps == 0 || w.window.outputs == 0) continue;
        convolve_rows(Depthwise<T>{.h = h.window,
                                   .w = w.window,
                                   .channels = g.channels,
                                   .x = args.in[0].as<T>(),
                                   .weights = args.in[1].as<T>() + (h.last_tap * g.w.taps + w.last_tap) * g.channels,
                                   .weight_row = -h.tap_step * g.w.taps * g.channels,
                                   .weight_column = -w.tap_step * g.channels,
                                   .bias = nullptr,
                                   .activation = Activation::linear,
                                   .y = out + h.first * row + w.first * g.channels,
                                   .column_pitch = g.w.stride * g.channels,
                                   .row_pitch = g.h.stride * row,
                                   .image_pitch = g.h.source * row},
                      chunk / chunks, begin, end);
      }
    }
  });
}

}  // namespace

PN_KERNELS(depthwise_conv2d, {"depthwise_conv2d", by_dtype<forward<float>, forward<double>>, nullptr},
           {"depthwise_conv2d_grad_input", by_dtype<grad_input<float>, grad_input<double>>, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
