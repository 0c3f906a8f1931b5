// Gradients of pooling: each window hands its gradient to its maximum, or an equal share to each of its positions.
#include "cpu/lanes.h"
#include "cpu/pool_columns.h"
#include "cpu/pool_geometry.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// Neighbouring windows of a row that have the same shape inside the image. Offsets and distances are in elements.
struct WindowRun {
  int64_t rows, columns;       // of a window
  int64_t outputs;             // how many windows
  int64_t in, at;              // the source and the output of the first
  int64_t channels;            // that are worked on
  int64_t pitch, pixel, next;  // between rows and pixels of the input, between sources of windows
  bool spills;                 // what is written behind the channels of a pixel is overwritten later
};

template <bool Add, class T, class Lanes>
PN_INLINE void put(T* to, Vec<T> share, const Lanes& lanes) {
  lanes.store(to, Add ? share + lanes.load(to) : share);
}

// The first position of a window that holds its maximum receives the gradient; Careful: the first NaN if there is one.
template <class T>
struct MaximumGrad {
  const T *grad, *x, *y;
  T* out;
  int64_t size;  // of y

  PN_INLINE bool has_nan(const MaximumGrad& g, const WindowRun& run) {
    Vec<T> check{};
    const T* y = g.y + run.at;
    for (int64_t j = 0; j < run.outputs; ++j, y += run.pixel) {
      for_lanes<T>(0, run.channels,
                   [&](int64_t c, auto lanes) PN_LAMBDA { check = fma(lanes.load(y + c), Vec<T>{}, check); });
    }
    return reduce_add(check) != T(0);
  }

  template <bool Add, bool Careful, int Rows, int Columns, int Count, class Lanes>
  PN_INLINE void window(const MaximumGrad& g, const WindowRun& run, int64_t in, int64_t at, const Lanes& lanes) {
    constexpr int step = kLanes<T>;
    const int64_t rows = Rows ? Rows : run.rows, columns = Columns ? Columns : run.columns;
    const int64_t pitch = run.pitch, pixel = run.pixel;
    const T* const x = g.x + in;
    T* const out = g.out + in;
    Vec<T> maximum[Count], left[Count];
#pragma GCC unroll 4
    for (int v = 0; v < Count; ++v) {
      maximum[v] = lanes.load(g.y + at + v * step);
      left[v] = lanes.load(g.grad + at + v * step);
    }
#pragma GCC unroll 3
    for (int64_t i = 0; i < rows; ++i) {
#pragma GCC unroll 3
      for (int64_t j = 0; j < columns; ++j) {
        const T* const from = x + i * pitch + j * pixel;
        T* const to = out + i * pitch + j * pixel;
#pragma GCC unroll 4
        for (int v = 0; v < Count; ++v) {
          const Vec<T> value = lanes.load(from + v * step);
          auto hit = value == maximum[v];
          if (Careful) hit = hit | (value != value);
          put<Add>(to + v * step, select(hit, left[v], Vec<T>{}), lanes);
          left[v] = select(hit, Vec<T>{}, left[v]);
        }
      }
    }
  }
};

template <class T>
struct AverageGrad {
  const T* grad;
  T* out;
  int64_t size;                  // of grad
  const RepeatedPixels* pixels;  // where 2 x 2 windows tile images of few channels, else nullptr

  PN_INLINE bool has_nan(const AverageGrad&, const WindowRun&) { return false; }

  template <bool Add, bool Careful, int Rows, int Columns, int Count, class Lanes>
  PN_INLINE void window(const AverageGrad& g, const WindowRun& run, int64_t in, int64_t at, const Lanes& lanes) {
    constexpr int step = kLanes<T>;
    const int64_t rows = Rows ? Rows : run.rows, columns = Columns ? Columns : run.columns;
    const int64_t pitch = run.pitch, pixel = run.pixel;
    T* const out = g.out + in;
    Vec<T> share[Count];
#pragma GCC unroll 4
    for (int v = 0; v < Count; ++v) share[v] = lanes.load(g.grad + at + v * step) / static_cast<T>(rows * columns);
#pragma GCC unroll 3
    for (int64_t i = 0; i < rows; ++i) {
#pragma GCC unroll 3
      for (int64_t j = 0; j < columns; ++j) {
        T* const to = out + i * pitch + j * pixel;
#pragma GCC unroll 4
        for (int v = 0; v < Count; ++v) put<Add>(to + v * step, share[v], lanes);
      }
    }
  }
};

template <bool Add, bool Careful, int Rows, int Columns, class T, class Grad>
__attribute__((noinline)) void run_windows(const Grad& shared, const WindowRun& run) {
  constexpr int lanes = kLanes<T>;
  const Grad grad = shared;
  int64_t n = 0, in = run.in, at = run.at;
  if (!Add && run.spills && run.channels < lanes) {
    // Whole vectors as long as they fit into the row: the next pixel overwrites what is too much.
    const int64_t row_end = (run.in / run.pitch + 1) * run.pitch;
    const int64_t reach = (run.columns - 1) * run.pixel + lanes;
    for (; n < run.outputs && in + reach <= row_end && at + lanes <= grad.size; ++n, in += run.next, at += run.pixel) {
      Grad::template window<Add, Careful, Rows, Columns, 1>(grad, run, in, at, AllLanes{});
    }
  }
  for (; n < run.outputs; ++n, in += run.next, at += run.pixel) {
    for_channels<false, T>(run.channels, [&](int64_t c, auto vectors, auto some) PN_LAMBDA {
      Grad::template window<Add, Careful, Rows, Columns, vectors.count>(grad, run, in + c, at + c, some);
    });
  }
}

// 2 x 2 windows side by side: both rows of the result are the row of the gradient with each pixel repeated.
__attribute__((noinline)) void repeat_pixels(const AverageGrad<float>& grad, const WindowRun& run) {
  constexpr int64_t lanes = kLanes<float>;
  const RepeatedPixels& pixels = *grad.pixels;
  const int64_t count = 2 * run.outputs * run.channels, pitch = run.pitch;
  const int64_t step = pixels.period * lanes / 2;  // of the gradient
  const float* from = grad.grad + run.at;
  const float* const end = grad.grad + grad.size;
  float* to = grad.out + run.in;
  const auto put = [&pixels, pitch](float* at, Vec<float> share, int k, auto some) PN_LAMBDA {
    const Vec<float> twice = pixels.repeat(k, share / 4.0f);
    some.store(at, twice);
    some.store(at + pitch, twice);
  };
  int64_t left = count;
  for (; left >= pixels.period * lanes && from + step + lanes <= end; from += step) {
    for (int k = 0; k < pixels.period; ++k, left -= lanes, to += lanes) {
      put(to, load(from + pixels.begin[k]), k, AllLanes{});
    }
  }
  for (int k = 0; left > 0; from += step, k = 0) {
    for (; k < pixels.period && left > 0; ++k, left -= lanes, to += lanes) {
      const float* const begin = from + pixels.begin[k];
      const int64_t readable = end - begin < lanes ? end - begin : lanes, some = left < lanes ? left : lanes;
      put(to, load_first(begin, static_cast<int>(readable)), k, FirstLanes{static_cast<int>(some)});
    }
  }
}
PN_INLINE bool repeats_pixels(const AverageGrad<float>& grad, const WindowRun& run) {
  if (!grad.pixels || run.rows != 2 || run.columns != 2) return false;
  repeat_pixels(grad, run);
  return true;
}
template <class Grad>
PN_INLINE bool repeats_pixels(const Grad&, const WindowRun&) {
  return false;
}

template <bool Add, class T, class Grad>
PN_INLINE void choose_window(const Grad& grad, const WindowRun& run) {
  if (!Add && repeats_pixels(grad, run)) return;
  if (Grad::has_nan(grad, run)) return run_windows<Add, true, 0, 0, T>(grad, run);
  if (run.rows == 2 && run.columns == 2) return run_windows<Add, false, 2, 2, T>(grad, run);
  if (run.rows == 3 && run.columns == 3) return run_windows<Add, false, 3, 3, T>(grad, run);
  run_windows<Add, false, 0, 0, T>(grad, run);
}

// Where windows tile the images, the gradient may take over their memory: each element is read before it is written.
template <class T>
PN_INLINE bool in_place(const MaximumGrad<T>& grad) {
  return grad.out == grad.x;
}
template <class T>
PN_INLINE bool in_place(const AverageGrad<T>&) {
  return false;
}

// Do windows that don't overlap leave nothing out?
PN_INLINE bool covers(const WindowAxis& axis) {
  return axis.taps == axis.stride && axis.offset == 0 && axis.outputs * axis.stride >= axis.source;
}

// Channels [first, first + count) of a row of windows.
template <bool Add, class T, class Grad>
PN_INLINE void row_of_windows(const Pool& pool, const Grad& grad, int64_t image, int64_t row, int64_t first,
                              int64_t count) {
  const int64_t channels = pool.channels, pitch = pool.w.source * channels;
  const Range rows = window_at(pool.h, row);
  for_equal_windows(pool, [&](int64_t begin, int64_t outputs) PN_LAMBDA {
    const Range columns = window_at(pool.w, begin);
    choose_window<Add, T>(
        grad, WindowRun{.rows = length(rows),
                        .columns = length(columns),
                        .outputs = outputs,
                        .in = (image * pool.h.source + rows.begin) * pitch + columns.begin * channels + first,
                        .at = ((image * pool.h.outputs + row) * pool.w.outputs + begin) * channels + first,
                        .channels = count,
                        .pitch = pitch,
                        .pixel = channels,
                        .next = pool.w.stride * channels,
                        .spills = covers(pool.w) && !in_place(grad)});
  });
}

template <class T, class Grad>
void run(const Pool& pool, const Grad& grad, double bytes) {
  const int64_t channels = pool.channels, pitch = pool.w.source * channels;
  const int threads = threads_for(0, bytes);
  if (pool.h.taps > pool.h.stride || pool.w.taps > pool.w.stride) {
    // Windows that overlap follow each other, so the work is divided by images and channels. Rows are cleared when the
    // first window comes to them: they are still in the cache when the last one leaves.
    constexpr int64_t kPart = 4 * kLanes<T>;
    const int64_t parts = (channels + kPart - 1) / kPart;
    return parallel_chunks(pool.images * parts, threads, 0, [&](int64_t chunk, void*) {
      const int64_t image = chunk / parts, first = chunk % parts * kPart;
      const int64_t count = channels - first < kPart ? channels - first : kPart;
      T* const out = grad.out + image * pool.h.source * pitch + first;
      int64_t cleared = 0;
      const auto clear = [&](int64_t end) {
        if (count == channels) {
          fill_zero(out + cleared * pitch, (end - cleared) * pitch);
        } else {
          for (int64_t i = cleared * pool.w.source; i < end * pool.w.source; ++i) fill_zero(out + i * channels, count);
        }
        cleared = end;
      };
      for (int64_t row = 0; row < pool.h.outputs; ++row) {
        clear(window_at(pool.h, row).end);
        row_of_windows<true, T>(pool, grad, image, row, first, count);
      }
      clear(pool.h.source);
    });
  }
  const bool gaps = !(covers(pool.h) && covers(pool.w));
  const int64_t grain = rows_per_chunk(pool.h.stride * pitch * static_cast<int64_t>(sizeof(T)));
  parallel_range(pool.images * pool.h.outputs, grain, threads, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      const int64_t image = at / pool.h.outputs, row = at % pool.h.outputs;
      if (gaps) {
        // The rows of the input from this row of windows to the next; the first and the last take the rest.
        const int64_t top = row == 0 ? 0 : row * pool.h.stride + pool.h.offset;
        const int64_t bottom = row + 1 == pool.h.outputs ? pool.h.source : (row + 1) * pool.h.stride + pool.h.offset;
        fill_zero(grad.out + (image * pool.h.source + top) * pitch, (bottom - top) * pitch);
      }
      row_of_windows<false, T>(pool, grad, image, row, 0, channels);
    }
  });
}

// (grad, x, y) -> gradient of x
template <class T>
void max_grad(const KernelArgs& args) {
  const View &grad = args.in[0], &x = args.in[1], &y = args.in[2], &out = args.out[0];
  if (y.size == 0) return fill_zero(out.as<T>(), out.size);
  run<T>(pool_of(args.param<Pool2DParams>(), y),
         MaximumGrad<T>{grad.as<T>(), x.as<T>(), y.as<T>(), out.as<T>(), y.size},
         2.0 * static_cast<double>((x.size + y.size) * sizeof(T)));
}

// grad -> gradient of x
template <class T>
void average_grad(const KernelArgs& args) {
  const View &grad = args.in[0], &out = args.out[0];
  if (grad.size == 0) return fill_zero(out.as<T>(), out.size);
  const Pool pool = pool_of(args.param<Pool2DParams>(), grad);
  const bool repeats = pool.w.taps == 2 && pool.w.stride == 2 && pool.channels <= kPairedChannels<T>;
  const RepeatedPixels pixels = RepeatedPixels::of(repeats ? pool.channels : 1);
  run<T>(pool, AverageGrad<T>{grad.as<T>(), out.as<T>(), grad.size, repeats ? &pixels : nullptr},
         static_cast<double>((grad.size + out.size) * sizeof(T)));
}

}  // namespace

PN_KERNELS(pool2d_grad, {"max_pool2d_grad", by_dtype<max_grad<float>, max_grad<double>>, nullptr},
           {"average_pool2d_grad", by_dtype<average_grad<float>, average_grad<double>>, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
