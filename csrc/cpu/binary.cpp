// Element-wise functions of two operands. Integers wrap around, and division of integers by zero gives zero, as in
// NumPy.
#include "cpu/elementwise.h"
#include "cpu/math.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace functor {
namespace {

// Wraps around where T is an integer.
#define PN_ARITHMETIC(name, expression)                                          \
  struct name {                                                                  \
    static constexpr bool cheap = true;                                          \
    template <class V>                                                           \
    PN_INLINE V of(V a, V b) {                                                   \
      return expression;                                                         \
    }                                                                            \
    PN_INLINE int32_t of(int32_t x, int32_t y) {                                 \
      const uint32_t a = static_cast<uint32_t>(x), b = static_cast<uint32_t>(y); \
      return static_cast<int32_t>(expression);                                   \
    }                                                                            \
    PN_INLINE int64_t of(int64_t x, int64_t y) {                                 \
      const uint64_t a = static_cast<uint64_t>(x), b = static_cast<uint64_t>(y); \
      return static_cast<int64_t>(expression);                                   \
    }                                                                            \
  };
PN_ARITHMETIC(add, a + b)
PN_ARITHMETIC(subtract, a - b)
PN_ARITHMETIC(multiply, a* b)
PN_ARITHMETIC(squared_difference, (a - b) * (a - b))
#undef PN_ARITHMETIC

struct divide {
  static constexpr bool cheap = true;
  template <class V>
  PN_INLINE V of(V a, V b) {
    return a / b;
  }
};

PN_INLINE float remainder_of(float a, float b) { return __builtin_fmodf(a, b); }
PN_INLINE double remainder_of(double a, double b) { return __builtin_fmod(a, b); }

// The remainder takes the sign of the divisor, as in Python.
struct mod {
  PN_INLINE int32_t of(int32_t a, int32_t b) { return integers(a, b); }
  PN_INLINE int64_t of(int64_t a, int64_t b) { return integers(a, b); }
  PN_INLINE float of(float a, float b) { return reals(a, b); }
  PN_INLINE double of(double a, double b) { return reals(a, b); }

 private:
  template <class T>
  PN_INLINE T integers(T a, T b) {
    if (b == 0 || b == -1) return 0;  // INT_MIN % -1 traps
    const T r = a % b;
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
  }
  template <class T>
  PN_INLINE T reals(T a, T b) {
    const T r = remainder_of(a, b);
    if (r == 0) return b < 0 ? -static_cast<T>(0) : static_cast<T>(0);
    return (r < 0) != (b < 0) ? r + b : r;
  }
};
struct floor_divide {
  PN_INLINE int32_t of(int32_t a, int32_t b) { return integers(a, b); }
  PN_INLINE int64_t of(int64_t a, int64_t b) { return integers(a, b); }
  PN_INLINE float of(float a, float b) { return reals(a, b); }
  PN_INLINE double of(double a, double b) { return reals(a, b); }

 private:
  template <class T>
  PN_INLINE T integers(T a, T b) {
    if (b == 0) return 0;
    if (b == -1) return subtract::of(T{0}, a);
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
  }
  // a / b rounded first could reach the next integer: the remainder is taken off before.
  template <class T>
  PN_INLINE T reals(T a, T b) {
    if (b == 0) return a / b;
    const T r = remainder_of(a, b);
    const T quotient = (a - r) / b - (r != 0 && (r < 0) != (b < 0) ? 1 : 0);
    if (quotient == 0) return __builtin_copysign(static_cast<T>(0), a / b);
    const T whole = static_cast<T>(__builtin_floor(quotient));
    return quotient - whole > static_cast<T>(0.5) ? whole + 1 : whole;
  }
};
struct power {
  PN_INLINE float of(float a, float b) { return __builtin_powf(a, b); }
  PN_INLINE double of(double a, double b) { return __builtin_pow(a, b); }
  PN_INLINE int32_t of(int32_t a, int32_t b) {
    return static_cast<int32_t>(of(static_cast<int64_t>(a), static_cast<int64_t>(b)));
  }
  PN_INLINE int64_t of(int64_t a, int64_t b) {
    if (b < 0) return a == 1 ? 1 : a == -1 ? (b & 1 ? -1 : 1) : 0;
    uint64_t base = static_cast<uint64_t>(a), result = 1;
    for (; b; b >>= 1, base *= base) result *= b & 1 ? base : 1;
    return static_cast<int64_t>(result);
  }
};
struct arctan2 {
  PN_INLINE float of(float a, float b) { return __builtin_atan2f(a, b); }
  PN_INLINE double of(double a, double b) { return __builtin_atan2(a, b); }
};
// NaN in either operand gives NaN.
struct maximum {
  static constexpr bool cheap = true;
  template <class V>
  PN_INLINE V of(V a, V b) {
    return (a > b) | (a != a) ? a : b;
  }
};
struct minimum {
  static constexpr bool cheap = true;
  template <class V>
  PN_INLINE V of(V a, V b) {
    return (a < b) | (a != a) ? a : b;
  }
};

#define PN_COMPARISON(name, op)   \
  struct name {                   \
    template <class T>            \
    PN_INLINE bool of(T a, T b) { \
      return a op b;              \
    }                             \
  };
PN_COMPARISON(equal, ==)
PN_COMPARISON(not_equal, !=)
PN_COMPARISON(less, <)
PN_COMPARISON(less_equal, <=)
PN_COMPARISON(greater, >)
PN_COMPARISON(greater_equal, >=)
PN_COMPARISON(logical_and, &)
PN_COMPARISON(logical_or, |)
#undef PN_COMPARISON

}  // namespace
}  // namespace functor

namespace {

constexpr double kFlops = 1;

#define PN_ROW(F)                                                                                     \
  {binary_block<F, float, float>, binary_block<F, double, double>, binary_block<F, int32_t, int32_t>, \
   binary_block<F, int64_t, int64_t>, nullptr}
#define PN_FLOAT_ROW(F) {binary_block<F, float, float>, binary_block<F, double, double>, nullptr, nullptr, nullptr}
#define PN_COMPARISON_ROW(name)                                                               \
  {binary_block<functor::name, float, uint8_t>, binary_block<functor::name, double, uint8_t>, \
   binary_block<functor::name, int32_t, uint8_t>, binary_block<functor::name, int64_t, uint8_t>, nullptr},

constexpr BlockRow kComparisons[] = {PN_COMPARISONS(PN_COMPARISON_ROW)};

enum Row {
#define PN_NAME(name) row_##name,
  PN_BINARY_OPS(PN_NAME)
};
enum ComparisonRow { PN_COMPARISONS(PN_NAME) };

template <int R>
void run_binary(const KernelArgs& args) {
  run_elementwise(args, pick(binary_blocks[R], args.in[0].dtype), kFlops);
}
template <int R>
void run_comparison(const KernelArgs& args) {
  run_elementwise(args, pick(kComparisons[R], args.in[0].dtype), kFlops);
}
template <class F>
void run_logical(const KernelArgs& args) {
  run_elementwise(args, binary_block<F, uint8_t, uint8_t>, kFlops);
}

}  // namespace

const BlockRow binary_blocks[] = {
    PN_ROW(functor::add),           PN_ROW(functor::subtract),          PN_ROW(functor::multiply),
    PN_FLOAT_ROW(functor::divide),  PN_ROW(functor::floor_divide),      PN_ROW(functor::mod),
    PN_ROW(functor::power),         PN_ROW(functor::maximum),           PN_ROW(functor::minimum),
    PN_FLOAT_ROW(functor::arctan2), PN_ROW(functor::squared_difference)};

#define PN_ENTRY(name) {#name, run_binary<row_##name>, nullptr},
#define PN_COMPARISON_ENTRY(name) {#name, run_comparison<row_##name>, nullptr},
PN_KERNELS(binary,
           PN_BINARY_OPS(PN_ENTRY)
               PN_COMPARISONS(PN_COMPARISON_ENTRY){"logical_and", run_logical<functor::logical_and>, nullptr},
           {"logical_or", run_logical<functor::logical_or>, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
