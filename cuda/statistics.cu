// var and logsumexp: one pass over the data.
#include "cuda/reduce.cuh"
#include "ops/reduce_params.h"

namespace pyneural::cuda {
namespace {

// Of x - shift from the sums of x - shift and its square.
template <class T>
struct WriteVariance {
  T* y;
  double count;
  __device__ __forceinline__ void operator()(int64_t i, Pair<double> sums) const {
    const double mean = sums.first / count, variance = sums.second / count - mean * mean;
    y[i] = static_cast<T>(variance < 0 ? 0 : variance);  // rounding may leave a constant row below zero
  }
};

template <class T>
void var_as(const KernelArgs& args, Scratch& scratch) {
  const View &x = args.in[0], &y = args.out[0];
  const int64_t count = x.size == 0 ? 0 : x.size / y.size;
  const uint32_t axes = args.param<ReduceParams>().axes;
  const ReduceBlock block = x.size > 0 ? cpu::plan_reduction(x, axes).stage[0] : ReduceBlock{};
  const CentredElements<T> source{x.as<const T>(), block};
  reduce_axes<Moments<T>>(stream_of(args), x, source, axes, y.size,
                          WriteVariance<T>{y.as<T>(), static_cast<double>(count)}, scratch);
}

// The largest element and the sum of exp(x - largest).
template <class T>
struct Exponentials {
  T max, sum;
};
template <class T>
struct LogSumExp {
  using Value = T;
  using Run = Exponentials<T>;
  using Total = Exponentials<T>;
  struct Next;
  template <class A>
  static __device__ __forceinline__ A neutral() {
    return {Largest::neutral<T>(), 0};
  }
  // Infinity minus itself is NaN: what has an infinite maximum keeps its sum.
  static __device__ __forceinline__ T scaled(Run a, T max) {
    return a.max == max ? a.sum : a.sum * std::exp(a.max - max);
  }
  template <class A>
  static __device__ __forceinline__ A join(A a, A b) {
    const T max = Max::of(a.max, b.max);
    return {max, scaled(a, max) + scaled(b, max)};
  }
  static __device__ __forceinline__ Run one(T x) { return {x, 1}; }
  static __device__ __forceinline__ Run chunk(const T (&x)[kUnroll]) {
    T max = x[0], sum = 0;
#pragma unroll
    for (int u = 1; u < kUnroll; ++u) max = Max::of(max, x[u]);
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) sum += x[u] == max ? T(1) : std::exp(x[u] - max);
    return {max, sum};
  }
  static __device__ __forceinline__ Total widen(Run run) { return run; }
};
template <class T>
struct LogSumExp<T>::Next : LogSumExp<T> {
  using Value = Exponentials<T>;
  static __device__ __forceinline__ Value one(Value x) { return x; }
  static void chunk() = delete;
};

template <class T>
struct WriteLogSumExp {
  T* y;
  __device__ __forceinline__ void operator()(int64_t i, Exponentials<T> e) const {
    const bool infinite = e.max == Largest::neutral<T>() || e.max == Smallest::neutral<T>();
    y[i] = infinite ? e.max : std::log(e.sum) + e.max;
  }
};

template <class T>
void logsumexp_as(const KernelArgs& args, Scratch& scratch) {
  const View &x = args.in[0], &y = args.out[0];
  reduce_axes<LogSumExp<T>>(stream_of(args), x, Elements<T>{x.as<const T>()}, args.param<ReduceParams>().axes, y.size,
                            WriteLogSumExp<T>{y.as<T>()}, scratch);
}

void var(const KernelArgs& args, Scratch& scratch) {
  with_real(args.in[0].dtype, [&](auto zero) { var_as<decltype(zero)>(args, scratch); });
}
void logsumexp(const KernelArgs& args, Scratch& scratch) {
  with_real(args.in[0].dtype, [&](auto zero) { logsumexp_as<decltype(zero)>(args, scratch); });
}

}  // namespace

PN_KERNELS(statistics, {"var", run_with_scratch<var>, scratch_bytes<var>},
           {"logsumexp", run_with_scratch<logsumexp>, scratch_bytes<logsumexp>})
}  // namespace pyneural::cuda
