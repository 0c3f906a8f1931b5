// Reductions of integer and bool tensors, and any, all, count_nonzero of all types.
#include "cuda/reduce_integer.h"

#include "cuda/reduce.cuh"
#include "ops/reduce_params.h"

namespace pyneural::cuda {
namespace {

template <class T>
using Accumulator = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;

template <class Out>
struct Write {
  Out* y;
  template <class Total>
  __device__ __forceinline__ void operator()(int64_t i, Total total) const {
    y[i] = static_cast<Out>(total);
  }
};

template <class R, class Out>
void reduce_to(const KernelArgs& args, Scratch& scratch) {
  using T = typename R::Value;
  const View &x = args.in[0], &y = args.out[0];
  reduce_axes<R>(stream_of(args), x, Elements<T>{x.as<const T>()}, args.param<ReduceParams>().axes, y.size,
                 Write<Out>{y.as<Out>()}, scratch);
}

// kWide: the result has the accumulator's type.
template <class Op, class T, bool kWide>
void reduce_as(const KernelArgs& args, Scratch& scratch) {
  using A = Accumulator<T>;
  reduce_to<Fold<Op, Plain, T, A, A>, std::conditional_t<kWide, A, T>>(args, scratch);
}

template <class Op, bool kWide>
void reduce_any_integer(const KernelArgs& args, Scratch& scratch) {
  switch (args.in[0].dtype) {
    case DType::boolean:
    case DType::uint8:
      return reduce_as<Op, uint8_t, kWide>(args, scratch);
    case DType::int8:
      return reduce_as<Op, int8_t, kWide>(args, scratch);
    case DType::int16:
      return reduce_as<Op, int16_t, kWide>(args, scratch);
    case DType::int32:
      return reduce_as<Op, int32_t, kWide>(args, scratch);
    default:
      return reduce_as<Op, int64_t, kWide>(args, scratch);
  }
}

template <class Op, class Out>
void reduce_truth(const KernelArgs& args, Scratch& scratch) {
  with_element(args.in[0].dtype, [&](auto element) {
    reduce_to<Fold<Op, NonZero, decltype(element), int32_t, int32_t>, Out>(args, scratch);
  });
}

// The neutral element of an empty `all` is true, not the largest number.
struct Either : Largest {
  template <class T>
  static __device__ __forceinline__ T neutral() {
    return 0;
  }
};
struct Both : Smallest {
  template <class T>
  static __device__ __forceinline__ T neutral() {
    return 1;
  }
};

void any(const KernelArgs& args, Scratch& scratch) { reduce_truth<Either, bool>(args, scratch); }
void all(const KernelArgs& args, Scratch& scratch) { reduce_truth<Both, bool>(args, scratch); }
void count_nonzero(const KernelArgs& args, Scratch& scratch) { reduce_truth<Add, int32_t>(args, scratch); }

}  // namespace

void reduce_integer(const KernelArgs& args, IntegerReduction reduction, Scratch& scratch) {
  switch (reduction) {
    case IntegerReduction::sum:
      return reduce_any_integer<Add, true>(args, scratch);
    case IntegerReduction::prod:
      return reduce_any_integer<Multiply, true>(args, scratch);
    case IntegerReduction::max:
      return reduce_any_integer<Largest, false>(args, scratch);
    case IntegerReduction::min:
      return reduce_any_integer<Smallest, false>(args, scratch);
  }
}

PN_KERNELS(reduce_integer, {"any", run_with_scratch<any>, scratch_bytes<any>},
           {"all", run_with_scratch<all>, scratch_bytes<all>},
           {"count_nonzero", run_with_scratch<count_nonzero>, scratch_bytes<count_nonzero>})
}  // namespace pyneural::cuda
