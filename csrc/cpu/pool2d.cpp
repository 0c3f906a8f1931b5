// Maximum and average over sliding windows of NHWC images: vectors over channels. Positions outside the image take no
// part.
#include "cpu/pool_geometry.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// How the elements of a window are joined. `check` turns NaN where the result can't be trusted.
struct Maximum {
  static constexpr bool kChecked = true;
  static constexpr double kIdentity = -__builtin_inf();
  template <class V>
  PN_INLINE V join(V sum, V x) {
    return vmax(x, sum);
  }
  // One instruction would lose a NaN: it, or an infinity, makes the row be computed again with MaximumOrNaN.
  template <class V>
  PN_INLINE void look_at(V x, V* check) {
    *check = fma(x, V{}, *check);
  }
  template <class V, class T>
  PN_INLINE V finish(V sum, T) {
    return sum;
  }
};
struct MaximumOrNaN : Maximum {
  static constexpr bool kChecked = false;
  // A NaN in either operand wins.
  template <class V>
  PN_INLINE V join(V sum, V x) {
    return (x > sum) | (x != x) ? x : sum;
  }
  template <class V>
  PN_INLINE void look_at(V, V*) {}
};
struct Average {
  static constexpr bool kChecked = false;
  static constexpr double kIdentity = 0;
  template <class V>
  PN_INLINE V join(V sum, V x) {
    return sum + x;
  }
  template <class V>
  PN_INLINE void look_at(V, V*) {}
  template <class V, class T>
  PN_INLINE V finish(V sum, T count) {
    return sum / count;
  }
};

// Windows of rows x columns pixels, `next` elements apart, for `outputs` neighbouring pixels.
template <class T>
struct PixelRun {
  const T* x;
  const T* x_end;  // of the images
  int64_t rows, columns, pitch, next, channels, outputs;
  T* y;
  T* y_end;  // of what this thread writes
};

// `vectors` of one output pixel; Rows and Columns are given at compile time, or 0.
template <class Op, int Rows, int Columns, int Count, class T, class Lanes>
PN_INLINE void pool_pixel(const PixelRun<T>& run, const T* x, T* y, Vec<T>* check, Vectors<Count>, const Lanes& lanes) {
  constexpr int step = kLanes<T>;
  const int64_t rows = Rows ? Rows : run.rows, columns = Columns ? Columns : run.columns;
  const int64_t pitch = run.pitch, channels = run.channels;
  Vec<T> sum[Count], seen{};
#pragma GCC unroll 4
  for (int v = 0; v < Count; ++v) {
    sum[v] = lanes.load(x + v * step);
    Op::look_at(sum[v], &seen);
  }
#pragma GCC unroll 3
  for (int64_t i = 0; i < rows; ++i) {
#pragma GCC unroll 3
    for (int64_t j = i == 0; j < columns; ++j) {
      const T* const from = x + i * pitch + j * channels;
#pragma GCC unroll 4
      for (int v = 0; v < Count; ++v) {
        const Vec<T> next = lanes.load(from + v * step);
        Op::look_at(next, &seen);
        sum[v] = Op::join(sum[v], next);
      }
    }
  }
  if (Op::kChecked) *check = *check + seen;
#pragma GCC unroll 4
  for (int v = 0; v < Count; ++v) lanes.store(y + v * step, Op::finish(sum[v], static_cast<T>(rows * columns)));
}

template <class Op, int Rows, int Columns, class T>
__attribute__((noinline)) Vec<T> pool_pixels(const PixelRun<T>& run) {
  constexpr int lanes = kLanes<T>;
  const int64_t channels = run.channels;
  Vec<T> check{};
  const T* x = run.x;
  T* y = run.y;
  int64_t left = run.outputs;
  if (channels < lanes) {
    // Whole vectors as long as they fit: the next pixel overwrites what is too much.
    const int64_t reach = (run.rows - 1) * run.pitch + (run.columns - 1) * channels + lanes;
    for (; left > 0 && x + reach <= run.x_end && y + lanes <= run.y_end; --left, x += run.next, y += channels) {
      pool_pixel<Op, Rows, Columns>(run, x, y, &check, Vectors<1>{}, AllLanes{});
    }
  }
  for (; left > 0; --left, x += run.next, y += channels) {
    for_channels<true, T>(channels, [&](int64_t c, auto vectors, auto some) PN_LAMBDA {
      pool_pixel<Op, Rows, Columns>(run, x + c, y + c, &check, vectors, some);
    });
  }
  return check;
}

template <class T>
struct Images {
  Pool pool;
  const T* x;
  const T* x_end;
};

// One row of the output; false: compute it again with MaximumOrNaN.
template <class Op, class T>
PN_INLINE bool pool_row(const Images<T>& images, const T* image, Range rows, T* y, T* y_end) {
  const Pool& pool = images.pool;
  const int64_t channels = pool.channels, pitch = pool.w.source * channels;
  Vec<T> check{};
  for_equal_windows(pool, [&](int64_t first, int64_t outputs) PN_LAMBDA {
    const Range columns = window_at(pool.w, first);
    const PixelRun<T> run{.x = image + rows.begin * pitch + columns.begin * channels,
                          .x_end = images.x_end,
                          .rows = length(rows),
                          .columns = length(columns),
                          .pitch = pitch,
                          .next = pool.w.stride * channels,
                          .channels = channels,
                          .outputs = outputs,
                          .y = y + first * channels,
                          .y_end = y_end};
    if (run.rows == 2 && run.columns == 2) {
      check += pool_pixels<Op, 2, 2>(run);
    } else if (run.rows == 3 && run.columns == 3) {
      check += pool_pixels<Op, 3, 3>(run);
    } else {
      check += pool_pixels<Op, 0, 0>(run);
    }
  });
  return !Op::kChecked || reduce_add(check) == T(0);
}

// Elements of a padded row of the image, and of the same row with neighbouring columns joined.
template <class T>
PN_INLINE int64_t padded_row(const Pool& pool) {
  return (pool.w.source + window_span(pool.w, pool.w.outputs) + pool.w.taps) * pool.channels + kLanes<T>;
}

// Very few channels: vectors run along the image row; rows of the window are joined first, then columns, and of these
// the outputs are picked.
template <class Op, class T>
PN_INLINE bool pool_narrow_row(const Images<T>& images, const T* image, Range rows, T* scratch, T* y) {
  constexpr int lanes = kLanes<T>;
  const Pool& pool = images.pool;
  const int64_t channels = pool.channels, pitch = pool.w.source * channels;
  const int64_t ahead = -pool.w.offset * channels, span = window_span(pool.w, pool.w.outputs) * channels;
  T* const joined = scratch;
  T* const picked = scratch + padded_row<T>(pool);
  const T* const x = image + rows.begin * pitch;
  Vec<T> check{};
  for (int64_t k = 0; k < ahead; ++k) joined[k] = static_cast<T>(Op::kIdentity);
  for (int64_t k = 0; k < pitch; k += lanes) {
    const int count = static_cast<int>(pitch - k < lanes ? pitch - k : lanes);
    const auto get = [&](int64_t i) __attribute__((always_inline)) {
      const Vec<T> v = count == lanes ? load(x + i * pitch + k) : load_first(x + i * pitch + k, count);
      Op::look_at(v, &check);
      return v;
    };
    Vec<T> sum = get(0);
    for (int64_t i = 1; i < length(rows); ++i) sum = Op::join(sum, get(i));
    store(joined + ahead + k, sum);
  }
  for (int64_t k = ahead + pitch; k < span; ++k) joined[k] = static_cast<T>(Op::kIdentity);
  const int64_t positions = span - (pool.w.taps - 1) * channels;
  for (int64_t k = 0; k < positions; k += lanes) {
    Vec<T> sum = load(joined + k);
    for (int64_t j = 1; j < pool.w.taps; ++j) sum = Op::join(sum, load(joined + k + j * channels));
    store(picked + k, sum);
  }
  const int64_t next = pool.w.stride * channels;
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t j = 0; j < pool.w.outputs; ++j) y[j * channels + c] = picked[j * next + c];
  }
  for_equal_windows(pool, [&](int64_t first, int64_t outputs) PN_LAMBDA {
    const T count = static_cast<T>(length(rows) * length(window_at(pool.w, first)));
    for (int64_t k = first * channels; k < (first + outputs) * channels; ++k) y[k] = Op::finish(y[k], count);
  });
  return !Op::kChecked || reduce_add(check) == T(0);
}

template <class Op, class Careful, class T>
void forward(const KernelArgs& args) {
  const Pool pool = pool_of(args.param<Pool2DParams>(), args.out[0]);
  const T* const x = args.in[0].as<T>();
  T* const y = args.out[0].as<T>();
  const int64_t rows = pool.images * pool.h.outputs, pitch = pool.w.source * pool.channels;
  if (args.out[0].size == 0) return;
  const Images<T> images{pool, x, x + args.in[0].size};
  const bool narrow = 4 * pool.channels <= kLanes<T>;
  const int64_t grain = rows_per_chunk(pool.h.stride * pitch * static_cast<int64_t>(sizeof(T)));
  const int threads = threads_for(0, static_cast<double>((args.in[0].size + args.out[0].size) * sizeof(T)));
  const int64_t out_pitch = pool.w.outputs * pool.channels;
  parallel_chunks((rows + grain - 1) / grain, threads, narrow ? 2 * padded_row<T>(pool) * sizeof(T) : 0,
                  [&](int64_t chunk, void* scratch) {
                    const int64_t end = (chunk + 1) * grain < rows ? (chunk + 1) * grain : rows;
                    for (int64_t row = chunk * grain; row < end; ++row) {
                      const T* const image = x + row / pool.h.outputs * pool.h.source * pitch;
                      const Range window = window_at(pool.h, row % pool.h.outputs);
                      T* const out = y + row * out_pitch;
                      if (narrow) {
                        T* const buffer = static_cast<T*>(scratch);
                        if (!pool_narrow_row<Op>(images, image, window, buffer, out)) {
                          pool_narrow_row<Careful>(images, image, window, buffer, out);
                        }
                      } else if (!pool_row<Op>(images, image, window, out, y + end * out_pitch)) {
                        pool_row<Careful>(images, image, window, out, y + end * out_pitch);
                      }
                    }
                  });
}

}  // namespace

PN_KERNELS(pool2d,
           {"max_pool2d", by_dtype<forward<Maximum, MaximumOrNaN, float>, forward<Maximum, MaximumOrNaN, double>>,
            nullptr},
           {"average_pool2d", by_dtype<forward<Average, Average, float>, forward<Average, Average, double>>, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
