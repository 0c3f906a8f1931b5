// var and logsumexp: a first pass finds the mean or the maximum of each row, a second one sums around it.
#include "cpu/math.h"
#include "cpu/reduce.h"
#include "ops/reduce_params.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {

namespace {

struct ExpDifference {
  template <class V>
  PN_INLINE V apply(V x, V shift) {
    return vexp(x - shift);
  }
};

// The reduced axes are adjacent: one stage.
ReduceBlock block_of(const KernelArgs& args) {
  return plan_reduction(args.in[0], args.param<ReduceParams>().axes).stage[0];
}

// The first pass leaves one value per result in the workspace, before the partial totals.
template <class T>
PN_INLINE size_t first_pass_bytes(ReduceBlock b) {
  return (static_cast<size_t>(b.outer * b.inner) * sizeof(T) + 63) / 64 * 64;
}

template <class T>
void var_of(const KernelArgs& args) {
  const T* x = args.in[0].as<T>();
  T* y = args.out[0].as<T>();
  if (args.in[0].size == 0) {
    for (int64_t i = 0; i < args.out[0].size; ++i) y[i] = static_cast<T>(__builtin_nan(""));
    return;
  }
  const ReduceBlock b = block_of(args);
  T* mean = static_cast<T*>(args.workspace);
  void* partial = static_cast<char*>(args.workspace) + first_pass_bytes<T>(b);
  const double count = static_cast<double>(b.reduce);
  reduce_block<AddReducer<T>, Plain, T>(x, b, nullptr, partial, {nullptr, mean, count});
  reduce_block<AddReducer<T>, SquaredDifference, T>(x, b, mean, partial, {nullptr, y, count});
}

template <class T>
void logsumexp_of(const KernelArgs& args) {
  const T* x = args.in[0].as<T>();
  T* y = args.out[0].as<T>();
  const T infinity = static_cast<T>(__builtin_inf());
  if (args.in[0].size == 0) {
    for (int64_t i = 0; i < args.out[0].size; ++i) y[i] = -infinity;
    return;
  }
  const ReduceBlock b = block_of(args);
  const int64_t results = b.outer * b.inner;
  T* max = static_cast<T*>(args.workspace);
  void* partial = static_cast<char*>(args.workspace) + first_pass_bytes<T>(b);
  reduce_block<MaxReducer<T>, Plain, T>(x, b, nullptr, partial, {nullptr, max, 1});
  // Infinity minus itself is NaN: rows with an infinite maximum are summed as they are.
  for (int64_t i = 0; i < results; ++i) {
    if (max[i] == infinity || max[i] == -infinity) max[i] = 0;
  }
  reduce_block<AddReducer<T>, ExpDifference, T>(x, b, max, partial, {nullptr, y, 1});
  for (int64_t i = 0; i < results; ++i) y[i] = static_cast<T>(__builtin_log(static_cast<double>(y[i]))) + max[i];
}

size_t workspace_bytes(const KernelArgs& args) {
  if (args.in[0].size == 0) return 0;
  const ReduceBlock b = block_of(args);
  if (args.in[0].dtype == DType::float32) return first_pass_bytes<float>(b) + partial_bytes<AddReducer<float>>(b);
  return first_pass_bytes<double>(b) + partial_bytes<AddReducer<double>>(b);
}

void var(const KernelArgs& args) { args.in[0].dtype == DType::float32 ? var_of<float>(args) : var_of<double>(args); }
void logsumexp(const KernelArgs& args) {
  args.in[0].dtype == DType::float32 ? logsumexp_of<float>(args) : logsumexp_of<double>(args);
}

}  // namespace

PN_KERNELS(statistics, {"var", var, workspace_bytes}, {"logsumexp", logsumexp, workspace_bytes})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
