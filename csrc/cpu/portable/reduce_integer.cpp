#include "cpu/portable/reduce_integer.h"

#include <algorithm>
#include <limits>

#include "cpu/portable/element_type.h"
#include "cpu/reduce_plan.h"
#include "ops/reduce_params.h"
#include "threads/parallel.h"

namespace pyneural::cpu::portable {

namespace {

// Sums and products wrap around like NumPy's: in unsigned arithmetic, where that is defined.
template <class A>
struct Add {
  static constexpr A identity = 0;
  static A combine(A a, A b) { return static_cast<A>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)); }
};
template <class A>
struct Multiply {
  static constexpr A identity = 1;
  static A combine(A a, A b) { return static_cast<A>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b)); }
};
template <class A>
struct Max {
  static constexpr A identity = std::numeric_limits<A>::min();
  static A combine(A a, A b) { return a > b ? a : b; }
};
template <class A>
struct Min {
  static constexpr A identity = std::numeric_limits<A>::max();
  static A combine(A a, A b) { return a < b ? a : b; }
};
struct Or {
  static constexpr bool identity = false;
  static bool combine(bool a, bool b) { return a | b; }
};
struct And {
  static constexpr bool identity = true;
  static bool combine(bool a, bool b) { return a & b; }
};

template <class T, class A>
struct Convert {
  static A map(T x) { return static_cast<A>(x); }
};
template <class T, class A>
struct NonZero {
  static A map(T x) { return x != T{}; }  // NaN counts as true
};

constexpr int64_t kCell = 32 * 1024;  // elements of a parallel chunk
constexpr int64_t kStrip = 1024;      // columns of a chunk
constexpr int64_t kNarrow = 64;       // at most so many columns are reduced in segments of their rows,
constexpr int64_t kSegments = 64;     // of which there are at most so many

// totals[i] = the reduction of x[r * stride + i] over `rows` rows, for `width` columns.
template <class Op, class Map, class T, class A>
void reduce_columns(const T* x, int64_t rows, int64_t stride, int64_t width, A* totals) {
  if (stride == 1) {
    A total = Op::identity;
    for (int64_t r = 0; r < rows; ++r) total = Op::combine(total, Map::map(x[r]));
    *totals = total;
    return;
  }
  for (int64_t i = 0; i < width; ++i) totals[i] = Op::identity;
  for (int64_t r = 0; r < rows; ++r, x += stride) {
    for (int64_t i = 0; i < width; ++i) totals[i] = Op::combine(totals[i], Map::map(x[i]));
  }
}

template <class Op, class Map, class T, class A>
void reduce_stage(const T* x, A* y, ReduceBlock b) {
  const double elements = static_cast<double>(b.outer) * static_cast<double>(b.reduce * b.inner);
  const int threads = threads_for(elements, elements * sizeof(T));
  if (b.outer == 1 && b.inner <= kNarrow && b.reduce * b.inner >= 2 * kCell) {
    const int64_t segments = std::min(kSegments, b.reduce * b.inner / kCell);
    A partial[kSegments * kNarrow];
    parallel_range(segments, 1, threads, [&](int64_t segment, int64_t) {
      const int64_t begin = b.reduce * segment / segments, end = b.reduce * (segment + 1) / segments;
      reduce_columns<Op, Map>(x + begin * b.inner, end - begin, b.inner, b.inner, partial + segment * b.inner);
    });
    return reduce_columns<Op, Convert<A, A>>(partial, segments, b.inner, b.inner, y);
  }
  const int64_t strips = (b.inner + kStrip - 1) / kStrip, cell = b.reduce * std::min(b.inner, kStrip);
  parallel_range(b.outer * strips, kCell / (cell + 1) + 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t o = i / strips, column = i % strips * kStrip;
      reduce_columns<Op, Map>(x + o * b.reduce * b.inner + column, b.reduce, b.inner,
                              std::min(kStrip, b.inner - column), y + o * b.inner + column);
    }
  });
}

template <class A>
size_t stages_bytes(const ReducePlan& plan) {
  size_t bytes = 0;
  for (int i = 0; i + 1 < plan.stages; ++i) bytes += plan.stage[i].outer * plan.stage[i].inner * sizeof(A);
  return bytes;
}

template <class Op, class Map, class T, class A>
void reduce(const KernelArgs& args) {
  const View& x = args.in[0];
  A* y = args.out[0].as<A>();
  if (x.size == 0) {
    for (int64_t i = 0; i < args.out[0].size; ++i) y[i] = Op::identity;
    return;
  }
  const ReducePlan plan = plan_reduction(x, args.param<ReduceParams>().axes);
  A* kept = static_cast<A*>(args.workspace);
  A* to = plan.stages == 1 ? y : kept;
  reduce_stage<Op, Map>(x.as<T>(), to, plan.stage[0]);
  for (int i = 1; i < plan.stages; ++i) {
    const A* from = to;
    to = i + 1 == plan.stages ? y : to + plan.stage[i - 1].outer * plan.stage[i - 1].inner;
    reduce_stage<Op, Convert<A, A>>(from, to, plan.stage[i]);
  }
}

template <template <class> class Op, class T, class A>
void reduce_as(const KernelArgs& args) {
  reduce<Op<A>, Convert<T, A>, T, A>(args);
}

template <template <class> class Op>
void accumulate(const KernelArgs& args) {
  switch (args.in[0].dtype) {
    case DType::boolean:
      return reduce_as<Op, bool, int32_t>(args);
    case DType::uint8:
      return reduce_as<Op, uint8_t, int32_t>(args);
    case DType::int8:
      return reduce_as<Op, int8_t, int32_t>(args);
    case DType::int16:
      return reduce_as<Op, int16_t, int32_t>(args);
    case DType::int32:
      return reduce_as<Op, int32_t, int32_t>(args);
    default:
      return reduce_as<Op, int64_t, int64_t>(args);
  }
}

template <template <class> class Op>
void extreme(const KernelArgs& args) {
  switch (args.in[0].dtype) {
    case DType::boolean:
    case DType::uint8:
      return reduce_as<Op, uint8_t, uint8_t>(args);
    case DType::int8:
      return reduce_as<Op, int8_t, int8_t>(args);
    case DType::int16:
      return reduce_as<Op, int16_t, int16_t>(args);
    case DType::int32:
      return reduce_as<Op, int32_t, int32_t>(args);
    default:
      return reduce_as<Op, int64_t, int64_t>(args);
  }
}

template <class Op, class A>
void reduce_truth(const KernelArgs& args) {
  with_element(args.in[0].dtype, [&](auto element) {
    using T = decltype(element);
    reduce<Op, NonZero<T, A>, T, A>(args);
  });
}

void any(const KernelArgs& args) { reduce_truth<Or, bool>(args); }
void all(const KernelArgs& args) { reduce_truth<And, bool>(args); }
void count_nonzero(const KernelArgs& args) { reduce_truth<Add<int32_t>, int32_t>(args); }

}  // namespace

void reduce_integer(const KernelArgs& args, IntegerReduction reduction) {
  switch (reduction) {
    case IntegerReduction::sum:
      return accumulate<Add>(args);
    case IntegerReduction::prod:
      return accumulate<Multiply>(args);
    case IntegerReduction::max:
      return extreme<Max>(args);
    case IntegerReduction::min:
      return extreme<Min>(args);
  }
}

size_t reduce_integer_bytes(const KernelArgs& args) {
  if (args.in[0].size == 0) return 0;
  const ReducePlan plan = plan_reduction(args.in[0], args.param<ReduceParams>().axes);
  return stages_bytes<int64_t>(plan);  // the widest accumulator
}

PN_KERNELS(reduce_integer, {"any", any, reduce_integer_bytes}, {"all", all, reduce_integer_bytes},
           {"count_nonzero", count_nonzero, reduce_integer_bytes})

}  // namespace pyneural::cpu::portable
