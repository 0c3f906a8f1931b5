// Maximum and average over sliding windows of NHWC images, and their gradients: vectors over channels. Positions
// outside the image take no part.
#include "cpu/window.h"
#include "ops/pool2d_params.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

struct Pool {
  WindowAxis h, w;
  int64_t images, channels;
};

// `x` and `y` have the shapes of the input and of the output.
PN_INLINE Pool pool_of(const Pool2DParams& p, const View& y) {
  const auto axis = [&](int i) { return WindowAxis{p.image[i], y.dims[1 + i], p.stride[i], 1, p.pool[i], -p.pad[i]}; };
  return {axis(0), axis(1), y.dims[0], y.dims[3]};
}

// The source positions [begin, end) of a window that lie inside the image.
struct Range {
  int64_t begin, end;
};
PN_INLINE int64_t length(Range range) { return range.end - range.begin; }
PN_INLINE Range window_at(const WindowAxis& axis, int64_t output) {
  const int64_t begin = output * axis.stride + axis.offset, end = begin + axis.taps;
  return {begin < 0 ? 0 : begin, end > axis.source ? axis.source : end};
}

struct Maximum {
  // A NaN in either operand wins.
  template <class V>
  PN_INLINE V join(V sum, V x) {
    return (x > sum) | (x != x) ? x : sum;
  }
  template <class T>
  PN_INLINE T join_scalar(T sum, T x) {
    return x > sum || x != x ? x : sum;
  }
  template <class V, class T>
  PN_INLINE V finish(V sum, T) {
    return sum;
  }
};
struct Average {
  template <class V>
  PN_INLINE V join(V sum, V x) {
    return sum + x;
  }
  template <class T>
  PN_INLINE T join_scalar(T sum, T x) {
    return sum + x;
  }
  template <class V, class T>
  PN_INLINE V finish(V sum, T count) {
    return sum / count;
  }
};

// One output pixel; Rows and Columns of the window, 0: given at run time.
template <class Op, int Rows, int Columns, class T>
PN_INLINE void pool_pixel(const T* x, int64_t rows, int64_t columns, int64_t row_pitch, int64_t channels, T* y) {
  if (Rows) rows = Rows;
  if (Columns) columns = Columns;
  constexpr int lanes = kLanes<T>;
  const T count = static_cast<T>(rows * columns);
  const auto reduce = [&](const T* p, const auto& get) __attribute__((always_inline)) {
    Vec<T> sum = get(p);
    for (int64_t j = 1; j < columns; ++j) sum = Op::join(sum, get(p + j * channels));
    for (int64_t i = 1; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) sum = Op::join(sum, get(p + i * row_pitch + j * channels));
    }
    return Op::finish(sum, count);
  };
  int64_t c = 0;
  for (; c + lanes <= channels; c += lanes) {
    store(y + c, reduce(x + c, [](const T* p) __attribute__((always_inline)) { return load(p); }));
  }
  if (c == channels) return;
  const int left = static_cast<int>(channels - c);
  store_first(y + c, reduce(x + c, [&](const T* p) __attribute__((always_inline)) { return load_first(p, left); }),
              left);
}

template <class Op, class T>
PN_INLINE void pool_row(const Pool& pool, const T* image, Range rows, T* y) {
  const int64_t pitch = pool.w.source * pool.channels;
  for (int64_t j = 0; j < pool.w.outputs; ++j, y += pool.channels) {
    const Range columns = window_at(pool.w, j);
    const T* const x = image + rows.begin * pitch + columns.begin * pool.channels;
    if (length(rows) == 2 && length(columns) == 2) {
      pool_pixel<Op, 2, 2>(x, 2, 2, pitch, pool.channels, y);
    } else if (length(rows) == 3 && length(columns) == 3) {
      pool_pixel<Op, 3, 3>(x, 3, 3, pitch, pool.channels, y);
    } else {
      pool_pixel<Op, 0, 0>(x, length(rows), length(columns), pitch, pool.channels, y);
    }
  }
}

// Very few channels: rows of the window are joined with vectors along the image row, columns one by
// one.
template <class Op, class T>
PN_INLINE void pool_narrow_row(const Pool& pool, const T* image, Range rows, T* joined, T* y) {
  constexpr int lanes = kLanes<T>;
  const int64_t channels = pool.channels, pitch = pool.w.source * channels;
  const T* const x = image + rows.begin * pitch;
  for (int64_t k = 0; k < pitch; k += lanes) {
    const int count = static_cast<int>(pitch - k < lanes ? pitch - k : lanes);
    Vec<T> sum = load_first(x + k, count);
    for (int64_t i = 1; i < length(rows); ++i) sum = Op::join(sum, load_first(x + i * pitch + k, count));
    store_first(joined + k, sum, count);
  }
  for (int64_t j = 0; j < pool.w.outputs; ++j) {
    const Range columns = window_at(pool.w, j);
    const T* const first = joined + columns.begin * channels;
    const T count = static_cast<T>(length(rows) * length(columns));
    for (int64_t c = 0; c < channels; ++c) {
      T sum = first[c];
      for (int64_t k = 1; k < length(columns); ++k) sum = Op::join_scalar(sum, first[k * channels + c]);
      *y++ = Op::finish(sum, count);
    }
  }
}

// About 64 KB of the input for a chunk.
PN_INLINE int64_t rows_per_chunk(int64_t row_bytes) {
  constexpr int64_t kChunkBytes = 64 * 1024;
  return row_bytes >= kChunkBytes ? 1 : kChunkBytes / (row_bytes + 1) + 1;
}

template <class Op, class T>
void forward(const KernelArgs& args) {
  const Pool pool = pool_of(args.param<Pool2DParams>(), args.out[0]);
  const T* const x = args.in[0].as<T>();
  T* const y = args.out[0].as<T>();
  const int64_t rows = pool.images * pool.h.outputs, pitch = pool.w.source * pool.channels;
  if (args.out[0].size == 0) return;
  const bool narrow = 4 * pool.channels <= kLanes<T>;
  const int64_t grain = rows_per_chunk(pool.h.stride * pitch * static_cast<int64_t>(sizeof(T)));
  const int threads = threads_for(0, static_cast<double>((args.in[0].size + args.out[0].size) * sizeof(T)));
  parallel_chunks((rows + grain - 1) / grain, threads, narrow ? pitch * sizeof(T) : 0,
                  [&](int64_t chunk, void* scratch) {
                    const int64_t end = (chunk + 1) * grain < rows ? (chunk + 1) * grain : rows;
                    for (int64_t row = chunk * grain; row < end; ++row) {
                      const T* const image = x + row / pool.h.outputs * pool.h.source * pitch;
                      const Range window = window_at(pool.h, row % pool.h.outputs);
                      T* const out = y + row * pool.w.outputs * pool.channels;
                      if (narrow) {
                        pool_narrow_row<Op>(pool, image, window, static_cast<T*>(scratch), out);
                      } else {
                        pool_row<Op>(pool, image, window, out);
                      }
                    }
                  });
}

// The first position of a window that holds its maximum (or its first NaN) receives the gradient.
template <bool Add, int Rows, int Columns, class T>
PN_INLINE void max_grad_pixel(const T* x, const T* y, const T* grad, int64_t rows, int64_t columns, int64_t row_pitch,
                              int64_t pixel, int64_t channels, T* out) {
  if (Rows) rows = Rows;
  if (Columns) columns = Columns;
  constexpr int lanes = kLanes<T>;
  for (int64_t c = 0; c < channels; c += lanes) {
    const int count = static_cast<int>(channels - c < lanes ? channels - c : lanes);
    const bool full = count == lanes;
    const auto get = [&](const T* p) __attribute__((always_inline)) { return full ? load(p) : load_first(p, count); };
    const Vec<T> maximum = get(y + c);
    Vec<T> left = get(grad + c);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) {
        const int64_t at = i * row_pitch + j * pixel + c;
        const Vec<T> v = get(x + at);
        const auto hit = (v == maximum) | (v != v);
        Vec<T> share = select(hit, left, Vec<T>{});
        left = select(hit, Vec<T>{}, left);
        if (Add) share = share + get(out + at);
        if (full) {
          store(out + at, share);
        } else {
          store_first(out + at, share, count);
        }
      }
    }
  }
}

template <bool Add, class T>
PN_INLINE void average_grad_pixel(const T* grad, int64_t rows, int64_t columns, int64_t row_pitch, int64_t pixel,
                                  int64_t channels, T* out) {
  constexpr int lanes = kLanes<T>;
  const T divisor = static_cast<T>(rows * columns);
  for (int64_t c = 0; c < channels; c += lanes) {
    const int count = static_cast<int>(channels - c < lanes ? channels - c : lanes);
    const Vec<T> share = load_first(grad + c, count) / divisor;
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) {
        T* const to = out + i * row_pitch + j * pixel + c;
        store_first(to, Add ? share + load_first(to, count) : share, count);
      }
    }
  }
}

// Calls pixel(add, rows, columns, input offset, output offset, channels) for every window. Windows that overlap in rows
// must follow each other, so the work is divided by images and channels; else by rows of windows.
template <class T, class Pixel>
PN_INLINE void for_each_window(const Pool& pool, T* out, double bytes, const Pixel& pixel) {
  const int64_t channels = pool.channels, pitch = pool.w.source * channels;
  const bool overlap = pool.h.taps > pool.h.stride || pool.w.taps > pool.w.stride;
  const auto covers = [](const WindowAxis& a) {
    return a.taps == a.stride && a.offset == 0 && a.outputs * a.stride >= a.source;
  };
  const bool add = overlap || !(covers(pool.h) && covers(pool.w));
  const int threads = threads_for(0, bytes);
  const auto windows_of_row = [&](int64_t image, int64_t row, int64_t first, int64_t count) {
    const Range rows = window_at(pool.h, row);
    const int64_t in = (image * pool.h.source + rows.begin) * pitch + first;
    const int64_t y = (image * pool.h.outputs + row) * pool.w.outputs * channels + first;
    for (int64_t j = 0; j < pool.w.outputs; ++j) {
      const Range columns = window_at(pool.w, j);
      pixel(add, length(rows), length(columns), in + columns.begin * channels, y + j * channels, count);
    }
  };
  if (overlap) {
    constexpr int64_t kPart = 4 * kLanes<T>;
    const int64_t parts = (channels + kPart - 1) / kPart;
    parallel_chunks(pool.images * parts, threads, 0, [&](int64_t chunk, void*) {
      const int64_t image = chunk / parts, first = chunk % parts * kPart;
      const int64_t count = channels - first < kPart ? channels - first : kPart;
      T* const to = out + image * pool.h.source * pitch + first;
      for (int64_t i = 0; i < pool.h.source * pool.w.source; ++i) fill_zero(to + i * channels, count);
      for (int64_t row = 0; row < pool.h.outputs; ++row) windows_of_row(image, row, first, count);
    });
    return;
  }
  const int64_t grain = rows_per_chunk(pool.h.stride * pitch * static_cast<int64_t>(sizeof(T)));
  parallel_range(pool.images * pool.h.outputs, grain, threads, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      const int64_t image = at / pool.h.outputs, row = at % pool.h.outputs;
      if (add) {
        // The rows of the input from this row of windows to the next; the first and the last take the rest.
        const int64_t top = row == 0 ? 0 : row * pool.h.stride + pool.h.offset;
        const int64_t bottom = row + 1 == pool.h.outputs ? pool.h.source : (row + 1) * pool.h.stride + pool.h.offset;
        fill_zero(out + (image * pool.h.source + top) * pitch, (bottom - top) * pitch);
      }
      windows_of_row(image, row, 0, channels);
    }
  });
}

// (grad, x, y) -> gradient of x
template <class T>
void max_grad(const KernelArgs& args) {
  const Pool pool = pool_of(args.param<Pool2DParams>(), args.in[2]);
  const T* const grad = args.in[0].as<T>();
  const T* const x = args.in[1].as<T>();
  const T* const y = args.in[2].as<T>();
  T* const out = args.out[0].as<T>();
  if (args.in[2].size == 0) return fill_zero(out, args.out[0].size);
  const int64_t pixel = pool.channels, pitch = pool.w.source * pool.channels;
  const double bytes = 2.0 * static_cast<double>((args.in[1].size + args.in[2].size) * sizeof(T));
  for_each_window(
      pool, out, bytes,
      [&](bool add, int64_t rows, int64_t columns, int64_t in, int64_t at, int64_t count)
          __attribute__((always_inline)) {
            if (!add && rows == 2 && columns == 2) {
              max_grad_pixel<false, 2, 2>(x + in, y + at, grad + at, 2, 2, pitch, pixel, count, out + in);
            } else if (!add) {
              max_grad_pixel<false, 0, 0>(x + in, y + at, grad + at, rows, columns, pitch, pixel, count, out + in);
            } else {
              max_grad_pixel<true, 0, 0>(x + in, y + at, grad + at, rows, columns, pitch, pixel, count, out + in);
            }
          });
}

// grad -> gradient of x
template <class T>
void average_grad(const KernelArgs& args) {
  const Pool pool = pool_of(args.param<Pool2DParams>(), args.in[0]);
  const T* const grad = args.in[0].as<T>();
  T* const out = args.out[0].as<T>();
  if (args.in[0].size == 0) return fill_zero(out, args.out[0].size);
  const int64_t pixel = pool.channels, pitch = pool.w.source * pool.channels;
  const double bytes = static_cast<double>((args.in[0].size + args.out[0].size) * sizeof(T));
  for_each_window(pool, out, bytes,
                  [&](bool add, int64_t rows, int64_t columns, int64_t in, int64_t at, int64_t count)
                      __attribute__((always_inline)) {
                        if (add) {
                          average_grad_pixel<true>(grad + at, rows, columns, pitch, pixel, count, out + in);
                        } else {
                          average_grad_pixel<false>(grad + at, rows, columns, pitch, pixel, count, out + in);
                        }
                      });
}

template <void (*Single)(const KernelArgs&), void (*Double)(const KernelArgs&)>
void by_dtype(const KernelArgs& args) {
  args.out[0].dtype == DType::float32 ? Single(args) : Double(args);
}

}  // namespace

PN_KERNELS(pool2d, {"max_pool2d", by_dtype<forward<Maximum, float>, forward<Maximum, double>>, nullptr},
           {"average_pool2d", by_dtype<forward<Average, float>, forward<Average, double>>, nullptr},
           {"max_pool2d_grad", by_dtype<max_grad<float>, max_grad<double>>, nullptr},
           {"average_pool2d_grad", by_dtype<average_grad<float>, average_grad<double>>, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
