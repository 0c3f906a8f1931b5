// Gradient of a depthwise convolution's kernel: for each tap and channel, the sum over all pixels of input times output
// gradient. The sum over rows is cut into a number of splits fixed by the shape, added in order: the bits do not depend
// on the number of threads.
#include "cpu/conv_partials.h"
#include "cpu/depthwise_row.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

struct GradKernelPlan {
  ConvGeometry g;
  int64_t rows, chunks;  // of an image
  Splits splits;
};

template <class T>
GradKernelPlan plan(const KernelArgs& args) {
  GradKernelPlan p;
  p.g = conv_geometry(args.param<Conv2DParams>(), args.in[0].dims[3], args.in[1]);
  p.rows = depthwise_rows_per_chunk(p.g.h, p.g.w.source * p.g.channels * static_cast<int64_t>(sizeof(T)));
  p.chunks = (p.g.h.outputs + p.rows - 1) / p.rows;
  p.splits = choose_splits(conv_flops(p.g), p.g.images * p.g.h.outputs * p.g.w.outputs, p.g.images * p.chunks,
                           p.g.h.taps * p.g.w.taps * p.g.channels * static_cast<int64_t>(sizeof(T)), 1);
  return p;
}

template <class T>
size_t workspace_of(const KernelArgs& args) {
  const GradKernelPlan p = plan<T>(args);
  return (p.splits.blocks - 1) * p.g.h.taps * p.g.w.taps * p.g.channels * sizeof(T);
}

template <class T>
struct GradRow {
  DepthwiseRow<T> in;
  const T* grad;
  T* sum;  // of the first tap
  int64_t sum_row;
};

// sum += input * gradient for outputs [output, output + Count), one vector of channels.
template <class Shape, int Count, bool Edge, class T, class Lanes>
PN_INLINE void sum_tile(const GradRow<T>& row, int64_t output, int64_t channel, const Lanes& lanes) {
  const int64_t column = output * Shape::stride + row.in.w.offset, channels = row.in.channels;
  const T* x = row.in.x + channel;
  T* sum = row.sum + channel;
  fetch_next_row<Count>(row.in, column, channel);
  Vec<T> grad[Count];
#pragma GCC unroll 8
  for (int j = 0; j < Count; ++j) {
    const T* const from = row.grad + (output + j) * channels + channel;
    grad[j] = lanes.load(from);
    __builtin_prefetch(from + row.in.w.outputs * channels);
  }
  for (int64_t i = 0; i < row.in.rows; ++i, x += row.in.x_step, sum += row.sum_row) {
    constexpr int columns = (Count - 1) * Shape::stride + Shape::taps;
    Vec<T> acc[Shape::taps];
#pragma GCC unroll 8
    for (int t = 0; t < Shape::taps; ++t) acc[t] = lanes.load(sum + t * channels);
#pragma GCC unroll 32
    for (int k = 0; k < columns; ++k) {
      const Vec<T> value = in_register(load_column<Edge>(row.in, x, column + k, lanes));
#pragma GCC unroll 8
      for (int t = 0; t < Shape::taps; ++t) {
        const int distance = k - t, j = distance / Shape::stride;
        if (distance >= 0 && distance % Shape::stride == 0 && j < Count) acc[t] = fma(value, grad[j], acc[t]);
      }
    }
#pragma GCC unroll 8
    for (int t = 0; t < Shape::taps; ++t) lanes.store(sum + t * channels, acc[t]);
  }
}

// The same for any number of taps and outputs.
template <bool Edge, class T, class Lanes>
PN_INLINE void sum_outputs(const GradRow<T>& row, int64_t output, int64_t count, int64_t channel, const Lanes& lanes) {
  const WindowAxis& w = row.in.w;
  const int64_t channels = row.in.channels;
  const T* const grad = row.grad + output * channels + channel;
  for (int64_t i = 0; i < row.in.rows; ++i) {
    const T* const x = row.in.x + i * row.in.x_step + channel;
    for (int64_t t = 0; t < w.taps; ++t) {
      T* const sum = row.sum + i * row.sum_row + t * channels + channel;
      int64_t column = output * w.stride + w.offset + t * w.dilation;
      Vec<T> acc = lanes.load(sum);
      for (int64_t j = 0; j < count; ++j, column += w.stride) {
        acc = fma(load_column<Edge>(row.in, x, column, lanes), lanes.load(grad + j * channels), acc);
      }
      lanes.store(sum, acc);
    }
  }
}

template <class Shape, int Count, bool Edge, class T>
__attribute__((noinline)) void sum_tiles(const GradRow<T>& row, int64_t output, int64_t count, int64_t first,
                                         int64_t end) {
  for_lanes<T>(first, end, [&](int64_t c, auto lanes) PN_LAMBDA {
    if constexpr (Shape::taps > 0) {
      if (count == Count) return sum_tile<Shape, Count, Edge>(row, output, c, lanes);
    }
    sum_outputs<Edge>(row, output, count, c, lanes);
  });
}

// Channels [first, end) of the outputs [begin, stop) of a row, in tiles of Count.
template <int Count, class T>
PN_INLINE void sum_strip(const GradRow<T>& row, int64_t begin, int64_t stop, int64_t first, int64_t end) {
  const WindowAxis& w = row.in.w;
  for (int64_t j = begin; j < stop; j += Count) {
    const int64_t count = stop - j < Count ? stop - j : Count;
    choose_shape(w, at_edge(w, j, count), [&](auto shape, auto edge) PN_LAMBDA {
      sum_tiles<decltype(shape), Count, edge.is>(row, j, count, first, end);
    });
  }
}

// Adds rows [begin, end) of the outputs of an image to the sum.
template <class T>
void sum_rows(const ConvGeometry& g, const T* image, const T* grad, int64_t begin, int64_t end, T* sum) {
  const int64_t outputs = g.w.outputs, block = channel_block<T>(g.channels);
  const int64_t strip = strip_outputs<T>(g.h, g.w, g.channels);
  for (int64_t first = 0; first < g.channels; first += block) {
    const int64_t stop = first + block < g.channels ? first + block : g.channels;
    for (int64_t j = 0; j < outputs; j += strip) {
      const int64_t last = j + strip < outputs ? j + strip : outputs;
      for (int64_t i = begin; i < end; ++i) {
        const DepthwiseRow<T> in = depthwise_row(g.h, g.w, g.channels, image, i);
        const GradRow<T> row{.in = in,
                             .grad = grad + i * outputs * g.channels,
                             .sum = sum + in.first_tap * g.w.taps * g.channels,
                             .sum_row = g.w.taps * g.channels};
        if (tile_outputs(outputs) == kWideTile) {
          sum_strip<kWideTile>(row, j, last, first, stop);
        } else {
          sum_strip<kNarrowTile>(row, j, last, first, stop);
        }
      }
    }
  }
}

template <class T>
void run(const KernelArgs& args) {
  const GradKernelPlan p = plan<T>(args);
  const ConvGeometry& g = p.g;
  T* const out = args.out[0].as<T>();
  if (args.in[1].size == 0) return fill_zero(out, args.out[0].size);
  const int64_t size = g.h.taps * g.w.taps * g.channels, splits = p.splits.blocks, chunks = g.images * p.chunks;
  T* const partials = static_cast<T*>(args.workspace);
  const T* const x = args.in[0].as<T>();
  const T* const grad = args.in[1].as<T>();
  const int threads = threads_for(conv_flops(g), static_cast<double>((args.in[0].size + args.in[1].size) * sizeof(T)));
  parallel_chunks(splits, threads, 0, [&](int64_t split, void*) {
    T* const sum = split == 0 ? out : partials + (split - 1) * size;
    fill_zero(sum, size);
    for (int64_t chunk = chunks * split / splits; chunk < chunks * (split + 1) / splits; ++chunk) {
      const int64_t image = chunk / p.chunks, begin = chunk % p.chunks * p.rows;
      const int64_t end = begin + p.rows < g.h.outputs ? begin + p.rows : g.h.outputs;
      sum_rows(g, x + image * g.h.source * g.w.source * g.channels,
               grad + image * g.h.outputs * g.w.outputs * g.channels, begin, end, sum);
    }
  });
  add_partials(out, partials, splits - 1, size);
}

}  // namespace

PN_KERNELS(depthwise_conv2d_grad_kernel, {"depthwise_conv2d_grad_kernel", by_dtype<run<float>, run<double>>,
                                          by_dtype<workspace_of<float>, workspace_of<double>>})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
