// Cross-entropies from logits. The forward pass keeps each row's largest logit and its sum of exponentials, so the
// gradient is one pass with no reduction.
#include "cpu/short_rows.h"
#include "cpu/softmax_row.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

constexpr int64_t kGrain = 8192;  // logits of a chunk
constexpr double kExpFlops = 20;

struct Rows {
  int64_t rows, classes, grain;
  int threads;
};

template <class T>
Rows rows_of(const View& logits) {
  Rows r;
  r.classes = logits.dim(-1);
  r.rows = 1;
  for (int i = 0; i + 1 < logits.rank; ++i) r.rows *= logits.dims[i];
  r.grain = kGrain / (r.classes > 0 ? r.classes : 1) + 1;
  const double size = static_cast<double>(logits.size);
  r.threads = threads_for(size * kExpFlops, size * static_cast<double>(2 * sizeof(T)));
  return r;
}

PN_INLINE int64_t label_at(const View& labels, int64_t i) {
  switch (labels.dtype) {
    case DType::uint8:
      return labels.as<uint8_t>()[i];
    case DType::int8:
      return labels.as<int8_t>()[i];
    case DType::int16:
      return labels.as<int16_t>()[i];
    case DType::int32:
      return labels.as<int32_t>()[i];
    default:
      return labels.as<int64_t>()[i];
  }
}

// Without a branch per label, so that it vectorises. A negative label is a huge unsigned one.
template <class L>
bool all_below(const View& labels, int64_t classes) {
  const L* label = labels.as<L>();
  int bad = 0;
  for (int64_t i = 0; i < labels.size; ++i) {
    bad |= static_cast<uint64_t>(static_cast<int64_t>(label[i])) >= static_cast<uint64_t>(classes);
  }
  return !bad;
}

bool all_below(const View& labels, int64_t classes) {
  switch (labels.dtype) {
    case DType::uint8:
      return all_below<uint8_t>(labels, classes);
    case DType::int8:
      return all_below<int8_t>(labels, classes);
    case DType::int16:
      return all_below<int16_t>(labels, classes);
    case DType::int32:
      return all_below<int32_t>(labels, classes);
    default:
      return all_below<int64_t>(labels, classes);
  }
}

// Reports the first label outside [0, classes).
bool labels_in_range(const View& labels, int64_t classes, RunState* state) {
  if (all_below(labels, classes)) return true;
  int64_t i = 0;
  while (label_at(labels, i) >= 0 && label_at(labels, i) < classes) ++i;
  state->status = Status::index_out_of_range;
  state->value = label_at(labels, i);
  state->limit = classes;
  state->position = i;
  return false;
}

// The largest logit and the sum of exponentials of each row in [begin, end).
template <class T>
void row_statistics(const T* logits, int64_t classes, int64_t begin, int64_t end, T* max, T* sum) {
  if (classes > kLanes<T>) {
    const int64_t together = softmax_rows_together<T>(classes);
    for (int64_t first = begin; first < end; first += together) {
      const int64_t count = end - first < together ? end - first : together;
      const T* const x = logits + first * classes;
      if (together == 1) {
        const SoftmaxRow<T> row = softmax_row(x, classes);
        max[first] = row.max;
        sum[first] = row.sum;
        continue;
      }
      const EachRow<T> maxima = row_maxima(x, count, classes), sums = row_sums(x, count, classes, maxima);
      store_first(max + first, load(maxima.values), static_cast<int>(count));
      store_first(sum + first, load(sums.values), static_cast<int>(count));
    }
    return;
  }
  for_short_rows<T>(begin, end, [=](int64_t r, int64_t count) PN_LAMBDA {
    ShortRows<T> x;
    x.load(logits + r * classes, count, classes);
    const Vec<T> largest = column_max(x.data(), classes, kLanes<T>, AllLanes{});
    Vec<T> total{};
    for (int64_t k = 0; k < classes; ++k) total += vexp(x.columns[k] - largest);
    store_first(max + r, largest, static_cast<int>(count));
    store_first(sum + r, total, static_cast<int>(count));
  });
}

template <class T>
void sparse(const KernelArgs& args) {
  const View& labels = args.in[0];
  const Rows s = rows_of<T>(args.in[1]);
  if (!labels_in_range(labels, args.in[1].dim(-1), args.state)) return;
  const T* logits = args.in[1].as<T>();
  T *loss = args.out[0].as<T>(), *max = args.out[1].as<T>(), *sum = args.out[2].as<T>();
  parallel_range(s.rows, s.grain, s.threads, [=, &labels](int64_t begin, int64_t end) {
    row_statistics(logits, s.classes, begin, end, max, sum);
    for (int64_t r = begin; r < end; ++r) loss[r] = max[r] - logits[r * s.classes + label_at(labels, r)];
    for_lanes<T>(begin, end, [=](int64_t i, auto lanes) PN_LAMBDA {
      lanes.store(loss + i, lanes.load(loss + i) + vlog(lanes.load(sum + i)));
    });
  });
}

template <class T>
void sparse_grad(const KernelArgs& args) {
  const View &labels = args.in[1], &logits_view = args.in[2];
  const Rows s = rows_of<T>(logits_view);
  if (!labels_in_range(labels, logits_view.dim(-1), args.state)) return;
  const T *dloss = args.in[0].as<T>(), *logits = logits_view.as<T>();
  const T *max = args.in[3].as<T>(), *sum = args.in[4].as<T>();
  T* dlogits = args.out[0].as<T>();
  parallel_range(s.rows, s.grain, s.threads, [=, &labels](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t first = r * s.classes, label = label_at(labels, r);
      const T upstream = dloss[r], scale = upstream / sum[r], largest = max[r];
      if (s.classes <= kLanes<T>) {
        // Here the label's element is still in the pipeline to memory: reading it back would stall.
        const FirstLanes lanes{static_cast<int>(s.classes)};
        const Vec<T> p = vexp(lanes.load(logits + first) - largest) * scale;
        const Vec<T> own = select(lane_numbers<T>() == broadcast(static_cast<T>(label)), broadcast(upstream), Vec<T>{});
        lanes.store(dlogits + first, p - own);
        continue;
      }
      for_lanes<T>(first, first + s.classes, [=](int64_t i, auto lanes) PN_LAMBDA {
        lanes.store(dlogits + i, vexp(lanes.load(logits + i) - largest) * scale);
      });
      dlogits[first + label] -= upstream;
    }
  });
}

// target * (max + log(sum) - x). A class that is ruled out (logit -infinity) and has no target costs nothing: 0, not
// 0 * infinity.
template <class T>
PN_INLINE Vec<T> dense_term(Vec<T> target, Vec<T> x, Vec<T> max, Vec<T> log_sum) {
  const Vec<T> surprise = (max - x) + log_sum;
  return select((target == T(0)) & (surprise == static_cast<T>(__builtin_inf())), Vec<T>{}, target * surprise);
}

template <class T>
void dense(const KernelArgs& args) {
  const Rows s = rows_of<T>(args.in[1]);
  const T *targets = args.in[0].as<T>(), *logits = args.in[1].as<T>();
  T *loss = args.out[0].as<T>(), *max = args.out[1].as<T>(), *sum = args.out[2].as<T>();
  const int64_t n = s.classes;
  parallel_range(s.rows, s.grain, s.threads, [=](int64_t begin, int64_t end) {
    row_statistics(logits, n, begin, end, max, sum);
    for_lanes<T>(begin, end,
                 [=](int64_t i, auto lanes) PN_LAMBDA { lanes.store(loss + i, vlog(lanes.load(sum + i))); });
    if (n > kLanes<T>) {
      for (int64_t r = begin; r < end; ++r) {
        const Vec<T> largest = broadcast(max[r]), log_sum = broadcast(loss[r]);
        loss[r] = sum_lanes<T>(r * n, (r + 1) * n, [=](int64_t i, auto lanes) PN_LAMBDA {
          return lanes.keep(dense_term<T>(lanes.load(targets + i), lanes.load(logits + i), largest, log_sum), T(0));
        });
      }
      return;
    }
    for_short_rows<T>(begin, end, [=](int64_t r, int64_t count) PN_LAMBDA {
      ShortRows<T> t, x;
      t.load(targets + r * n, count, n);
      x.load(logits + r * n, count, n);
      const int rows = static_cast<int>(count);
      const Vec<T> largest = load_first(max + r, rows), log_sum = load_first(loss + r, rows);
      Vec<T> total{};
      for (int64_t k = 0; k < n; ++k) total += dense_term<T>(t.columns[k], x.columns[k], largest, log_sum);
      store_first(loss + r, total, rows);
    });
  });
}

template <class T>
void dense_grad(const KernelArgs& args) {
  const Rows s = rows_of<T>(args.in[2]);
  const T *dloss = args.in[0].as<T>(), *targets = args.in[1].as<T>(), *logits = args.in[2].as<T>();
  const T *max = args.in[3].as<T>(), *sum = args.in[4].as<T>();
  T* dlogits = args.out[0].as<T>();
  parallel_range(s.rows, s.grain, s.threads, [=](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t first = r * s.classes;
      const T weight = sum_lanes<T>(first, first + s.classes,
                                    [=](int64_t i, auto lanes) PN_LAMBDA { return lanes.load(targets + i); });
      const T upstream = dloss[r], scale = weight / sum[r], largest = max[r];
      for_lanes<T>(first, first + s.classes, [=](int64_t i, auto lanes) PN_LAMBDA {
        const Vec<T> p = vexp(lanes.load(logits + i) - largest) * scale;
        lanes.store(dlogits + i, (p - lanes.load(targets + i)) * upstream);
      });
    }
  });
}

template <class T>
void dense_targets_grad(const KernelArgs& args) {
  const Rows s = rows_of<T>(args.in[1]);
  const T *dloss = args.in[0].as<T>(), *logits = args.in[1].as<T>();
  const T *max = args.in[2].as<T>(), *sum = args.in[3].as<T>();
  T* dtargets = args.out[0].as<T>();
  parallel_range(s.rows, s.grain, s.threads, [=](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T upstream = dloss[r], largest = max[r], log_sum = log_of(sum[r]);
      for_lanes<T>(r * s.classes, (r + 1) * s.classes, [=](int64_t i, auto lanes) PN_LAMBDA {
        lanes.store(dtargets + i, ((largest - lanes.load(logits + i)) + log_sum) * upstream);
      });
    }
  });
}

template <class T, class Body>
PN_INLINE void for_elements(int64_t size, double flops, int operands, const Body& body) {
  const double count = static_cast<double>(size);
  const int threads = threads_for(count * flops, count * static_cast<double>(sizeof(T)) * operands);
  parallel_range(size, kGrain, threads, [&](int64_t begin, int64_t end) PN_LAMBDA { for_lanes<T>(begin, end, body); });
}

template <class T>
void sigmoid(const KernelArgs& args) {
  const T *targets = args.in[0].as<T>(), *logits = args.in[1].as<T>();
  T* loss = args.out[0].as<T>();
  for_elements<T>(args.in[1].size, 2 * kExpFlops, 3, [=](int64_t i, auto lanes) PN_LAMBDA {
    const Vec<T> x = lanes.load(logits + i);
    const Vec<T> positive = vmax(x, Vec<T>{});
    lanes.store(loss + i, (positive - x * lanes.load(targets + i)) + vlog1p(vexp(-vabs(x))));
  });
}

template <class T>
void sigmoid_grad(const KernelArgs& args) {
  const T *dloss = args.in[0].as<T>(), *targets = args.in[1].as<T>(), *logits = args.in[2].as<T>();
  T* dlogits = args.out[0].as<T>();
  for_elements<T>(args.in[2].size, kExpFlops, 4, [=](int64_t i, auto lanes) PN_LAMBDA {
    lanes.store(dlogits + i, (vsigmoid(lanes.load(logits + i)) - lanes.load(targets + i)) * lanes.load(dloss + i));
  });
}

template <class T>
void sigmoid_targets_grad(const KernelArgs& args) {
  const T *dloss = args.in[0].as<T>(), *logits = args.in[1].as<T>();
  T* dtargets = args.out[0].as<T>();
  for_elements<T>(args.in[1].size, 1, 3, [=](int64_t i, auto lanes) PN_LAMBDA {
    lanes.store(dtargets + i, -lanes.load(logits + i) * lanes.load(dloss + i));
  });
}

}  // namespace

PN_KERNELS(cross_entropy, {"sparse_softmax_cross_entropy", by_dtype<sparse<float>, sparse<double>, 1>, nullptr},
           {"sparse_softmax_cross_entropy_grad", by_dtype<sparse_grad<float>, sparse_grad<double>>, nullptr},
           {"softmax_cross_entropy", by_dtype<dense<float>, dense<double>>, nullptr},
           {"softmax_cross_entropy_grad", by_dtype<dense_grad<float>, dense_grad<double>>, nullptr},
           {"softmax_cross_entropy_targets_grad", by_dtype<dense_targets_grad<float>, dense_targets_grad<double>>,
            nullptr},
           {"sigmoid_cross_entropy", by_dtype<sigmoid<float>, sigmoid<double>>, nullptr},
           {"sigmoid_cross_entropy_grad", by_dtype<sigmoid_grad<float>, sigmoid_grad<double>>, nullptr},
           {"sigmoid_cross_entropy_targets_grad", by_dtype<sigmoid_targets_grad<float>, sigmoid_targets_grad<double>>,
            nullptr})
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
