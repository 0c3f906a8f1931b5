// Softmax, its logarithm and their gradients, along any axis. Along the last one a row is contiguous and vectors run
// along it; else each lane holds a row of its own. Rows that fit one vector are transposed to the second form.
#include "ops/softmax_params.h"

#include "cpu/short_rows.h"
#include "cpu/softmax_row.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

constexpr int64_t kGrain = 8192;  // elements of a chunk

// Each op has row(a, b, n, y) for a contiguous row, and columns(a, b, n, stride, y, lanes) for a vector of rows whose
// elements are `stride` apart. Those that have to wait for more than a sum also have rows(x, count, n, y) for several
// short rows. y may be a.
struct Softmax {
  static constexpr int operands = 1;
  static constexpr bool has_rows = true;
  static constexpr double flops = 20;
  template <class T>
  PN_INLINE void row(const T* x, const T*, int64_t n, T* y) {
    const SoftmaxRow<T> s =
        softmax_row(x, n, [=](int64_t i, auto lanes, Vec<T> e) PN_LAMBDA { lanes.store(y + i, e); });
    const T scale = 1 / s.sum;
    for_lanes<T>(0, n, [=](int64_t i, auto lanes) PN_LAMBDA { lanes.store(y + i, lanes.load(y + i) * scale); });
  }
  template <class T>
  PN_INLINE void rows(const T* x, int64_t count, int64_t n, T* y) {
    // Whole vectors, as reading back what was written in part would wait for the cache.
    constexpr int64_t L = kLanes<T>;
    alignas(PN_VECTOR_BYTES) T exponentials[kTogetherBytes / sizeof(T) + L * L];
    const int64_t pitch = (n + L - 1) / L * L;
    const EachRow<T> max = row_maxima(x, count, n);
    const EachRow<T> sum = fold_each<T>(count, Add{}, [&](int64_t r) PN_LAMBDA {
      return sum_of_exponentials(x + r * n, n, max[r],
                                 [to = exponentials + r * pitch](int64_t i, auto, Vec<T> e)
                                     PN_LAMBDA { store(to + i, e); });
    });
    EachRow<T> scale;
    store(scale.values, T(1) / load(sum.values));
    for (int64_t r = 0; r < count; ++r) {
      for_lanes<T>(0, n,
                   [=, to = y + r * n, from = exponentials + r * pitch, s = scale[r]](int64_t i, auto lanes)
                       PN_LAMBDA { lanes.store(to + i, load(from + i) * s); });
    }
  }
  template <class T, class Lanes>
  PN_INLINE void columns(const T* x, const T*, int64_t n, int64_t stride, T* y, Lanes lanes) {
    const Vec<T> max = column_max(x, n, stride, lanes);
    Vec<T> sum{};
    for (int64_t k = 0; k < n; ++k) {
      const Vec<T> e = vexp(lanes.load(x + k * stride) - max);
      lanes.store(y + k * stride, e);
      sum += e;
    }
    const Vec<T> scale = T(1) / sum;
    for (int64_t k = 0; k < n; ++k) lanes.store(y + k * stride, lanes.load(y + k * stride) * scale);
  }
};

struct LogSoftmax {
  static constexpr int operands = 1;
  static constexpr bool has_rows = true;
  static constexpr double flops = 20;
  template <class T>
  PN_INLINE void row(const T* x, const T*, int64_t n, T* y) {
    const SoftmaxRow<T> s = softmax_row(x, n);
    const T log_sum = log_of(s.sum), max = s.max;
    for_lanes<T>(0, n,
                 [=](int64_t i, auto lanes) PN_LAMBDA { lanes.store(y + i, (lanes.load(x + i) - max) - log_sum); });
  }
  template <class T>
  PN_INLINE void rows(const T* x, int64_t count, int64_t n, T* y) {
    const EachRow<T> max = row_maxima(x, count, n);
    const EachRow<T> sum = row_sums(x, count, n, max);
    EachRow<T> log_sum;
    store(log_sum.values, vlog(load(sum.values)));
    for (int64_t r = 0; r < count; ++r) {
      for_lanes<T>(r * n, r * n + n, [=, m = max[r], s = log_sum[r]](int64_t i, auto lanes) PN_LAMBDA {
        lanes.store(y + i, (lanes.load(x + i) - m) - s);
      });
    }
  }
  template <class T, class Lanes>
  PN_INLINE void columns(const T* x, const T*, int64_t n, int64_t stride, T* y, Lanes lanes) {
    const Vec<T> max = column_max(x, n, stride, lanes);
    Vec<T> sum{};
    for (int64_t k = 0; k < n; ++k) sum += vexp(lanes.load(x + k * stride) - max);
    const Vec<T> log_sum = vlog(sum);
    for (int64_t k = 0; k < n; ++k) lanes.store(y + k * stride, (lanes.load(x + k * stride) - max) - log_sum);
  }
};

struct SoftmaxGrad {
  static constexpr int operands = 2;
  static constexpr bool has_rows = false;
  static constexpr double flops = 4;
  template <class T>
  PN_INLINE void row(const T* dy, const T* y, int64_t n, T* dx) {
    const T dot =
        sum_lanes<T>(0, n, [=](int64_t i, auto lanes) PN_LAMBDA { return lanes.load(dy + i) * lanes.load(y + i); });
    for_lanes<T>(0, n, [=](int64_t i, auto lanes) PN_LAMBDA {
      lanes.store(dx + i, lanes.load(y + i) * (lanes.load(dy + i) - dot));
    });
  }
  template <class T, class Lanes>
  PN_INLINE void columns(const T* dy, const T* y, int64_t n, int64_t stride, T* dx, Lanes lanes) {
    Vec<T> dot{};
    for (int64_t k = 0; k < n; ++k) dot += lanes.load(dy + k * stride) * lanes.load(y + k * stride);
    for (int64_t k = 0; k < n; ++k) {
      lanes.store(dx + k * stride, lanes.load(y + k * stride) * (lanes.load(dy + k * stride) - dot));
    }
  }
};

struct LogSoftmaxGrad {
  static constexpr int operands = 2;
  static constexpr bool has_rows = false;
  static constexpr double flops = 20;
  template <class T>
  PN_INLINE void row(const T* dy, const T* y, int64_t n, T* dx) {
    const T sum = sum_lanes<T>(0, n, [=](int64_t i, auto lanes) PN_LAMBDA { return lanes.load(dy + i); });
    for_lanes<T>(0, n, [=](int64_t i, auto lanes) PN_LAMBDA {
      lanes.store(dx + i, lanes.load(dy + i) - vexp(lanes.load(y + i)) * sum);
    });
  }
  template <class T, class Lanes>
  PN_INLINE void columns(const T* dy, const T* y, int64_t n, int64_t stride, T* dx, Lanes lanes) {
    Vec<T> sum{};
    for (int64_t k = 0; k < n; ++k) sum += lanes.load(dy + k * stride);
    for (int64_t k = 0; k < n; ++k) {
      lanes.store(dx + k * stride, lanes.load(dy + k * stride) - vexp(lanes.load(y + k * stride)) * sum);
    }
  }
};

// Rows of at most a vector.
template <class T, class Op>
void short_rows(const T* a, const T* b, int64_t begin, int64_t end, int64_t n, T* y) {
  for_short_rows<T>(begin, end, [=](int64_t r, int64_t count) PN_LAMBDA {
    ShortRows<T> first, second;
    first.load(a + r * n, count, n);
    if (Op::operands == 2) second.load(b + r * n, count, n);
    Op::columns(first.data(), second.data(), n, int64_t{kLanes<T>}, first.data(), AllLanes{});
    first.store(y + r * n, count, n);
  });
}

template <class T, class Op>
void along_axis(const KernelArgs& args) {
  const View& x = args.in[0];
  const int64_t axis = args.param<SoftmaxParams>().axis, n = x.dims[axis];
  if (x.size == 0) return;
  int64_t outer = 1, inner = 1;
  for (int64_t i = 0; i < axis; ++i) outer *= x.dims[i];
  for (int64_t i = axis + 1; i < x.rank; ++i) inner *= x.dims[i];
  const T *a = x.as<T>(), *b = Op::operands == 2 ? args.in[1].as<T>() : a;
  T* y = args.out[0].as<T>();
  const double size = static_cast<double>(x.size);
  const int threads = threads_for(size * Op::flops, size * static_cast<double>(sizeof(T)) * (Op::operands + 1));
  if (inner > 1) {
    const int64_t strips = (inner + kLanes<T> - 1) / kLanes<T>, grain = kGrain / (n * kLanes<T>)+1;
    parallel_range(outer * strips, grain, threads, [=](int64_t begin, int64_t end) {
      for (int64_t strip = begin; strip < end; ++strip) {
        const int64_t j = strip % strips * kLanes<T>, first = strip / strips * n * inner;
        for_lanes<T>(j, j + kLanes<T> < inner ? j + kLanes<T> : inner, [=](int64_t i, auto lanes) PN_LAMBDA {
          Op::columns(a + first + i, b + first + i, n, inner, y + first + i, lanes);
        });
      }
    });
    return;
  }
  const int64_t grain = (kGrain / n + kLanes<T>) / kLanes<T> * kLanes<T>;
  parallel_range(outer, grain, threads, [=](int64_t begin, int64_t end) {
    if (n <= kLanes<T>) return short_rows<T, Op>(a, b, begin, end, n, y);
    if constexpr (Op::has_rows) {
      const int64_t together = softmax_rows_together<T>(n);
      if (together > 1) {
        for (int64_t r = begin; r < end; r += together) {
          Op::rows(a + r * n, end - r < together ? end - r : together, n, y + r * n);
        }
        return;
      }
    }
    for (int64_t r = begin; r < end; ++r) Op::row(a + r * n, b + r * n, n, y + r * n);
  });
}

}  // namespace

PN_KERNELS(softmax, {"softmax", by_dtype<along_axis<float, Softmax>, along_axis<double, Softmax>>, nullptr},
           {"log_softmax", by_dtype<along_axis<float, LogSoftmax>, along_axis<double, LogSoftmax>>, nullptr},
           {"softmax_grad", by_dtype<along_axis<float, SoftmaxGrad>, along_axis<double, SoftmaxGrad>>, nullptr},
           {"log_softmax_grad", by_dtype<along_axis<float, LogSoftmaxGrad>, along_axis<double, LogSoftmaxGrad>>,
            nullptr})
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
