// sum, mean, prod, max, min of floating-point tensors; integers go to reduce_integer.cu.
#include "cuda/reduce.cuh"
#include "cuda/reduce_integer.h"
#include "ops/reduce_params.h"

namespace pyneural::cuda {
namespace {

// Sums and products run in float over short runs and in double across them: a few ULP at any length.
template <class Op, class T>
using Accumulate = Fold<Op, Plain, T, T, double>;
template <class Op, class T>
using Extreme = Fold<Op, Plain, T, T, T>;

template <class T>
struct WriteQuotient {
  T* y;
  double divisor;
  template <class Total>
  __device__ __forceinline__ void operator()(int64_t i, Total total) const {
    y[i] = static_cast<T>(divisor == 1 ? total : total / static_cast<Total>(divisor));
  }
};

template <class R, class T>
void reduce_real(const KernelArgs& args, double divisor, Scratch& scratch) {
  const View &x = args.in[0], &y = args.out[0];
  reduce_axes<R>(stream_of(args), x, Elements<T>{x.as<const T>()}, args.param<ReduceParams>().axes, y.size,
                 WriteQuotient<T>{y.as<T>(), divisor}, scratch);
}

template <class Op, template <class, class> class R>
void reduce(const KernelArgs& args, IntegerReduction integer, Scratch& scratch, double divisor = 1) {
  if (args.in[0].dtype == DType::float32) return reduce_real<R<Op, float>, float>(args, divisor, scratch);
  if (args.in[0].dtype == DType::float64) return reduce_real<R<Op, double>, double>(args, divisor, scratch);
  reduce_integer(args, integer, scratch);
}

void sum(const KernelArgs& args, Scratch& scratch) { reduce<Add, Accumulate>(args, IntegerReduction::sum, scratch); }
void mean(const KernelArgs& args, Scratch& scratch) {
  const View& x = args.in[0];
  double count = 1;
  for (int i = 0; i < x.rank; ++i) {
    if ((args.param<ReduceParams>().axes >> i) & 1) count *= static_cast<double>(x.dims[i]);
  }
  reduce<Add, Accumulate>(args, IntegerReduction::sum, scratch, count);
}
void prod(const KernelArgs& args, Scratch& scratch) {
  reduce<Multiply, Accumulate>(args, IntegerReduction::prod, scratch);
}
void max(const KernelArgs& args, Scratch& scratch) { reduce<Largest, Extreme>(args, IntegerReduction::max, scratch); }
void min(const KernelArgs& args, Scratch& scratch) { reduce<Smallest, Extreme>(args, IntegerReduction::min, scratch); }

}  // namespace

PN_KERNELS(reduce, {"sum", run_with_scratch<sum>, scratch_bytes<sum>},
           {"mean", run_with_scratch<mean>, scratch_bytes<mean>}, {"prod", run_with_scratch<prod>, scratch_bytes<prod>},
           {"max", run_with_scratch<max>, scratch_bytes<max>}, {"min", run_with_scratch<min>, scratch_bytes<min>})
}  // namespace pyneural::cuda
