// Maximum and average over sliding windows of NHWC images: vectors over channels. Positions outside the image take no
// part.
#include "cpu/address.h"
#include "cpu/larger.h"
#include "cpu/pool_columns.h"
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
  // One instruction would lose a NaN: it, or an infinity, makes the rows be computed again with MaximumOrNaN. The sum
  // of what is joined shows it, and sums are cheap beside maxima.
  template <class V>
  PN_INLINE void look_at(V x, V* seen) {
    *seen = *seen + x;
  }
  template <class V>
  PN_INLINE void judge(V seen, V* check) {
    *check = fma(seen, V{}, *check);
  }
  template <class V, class T>
  PN_INLINE V finish(V sum, T) {
    return sum;
  }
};
struct MaximumOrNaN : Maximum {
  static constexpr bool kChecked = false;
  template <class V>
  PN_INLINE V join(V sum, V x) {
    return larger(x, sum);
  }
  template <class V>
  PN_INLINE void look_at(V, V*) {}
  template <class V>
  PN_INLINE void judge(V, V*) {}
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
  template <class V>
  PN_INLINE void judge(V, V*) {}
  template <class V, class T>
  PN_INLINE V finish(V sum, T count) {
    return sum / count;
  }
};

// Neighbouring windows of rows x columns pixels in some rows of the output. Distances are in elements.
template <class T>
struct WindowGrid {
  const T* x;
  const T* x_end;  // of the images
  int64_t rows, columns, channels;
  int64_t lines, outputs;          // rows of the output, and pixels in each of them
  int64_t pitch, next, next_line;  // between rows of the input, between neighbouring windows and lines of them
  T* y;
  int64_t y_pitch;
  T* y_end;  // of what may be written, if the lines follow each other without gaps; else nullptr
};

// `vectors` of one output pixel; Rows and Columns are given at compile time, or 0.
template <class Op, int Rows, int Columns, int Count, class T, class Lanes>
PN_INLINE void pool_pixel(const WindowGrid<T>& grid, const T* x, T* y, Vec<T>* check, Vectors<Count>,
                          const Lanes& lanes) {
  constexpr int step = kLanes<T>;
  const int64_t rows = Rows ? Rows : grid.rows, columns = Columns ? Columns : grid.columns;
  const int64_t pitch = grid.pitch, channels = grid.channels;
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
      const T* const from = address_here(x + i * pitch + j * channels);
#pragma GCC unroll 4
      for (int v = 0; v < Count; ++v) {
        const Vec<T> next = lanes.load(from + v * step);
        Op::look_at(next, &seen);
        sum[v] = Op::join(sum[v], next);
      }
    }
  }
  Op::judge(seen, check);
#pragma GCC unroll 4
  for (int v = 0; v < Count; ++v) lanes.store(y + v * step, Op::finish(sum[v], static_cast<T>(rows * columns)));
}

template <class Op, int Rows, int Columns, class T>
PN_INLINE void pool_line(const WindowGrid<T>& grid, const T* x, T* y, const T* y_end, Vec<T>* check) {
  constexpr int lanes = kLanes<T>;
  const int64_t channels = grid.channels, next = grid.next;
  int64_t left = grid.outputs;
  if (channels < lanes) {
    // Whole vectors as long as they fit: the next pixel overwrites what is too much.
    const int64_t reach = (grid.rows - 1) * grid.pitch + (grid.columns - 1) * channels + lanes;
    for (; left > 0 && x + reach <= grid.x_end && y + lanes <= y_end; --left, x += next, y += channels) {
      pool_pixel<Op, Rows, Columns>(grid, x, y, check, Vectors<1>{}, AllLanes{});
    }
  }
  for (; left > 0; --left, x += next, y += channels) {
    for_channels<true, T>(channels, [&](int64_t c, auto vectors, auto some) PN_LAMBDA {
      pool_pixel<Op, Rows, Columns>(grid, x + c, y + c, check, vectors, some);
    });
  }
}

// 2 x 2 windows that tile the images: rows are joined first.
template <class Op>
PN_INLINE void pool_pairs(const WindowGrid<float>& grid, const ColumnPairs& pairs, const float* x, float* y,
                          const float* y_end, Vec<float>* check) {
  constexpr int64_t lanes = kLanes<float>;
  const int64_t pitch = grid.pitch, size = grid.outputs * grid.channels, step = pairs.elements;
  const auto put = [&](int64_t at, auto low, auto high, auto some) PN_LAMBDA {
    const float* const from = x + 2 * at;
    const auto joined = [&](int64_t i, auto part) PN_LAMBDA {
      const Vec<float> above = part.load(from + i), below = part.load(from + pitch + i);
      Vec<float> seen = above;
      Op::look_at(below, &seen);
      Op::judge(seen, check);
      return Op::join(above, below);
    };
    const Vec<float> sum = pairs.join(joined(0, low), joined(lanes, high),
                                      [](Vec<float> even, Vec<float> odd) PN_LAMBDA { return Op::join(even, odd); });
    some.store(y + at, Op::finish(sum, 4.0f));
  };
  // Whole vectors reach less than a vector too far.
  const bool room = x + pitch + 2 * size + lanes <= grid.x_end && y + size + lanes <= y_end;
  const int64_t end = room ? size : size - step;
  int64_t at = 0;
  for (; at + step <= end; at += step) put(at, AllLanes{}, AllLanes{}, AllLanes{});
  for (; at < size; at += step) {
    const int count = static_cast<int>(size - at < step ? size - at : step), twice = 2 * count;
    put(at, FirstLanes{twice < lanes ? twice : static_cast<int>(lanes)},
        FirstLanes{twice < lanes ? 0 : twice - static_cast<int>(lanes)}, FirstLanes{count});
  }
}

// line(x, y, end of what may be written)
template <class T, class Line>
PN_INLINE void for_each_line(const WindowGrid<T>& grid, const Line& line) {
  const T* x = grid.x;
  T* y = grid.y;
  for (int64_t i = 0; i < grid.lines; ++i, x += grid.next_line, y += grid.y_pitch) {
    line(x, y, grid.y_end ? grid.y_end : y + grid.outputs * grid.channels);
  }
}

template <class Op, int Rows, int Columns, class T>
__attribute__((noinline)) Vec<T> pool_grid(const WindowGrid<T>& shared) {
  const WindowGrid<T> grid = shared;
  Vec<T> check{};
  if constexpr (Rows == 2 && Columns == 2 && kPairedChannels<T> > 0) {
    if (grid.channels <= kPairedChannels<T> && grid.next == 2 * grid.channels) {
      const ColumnPairs pairs = ColumnPairs::of(grid.channels);
      for_each_line(
          grid, [&](const T* x, T* y, const T* y_end) PN_LAMBDA { pool_pairs<Op>(grid, pairs, x, y, y_end, &check); });
      return check;
    }
  }
  for_each_line(grid, [&](const T* x, T* y, const T* y_end)
                          PN_LAMBDA { pool_line<Op, Rows, Columns>(grid, x, y, y_end, &check); });
  return check;
}

template <class T>
struct Images {
  Pool pool;
  const T* x;
  const T* x_end;
};

// `lines` rows of the output from `row` on, whose windows have the same rows; false: compute them again with
// MaximumOrNaN.
template <class Op, class T>
PN_INLINE bool pool_rows(const Images<T>& images, const T* image, int64_t row, int64_t lines, T* y, T* y_end) {
  const Pool& pool = images.pool;
  const Range rows = window_at(pool.h, row);
  const int64_t channels = pool.channels, pitch = pool.w.source * channels;
  Vec<T> check{};
  for_equal_windows(pool, [&](int64_t first, int64_t outputs) PN_LAMBDA {
    const Range columns = window_at(pool.w, first);
    const WindowGrid<T> grid{.x = image + rows.begin * pitch + columns.begin * channels,
                             .x_end = images.x_end,
                             .rows = length(rows),
                             .columns = length(columns),
                             .channels = channels,
                             .lines = lines,
                             .outputs = outputs,
                             .pitch = pitch,
                             .next = pool.w.stride * channels,
                             .next_line = pool.h.stride * pitch,
                             .y = y + first * channels,
                             .y_pitch = pool.w.outputs * channels,
                             .y_end = outputs == pool.w.outputs ? y_end : nullptr};
    if (grid.rows == 2 && grid.columns == 2) {
      check += pool_grid<Op, 2, 2>(grid);
    } else if (grid.rows == 3 && grid.columns == 3) {
      check += pool_grid<Op, 3, 3>(grid);
    } else {
      check += pool_grid<Op, 0, 0>(grid);
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
    Vec<T> seen{};
    const auto get = [&](int64_t i) __attribute__((always_inline)) {
      const Vec<T> v = count == lanes ? load(x + i * pitch + k) : load_first(x + i * pitch + k, count);
      Op::look_at(v, &seen);
      return v;
    };
    Vec<T> sum = get(0);
    for (int64_t i = 1; i < length(rows); ++i) sum = Op::join(sum, get(i));
    Op::judge(seen, &check);
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
  // Where pairs of columns are not picked from vectors.
  const bool tiled = pool.h.taps == 2 && pool.w.taps == 2 && pool.w.stride == 2 && pool.h.offset == 0 &&
                     pool.w.offset == 0 && pool.channels <= kPairedChannels<T>;
  const bool narrow = 4 * pool.channels <= kLanes<T> && !tiled;
  const int64_t grain = rows_per_chunk(pool.h.stride * pitch * static_cast<int64_t>(sizeof(T)));
  const int threads = threads_for(0, static_cast<double>((args.in[0].size + args.out[0].size) * sizeof(T)));
  const int64_t out_pitch = pool.w.outputs * pool.channels;
  parallel_chunks((rows + grain - 1) / grain, threads, narrow ? 2 * padded_row<T>(pool) * sizeof(T) : 0,
                  [&](int64_t chunk, void* scratch) {
                    const int64_t end = (chunk + 1) * grain < rows ? (chunk + 1) * grain : rows;
                    for_equal_rows(pool, chunk * grain, end, [&](int64_t n, int64_t row, int64_t lines) PN_LAMBDA {
                      const T* const image = x + n * pool.h.source * pitch;
                      T* const out = y + (n * pool.h.outputs + row) * out_pitch;
                      if (!narrow) {
                        if (!pool_rows<Op>(images, image, row, lines, out, y + end * out_pitch)) {
                          pool_rows<Careful>(images, image, row, lines, out, y + end * out_pitch);
                        }
                        return;
                      }
                      T* const buffer = static_cast<T*>(scratch);
                      for (int64_t i = 0; i < lines; ++i) {
                        const Range window = window_at(pool.h, row + i);
                        if (!pool_narrow_row<Op>(images, image, window, buffer, out + i * out_pitch)) {
                          pool_narrow_row<Careful>(images, image, window, buffer, out + i * out_pitch);
                        }
                      }
                    });
                  });
}

}  // namespace

PN_KERNELS(pool2d,
           {"max_pool2d", by_dtype<forward<Maximum, MaximumOrNaN, float>, forward<Maximum, MaximumOrNaN, double>>,
            nullptr},
           {"average_pool2d", by_dtype<forward<Average, Average, float>, forward<Average, Average, double>>, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
