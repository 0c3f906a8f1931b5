// argmax and argmin along a contiguous axis: find the extreme value with vectors, then where it first stands.
#include "cpu/portable/arg_reduce.h"
#include "cpu/reduce.h"
#include "cpu/short_rows.h"
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

// Short rows: a lane to each, and without branches. Which one of ten classes is the largest no processor foresees.
constexpr int64_t kShortArgRow = 32;
template <class R>
void arg_short_rows(const typename R::Element* x, int64_t n, int64_t begin, int64_t end, int32_t* to) {
  using T = typename R::Element;
  constexpr int V = kLanes<T>;
  for_short_rows<T>(begin, end, [=](int64_t first, int64_t count) PN_LAMBDA {
    Vec<T> best = broadcast<T>(R::identity()), position{};
    for (int64_t part = 0; part < n; part += V) {
      const int64_t width = n - part < V ? n - part : V;
      ShortRows<T> rows;
      rows.load_part(x + first * n + part, count, width, n);
      for (int64_t k = 0; k < width; ++k) {
        const Vec<T> winner = R::combine(best, rows.columns[k]);
        position = select((winner != best) & (best == best), broadcast(static_cast<T>(part + k)), position);
        best = winner;
      }
    }
    T positions[V];
    store(positions, position);
    for (int64_t r = 0; r < count; ++r) to[first + r] = static_cast<int32_t>(positions[r]);
  });
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
                   if (n <= kShortArgRow) return arg_short_rows<R>(from, n, begin, end, to);
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
