// sum, mean, prod, max, min of floating-point tensors; integers go to portable code.
#include "cpu/reduce.h"

#include "cpu/portable/reduce_integer.h"
#include "ops/reduce_params.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {

namespace {

using portable::IntegerReduction;

template <class R, class Wide>
PN_INLINE void reduce(const KernelArgs& args, double divisor) {
  using T = typename R::Element;
  const View& x = args.in[0];
  T* y = args.out[0].as<T>();
  if (x.size == 0) {
    for (int64_t i = 0; i < args.out[0].size; ++i) y[i] = static_cast<T>(R::identity() / static_cast<T>(divisor));
    return;
  }
  const uint32_t axes = args.param<ReduceParams>().axes;
  if (reduce_at_once<R>(x, args.out[0], axes, divisor)) return;
  reduce_all_stages<R, Wide>(x.as<T>(), plan_reduction(x, axes), args.workspace, y, divisor);
}

template <template <class> class R>
PN_INLINE void reduce_any_dtype(const KernelArgs& args, IntegerReduction integer, double divisor = 1) {
  switch (args.in[0].dtype) {
    case DType::float32:
      return reduce<R<float>, R<typename R<float>::Total>>(args, divisor);
    case DType::float64:
      return reduce<R<double>, R<double>>(args, divisor);
    default:
      return portable::reduce_integer(args, integer);
  }
}

template <template <class> class R>
PN_INLINE size_t workspace_bytes(const KernelArgs& args) {
  const View& x = args.in[0];
  const uint32_t axes = args.param<ReduceParams>().axes;
  if (x.size == 0) return 0;
  if (x.dtype == DType::float32) return reduction_bytes<R<float>>(plan_reduction(x, axes));
  if (x.dtype == DType::float64) return reduction_bytes<R<double>>(plan_reduction(x, axes));
  return portable::reduce_integer_bytes(args);
}

void sum(const KernelArgs& args) { reduce_any_dtype<AddReducer>(args, IntegerReduction::sum); }
void mean(const KernelArgs& args) {
  const View& x = args.in[0];
  double count = 1;
  for (int i = 0; i < x.rank; ++i) {
    if ((args.param<ReduceParams>().axes >> i) & 1) count *= static_cast<double>(x.dims[i]);
  }
  reduce_any_dtype<AddReducer>(args, IntegerReduction::sum, count);
}
void prod(const KernelArgs& args) { reduce_any_dtype<MultiplyReducer>(args, IntegerReduction::prod); }
void max(const KernelArgs& args) { reduce_any_dtype<MaxReducer>(args, IntegerReduction::max); }
void min(const KernelArgs& args) { reduce_any_dtype<MinReducer>(args, IntegerReduction::min); }

size_t sum_workspace(const KernelArgs& args) { return workspace_bytes<AddReducer>(args); }
size_t max_workspace(const KernelArgs& args) { return workspace_bytes<MaxReducer>(args); }

}  // namespace

PN_KERNELS(reduce, {"sum", sum, sum_workspace}, {"mean", mean, sum_workspace}, {"prod", prod, sum_workspace},
           {"max", max, max_workspace}, {"min", min, max_workspace})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
