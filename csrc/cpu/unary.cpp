// Element-wise functions of one operand. Integers wrap around, which C++ promises for unsigned arithmetic only.
#include "cpu/elementwise.h"
#include "cpu/math.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace functor {
namespace {

#define PN_VECTOR_FUNCTOR(name, expression) \
  struct name {                             \
    template <class V>                      \
    PN_INLINE V of(V x) {                   \
      return expression;                    \
    }                                       \
  };
#define PN_SCALAR_FUNCTOR(name, function)                              \
  struct name {                                                        \
    PN_INLINE float of(float x) { return __builtin_##function##f(x); } \
    PN_INLINE double of(double x) { return __builtin_##function(x); }  \
  };

struct negative {
  static constexpr bool cheap = true;
  template <class V>
  PN_INLINE V of(V x) {
    return -x;
  }
  PN_INLINE uint32_t of(int32_t x) { return 0u - static_cast<uint32_t>(x); }
  PN_INLINE uint64_t of(int64_t x) { return 0u - static_cast<uint64_t>(x); }
};
struct absolute {
  static constexpr bool cheap = true;
  template <class V>
  PN_INLINE V of(V x) {
    return vabs(x);
  }
  PN_INLINE uint32_t of(int32_t x) { return x < 0 ? negative::of(x) : static_cast<uint32_t>(x); }
  PN_INLINE uint64_t of(int64_t x) { return x < 0 ? negative::of(x) : static_cast<uint64_t>(x); }
};
struct square {
  static constexpr bool cheap = true;
  template <class V>
  PN_INLINE V of(V x) {
    return x * x;
  }
  PN_INLINE uint32_t of(int32_t x) { return static_cast<uint32_t>(x) * static_cast<uint32_t>(x); }
  PN_INLINE uint64_t of(int64_t x) { return static_cast<uint64_t>(x) * static_cast<uint64_t>(x); }
};
PN_VECTOR_FUNCTOR(sign, x > 0 ? V{} + 1 : x < 0 ? V{} - 1 : x)  // NaN and -0 stay
PN_SCALAR_FUNCTOR(floor, floor)
PN_SCALAR_FUNCTOR(ceil, ceil)
PN_SCALAR_FUNCTOR(round, rint)  // halves to even
PN_VECTOR_FUNCTOR(exp, vexp(x))
PN_VECTOR_FUNCTOR(expm1, vexpm1(x))
PN_VECTOR_FUNCTOR(log, vlog(x))
PN_VECTOR_FUNCTOR(log1p, vlog1p(x))
PN_VECTOR_FUNCTOR(sqrt, vsqrt(x))
PN_VECTOR_FUNCTOR(rsqrt, 1 / vsqrt(x))
PN_VECTOR_FUNCTOR(reciprocal, 1 / x)
PN_VECTOR_FUNCTOR(sin, vsin(x))
PN_VECTOR_FUNCTOR(cos, vcos(x))
PN_VECTOR_FUNCTOR(tan, vtan(x))
PN_VECTOR_FUNCTOR(sinh, vsinh(x))
PN_VECTOR_FUNCTOR(cosh, vcosh(x))
PN_VECTOR_FUNCTOR(arcsin, varcsin(x))
PN_VECTOR_FUNCTOR(arccos, varccos(x))
PN_VECTOR_FUNCTOR(arctan, varctan(x))
PN_VECTOR_FUNCTOR(erf, verf(x))

struct isnan {
  template <class T>
  PN_INLINE bool of(T x) {
    return x != x;
  }
};
struct isinf {
  template <class T>
  PN_INLINE bool of(T x) {
    return x - x != x - x && x == x;
  }
};
struct isfinite {
  template <class T>
  PN_INLINE bool of(T x) {
    return x - x == x - x;
  }
};
struct logical_not {
  PN_INLINE bool of(uint8_t x) { return x == 0; }
};

}  // namespace
}  // namespace functor

namespace {

// Predicates read scalars, whatever their functor could take.
template <class F, class In>
void predicate_block(const void* const* in, void* out, int64_t n, const void*) {
  const In* x = static_cast<const In*>(in[0]);
  uint8_t* y = static_cast<uint8_t*>(out);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) y[i] = F::of(x[i]);
}

template <class F>
constexpr double kFlops = 12;  // of a typical polynomial
template <class F>
  requires(F::cheap)
constexpr double kFlops<F> = 1;

#define PN_ANY_ROW(name)                                                                 \
  {unary_block<functor::name, float, float>, unary_block<functor::name, double, double>, \
   unary_block<functor::name, int32_t, int32_t>, unary_block<functor::name, int64_t, int64_t>, nullptr},
#define PN_FLOAT_ROW(name) \
  {unary_block<functor::name, float, float>, unary_block<functor::name, double, double>, nullptr, nullptr, nullptr},
#define PN_PREDICATE_ROW(name) \
  {predicate_block<functor::name, float>, predicate_block<functor::name, double>, nullptr, nullptr, nullptr},

constexpr BlockRow kPredicates[] = {PN_UNARY_PREDICATES(PN_PREDICATE_ROW)};

enum Row {
#define PN_NAME(name) row_##name,
  PN_UNARY_OPS(PN_NAME)
};
enum PredicateRow { PN_UNARY_PREDICATES(PN_NAME) };

template <class F, int R>
void run_unary(const KernelArgs& args) {
  run_elementwise(args, pick(unary_blocks[R], args.in[0].dtype), kFlops<F>);
}
template <int R>
void run_predicate(const KernelArgs& args) {
  run_elementwise(args, pick(kPredicates[R], args.in[0].dtype), 1);
}
void run_logical_not(const KernelArgs& args) {
  run_elementwise(args, unary_block<functor::logical_not, uint8_t, uint8_t>, 1);
}

}  // namespace

const BlockRow unary_blocks[] = {PN_UNARY_ANY(PN_ANY_ROW) PN_UNARY_ROUNDING(PN_FLOAT_ROW) PN_UNARY_FLOAT(PN_FLOAT_ROW)};

#define PN_ENTRY(name) {#name, run_unary<functor::name, row_##name>, nullptr},
#define PN_PREDICATE_ENTRY(name) {#name, run_predicate<row_##name>, nullptr},
PN_KERNELS(unary,
           PN_UNARY_OPS(PN_ENTRY) PN_UNARY_PREDICATES(PN_PREDICATE_ENTRY){"logical_not", run_logical_not, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
