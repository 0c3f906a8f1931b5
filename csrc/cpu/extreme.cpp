// argmax and argmin along a contiguous axis: find the extreme value with vectors, then where it first stands.
#include "cpu/portable/arg_reduce.h"
#include "cpu/reduce.h"
#include "ops/reduce_params.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {

namespace {

template <class T>
PN_INLINE int32_t first_position(const T* x, int64_t n, T value) {
  int64_t i = 0;
  if (value != value) {
    while (x[i] == x[i]) ++i;
    return static_cast<int32_t>(i);
  }
  constexpr int V = kLanes<T>;
  const Vec<T> wanted = broadcast(value);
  for (; i + V <= n; i += V) {
    const auto equal = load(x + i) == wanted;
    int64_t words[PN_VECTOR_BYTES / 8], any = 0;
    __builtin_memcpy(words, &equal, sizeof(words));
    for (int w = 0; w < PN_VECTOR_BYTES / 8; ++w) any |= words[w];
    if (any) break;
  }
  while (x[i] != value) ++i;
  return static_cast<int32_t>(i);
}

template <class R>
void arg_rows(const KernelArgs& args) {
  using T = typename R::Element;
  const View& x = args.in[0];
  const int64_t n = x.dim(-1), rows = x.size / n;
  const T* from = x.as<T>();
  int32_t* to = args.out[0].as<int32_t>();
  const double elements = static_cast<double>(x.size);
  parallel_range(rows, kSegment / (n + 1) + 1, threads_for(elements, elements * sizeof(T)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     to[i] = first_position(from + i * n, n, reduce_row<R, Plain>(from + i * n, n, T{}));
                   }
                 });
}

template <template <class> class R>
PN_INLINE void arg_reduce(const KernelArgs& args, void (*any_dtype)(const KernelArgs&)) {
  const View& x = args.in[0];
  if (x.size > 0 && args.param<ArgReduceParams>().axis == x.rank - 1) {
    if (x.dtype == DType::float32) return arg_rows<R<float>>(args);
    if (x.dtype == DType::float64) return arg_rows<R<double>>(args);
  }
  any_dtype(args);
}

void argmax(const KernelArgs& args) { arg_reduce<MaxReducer>(args, portable::argmax); }
void argmin(const KernelArgs& args) { arg_reduce<MinReducer>(args, portable::argmin); }

}  // namespace

PN_KERNELS(extreme, {"argmax", argmax, nullptr}, {"argmin", argmin, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
