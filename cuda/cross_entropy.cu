// Cross-entropies from logits. The forward pass keeps each row's largest logit and its sum of exponentials, so the
// gradient is one pass with no reduction.
#include "cuda/elementwise.cuh"
#include "cuda/indices.cuh"
#include "cuda/math.cuh"
#include "cuda/row.cuh"

namespace pyneural::cuda {
namespace {

// Per row: the largest logit and the sum of exp(logit - max).
template <class T>
struct Kept {
  const T *max, *sum;
};

template <class T>
struct SparseLoss {
  static constexpr int kOperands = 1;
  Indices labels;
  int64_t classes;
  T *loss, *max, *sum;
  Reporter reporter;
  template <class Row>
  __device__ __forceinline__ void operator()(Row& logits, int64_t r, int64_t, bool real) const {
    const SoftmaxRow<T> s = logits.statistics();
    if (!real || !logits.leads()) return;
    max[r] = s.max;
    sum[r] = s.sum;
    const int64_t label = labels[r];
    if (label < 0 || label >= classes) {
      loss[r] = 0;
      return reporter.outside(labels, r, 0, classes);
    }
    loss[r] = (s.max - logits.at(label)) + std::log(s.sum);
  }
};

template <class T>
struct SparseGrad {
  static constexpr int kOperands = 1;
  Indices labels;
  int64_t classes;
  const T* dloss;
  Kept<T> kept;
  T* dlogits;
  Reporter reporter;
  template <class Row>
  __device__ __forceinline__ void operator()(Row& logits, int64_t r, int64_t base, bool real) const {
    if (!real) return;
    const int64_t label = labels[r];
    if ((label < 0 || label >= classes) && logits.leads()) reporter.outside(labels, r, 0, classes);
    const T upstream = dloss[r], scale = upstream / kept.sum[r], largest = kept.max[r];
    logits.write(dlogits + base, [=](T x, T, int64_t column) {
      const T p = std::exp(x - largest) * scale;
      return column == label ? p - upstream : p;
    });
  }
};

// target * (max + log(sum) - x). A class that is ruled out (logit -infinity) and has no target costs nothing: 0, not
// 0 * infinity.
template <class T>
__device__ __forceinline__ T dense_term(T target, T x, T max, T log_sum) {
  const T surprise = (max - x) + log_sum;
  return target == 0 && surprise == std::numeric_limits<T>::infinity() ? T(0) : target * surprise;
}

// Operands: logits, targets.
template <class T>
struct DenseLoss {
  static constexpr int kOperands = 2;
  T *loss, *max, *sum;
  template <class Row>
  __device__ __forceinline__ void operator()(Row& row, int64_t r, int64_t, bool real) const {
    const SoftmaxRow<T> s = row.statistics();
    const T log_sum = std::log(s.sum);
    const T total = row.sum([=](T x, T target, int64_t) { return dense_term(target, x, s.max, log_sum); });
    if (!real || !row.leads()) return;
    loss[r] = total;
    max[r] = s.max;
    sum[r] = s.sum;
  }
};

template <class T>
struct DenseGrad {
  static constexpr int kOperands = 2;
  const T* dloss;
  Kept<T> kept;
  T* dlogits;
  template <class Row>
  __device__ __forceinline__ void operator()(Row& row, int64_t r, int64_t base, bool real) const {
    const T weight = row.sum([](T, T target, int64_t) { return target; });
    if (!real) return;
    const T upstream = dloss[r], scale = weight / kept.sum[r], largest = kept.max[r];
    row.write(dlogits + base,
              [=](T x, T target, int64_t) { return (std::exp(x - largest) * scale - target) * upstream; });
  }
};

template <class T>
struct DenseTargetsGrad {
  static constexpr int kOperands = 1;
  const T* dloss;
  Kept<T> kept;
  T* dtargets;
  template <class Row>
  __device__ __forceinline__ void operator()(Row& row, int64_t r, int64_t base, bool real) const {
    if (!real) return;
    const T upstream = dloss[r], largest = kept.max[r], log_sum = std::log(kept.sum[r]);
    row.write(dtargets + base, [=](T x, T, int64_t) { return ((largest - x) + log_sum) * upstream; });
  }
};

// Rows of logits, which decide the shape, beside `other` of the same shape, if there is one.
template <class T, class Op>
void for_logits(const KernelArgs& args, const Op& op, const View& logits, const View* other, const View& out) {
  int64_t rows = 1;
  for (int i = 0; i + 1 < logits.rank; ++i) rows *= logits.dims[i];
  const View& second = other ? *other : logits;
  launch_rows(stream_of(args), op, logits.as<const T>(), second.as<const T>(), rows, logits.dim(-1), 1,
              are_aligned({logits.data, second.data, out.data}));
}

void sparse(const KernelArgs& args) {
  const View &labels = args.in[0], &logits = args.in[1];
  with_real(logits.dtype, [&](auto zero) {
    using T = decltype(zero);
    const SparseLoss<T> op{Indices(labels),     logits.dim(-1),      args.out[0].as<T>(),
                           args.out[1].as<T>(), args.out[2].as<T>(), Reporter(args)};
    for_logits<T>(args, op, logits, nullptr, logits);
  });
}

void sparse_grad(const KernelArgs& args) {
  const View &labels = args.in[1], &logits = args.in[2];
  with_real(logits.dtype, [&](auto zero) {
    using T = decltype(zero);
    const SparseGrad<T> op{Indices(labels),          logits.dim(-1),
                           args.in[0].as<const T>(), {args.in[3].as<const T>(), args.in[4].as<const T>()},
                           args.out[0].as<T>(),      Reporter(args)};
    for_logits<T>(args, op, logits, nullptr, args.out[0]);
  });
}

void dense(const KernelArgs& args) {
  const View &targets = args.in[0], &logits = args.in[1];
  with_real(logits.dtype, [&](auto zero) {
    using T = decltype(zero);
    const DenseLoss<T> op{args.out[0].as<T>(), args.out[1].as<T>(), args.out[2].as<T>()};
    for_logits<T>(args, op, logits, &targets, logits);
  });
}

void dense_grad(const KernelArgs& args) {
  const View &targets = args.in[1], &logits = args.in[2];
  with_real(logits.dtype, [&](auto zero) {
    using T = decltype(zero);
    const DenseGrad<T> op{
        args.in[0].as<const T>(), {args.in[3].as<const T>(), args.in[4].as<const T>()}, args.out[0].as<T>()};
    for_logits<T>(args, op, logits, &targets, args.out[0]);
  });
}

void dense_targets_grad(const KernelArgs& args) {
  const View& logits = args.in[1];
  with_real(logits.dtype, [&](auto zero) {
    using T = decltype(zero);
    const DenseTargetsGrad<T> op{
        args.in[0].as<const T>(), {args.in[2].as<const T>(), args.in[3].as<const T>()}, args.out[0].as<T>()};
    for_logits<T>(args, op, logits, nullptr, args.out[0]);
  });
}

// Of target and logit.
struct SigmoidLoss {
  template <class T>
  static __device__ __forceinline__ T of(T target, T x) {
    const T positive = x < 0 ? T(0) : x;  // NaN stays
    return (positive - x * target) + std::log1p(std::exp(-std::abs(x)));
  }
};
struct SigmoidGrad {
  template <class T>
  static __device__ __forceinline__ T of(T dloss, T target, T x) {
    return (sigmoid(x) - target) * dloss;
  }
};
struct SigmoidTargetsGrad {
  template <class T>
  static __device__ __forceinline__ T of(T dloss, T x) {
    return -x * dloss;
  }
};

void sigmoid_loss(const KernelArgs& args) {
  with_real(args.out[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    run_elementwise<T, T, T>(args, SigmoidLoss());
  });
}
void sigmoid_grad(const KernelArgs& args) {
  with_real(args.out[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    run_elementwise<T, T, T, T>(args, SigmoidGrad());
  });
}
void sigmoid_targets_grad(const KernelArgs& args) {
  with_real(args.out[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    run_elementwise<T, T, T>(args, SigmoidTargetsGrad());
  });
}

}  // namespace

PN_KERNELS(cross_entropy, {"sparse_softmax_cross_entropy", sparse, nullptr},
           {"sparse_softmax_cross_entropy_grad", sparse_grad, nullptr}, {"softmax_cross_entropy", dense, nullptr},
           {"softmax_cross_entropy_grad", dense_grad, nullptr},
           {"softmax_cross_entropy_targets_grad", dense_targets_grad, nullptr},
           {"sigmoid_cross_entropy", sigmoid_loss, nullptr}, {"sigmoid_cross_entropy_grad", sigmoid_grad, nullptr},
           {"sigmoid_cross_entropy_targets_grad", sigmoid_targets_grad, nullptr})
}  // namespace pyneural::cuda
