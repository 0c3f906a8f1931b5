// Softmax, its logarithm and their gradients, along any axis.
#include "ops/softmax_params.h"

#include "cuda/row.cuh"

namespace pyneural::cuda {
namespace {

template <class T>
struct Softmax {
  static constexpr int kOperands = 1;
  T* y;
  template <class Row>
  __device__ __forceinline__ void operator()(Row& x, int64_t, int64_t base, bool) const {
    const SoftmaxRow<T> s = x.softmax();
    const T scale = 1 / s.sum;
    x.write_exponentials(y + base, s.max, [=](T e) { return e * scale; });
  }
};

template <class T>
struct LogSoftmax {
  static constexpr int kOperands = 1;
  T* y;
  template <class Row>
  __device__ __forceinline__ void operator()(Row& x, int64_t, int64_t base, bool) const {
    const SoftmaxRow<T> s = x.statistics();
    const T log_sum = std::log(s.sum);
    x.write(y + base, [=](T value, T, int64_t) { return (value - s.max) - log_sum; });
  }
};

// Operands: dy, y.
template <class T>
struct SoftmaxGrad {
  static constexpr int kOperands = 2;
  T* dx;
  template <class Row>
  __device__ __forceinline__ void operator()(Row& row, int64_t, int64_t base, bool) const {
    const T dot = row.sum([](T dy, T y, int64_t) { return dy * y; });
    row.write(dx + base, [=](T dy, T y, int64_t) { return y * (dy - dot); });
  }
};

template <class T>
struct LogSoftmaxGrad {
  static constexpr int kOperands = 2;
  T* dx;
  template <class Row>
  __device__ __forceinline__ void operator()(Row& row, int64_t, int64_t base, bool) const {
    const T sum = row.sum([](T dy, T, int64_t) { return dy; });
    row.write(dx + base, [=](T dy, T y, int64_t) { return dy - std::exp(y) * sum; });
  }
};

template <template <class> class Op>
void along_axis(const KernelArgs& args) {
  with_real(args.in[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    const View &a = args.in[0], &b = args.in[Op<T>::kOperands - 1], &y = args.out[0];
    if (a.size == 0) return;
    const Around around(a.dims, a.rank, args.param<SoftmaxParams>().axis);
    launch_rows(stream_of(args), Op<T>{y.as<T>()}, a.as<const T>(), b.as<const T>(), around.outer * around.inner,
                around.count, around.inner, are_aligned({a.data, b.data, y.data}));
  });
}

}  // namespace

PN_KERNELS(softmax, {"softmax", along_axis<Softmax>, nullptr}, {"log_softmax", along_axis<LogSoftmax>, nullptr},
           {"softmax_grad", along_axis<SoftmaxGrad>, nullptr},
           {"log_softmax_grad", along_axis<LogSoftmaxGrad>, nullptr})
}  // namespace pyneural::cuda
