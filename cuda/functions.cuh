// The element-wise functions of ops/elementwise_params.h, each a struct with a function `of`. Integers wrap around, and
// division of integers by zero gives zero, as in NumPy.
#pragma once

#include <cmath>
#include <cstdint>

#include "cuda/activation.cuh"
#include "ops/elementwise_params.h"

namespace pyneural::cuda {

// C++ promises that arithmetic wraps around for unsigned integers only.
__device__ __forceinline__ float wrapping(float x) { return x; }
__device__ __forceinline__ double wrapping(double x) { return x; }
__device__ __forceinline__ uint32_t wrapping(int32_t x) { return static_cast<uint32_t>(x); }
__device__ __forceinline__ uint64_t wrapping(int64_t x) { return static_cast<uint64_t>(x); }

template <class T>
constexpr bool kIsReal = std::is_floating_point_v<T>;

namespace functor {

#define PN_UNARY(name, expression)                   \
  struct name {                                      \
    template <class T>                               \
    static __device__ __forceinline__ auto of(T x) { \
      return expression;                             \
    }                                                \
  };
#define PN_BINARY(name, expression)                       \
  struct name {                                           \
    template <class T>                                    \
    static __device__ __forceinline__ auto of(T a, T b) { \
      return expression;                                  \
    }                                                     \
  };

PN_UNARY(negative, static_cast<T>(-wrapping(x)))
struct absolute {
  template <class T>
  static __device__ __forceinline__ T of(T x) {
    if constexpr (kIsReal<T>) return std::abs(x);
    return x < 0 ? negative::of(x) : x;
  }
};
PN_UNARY(square, static_cast<T>(wrapping(x) * wrapping(x)))
PN_UNARY(sign, x > 0 ? T(1) : x < 0 ? T(-1) : x)  // NaN and -0 stay
PN_UNARY(floor, std::floor(x))
PN_UNARY(ceil, std::ceil(x))
PN_UNARY(round, std::rint(x))  // halves to even
PN_UNARY(exp, std::exp(x))
PN_UNARY(expm1, std::expm1(x))
PN_UNARY(log, std::log(x))
PN_UNARY(log1p, std::log1p(x))
PN_UNARY(sqrt, std::sqrt(x))
PN_UNARY(rsqrt, 1 / std::sqrt(x))
PN_UNARY(reciprocal, 1 / x)
PN_UNARY(sin, std::sin(x))
PN_UNARY(cos, std::cos(x))
PN_UNARY(tan, std::tan(x))
PN_UNARY(sinh, std::sinh(x))
PN_UNARY(cosh, std::cosh(x))
PN_UNARY(arcsin, std::asin(x))
PN_UNARY(arccos, std::acos(x))
PN_UNARY(arctan, std::atan(x))
PN_UNARY(erf, error_function(x))

PN_UNARY(isnan, x != x)
PN_UNARY(isinf, x - x != x - x && x == x)
PN_UNARY(isfinite, x - x == x - x)
PN_UNARY(logical_not, x == 0)

PN_BINARY(add, static_cast<T>(wrapping(a) + wrapping(b)))
PN_BINARY(subtract, static_cast<T>(wrapping(a) - wrapping(b)))
PN_BINARY(multiply, static_cast<T>(wrapping(a) * wrapping(b)))
PN_BINARY(divide, a / b)
PN_BINARY(squared_difference, square::of(subtract::of(a, b)))
// NaN in either operand gives NaN.
PN_BINARY(maximum, a > b || a != a ? a : b)
PN_BINARY(minimum, a < b || a != a ? a : b)
PN_BINARY(arctan2, std::atan2(a, b))

// The remainder takes the sign of the divisor, as in Python.
struct mod {
  template <class T>
  static __device__ __forceinline__ T of(T a, T b) {
    if constexpr (kIsReal<T>) {
      const T r = std::fmod(a, b);
      if (r == 0) return b < 0 ? -T(0) : T(0);
      return (r < 0) != (b < 0) ? r + b : r;
    } else {
      if (b == 0 || b == -1) return 0;  // the smallest integer % -1 overflows
      const T r = a % b;
      return r != 0 && (r < 0) != (b < 0) ? r + b : r;
    }
  }
};
struct floor_divide {
  template <class T>
  static __device__ __forceinline__ T of(T a, T b) {
    if constexpr (kIsReal<T>) {
      if (b == 0) return a / b;
      // a / b rounded first could reach the next integer: the remainder is taken off before.
      const T r = std::fmod(a, b);
      const T quotient = (a - r) / b - (r != 0 && (r < 0) != (b < 0) ? 1 : 0);
      if (quotient == 0) return std::copysign(T(0), a / b);
      const T whole = std::floor(quotient);
      return quotient - whole > T(0.5) ? whole + 1 : whole;
    } else {
      if (b == 0) return 0;
      if (b == -1) return negative::of(a);
      return a / b - (a % b != 0 && (a < 0) != (b < 0));
    }
  }
};
struct power {
  template <class T>
  static __device__ __forceinline__ T of(T a, T b) {
    if constexpr (kIsReal<T>) {
      return std::pow(a, b);
    } else {
      if (b < 0) return a == 1 ? 1 : a == -1 ? (b & 1 ? -1 : 1) : 0;
      auto base = wrapping(a), result = wrapping(T(1));
      for (; b; b >>= 1, base *= base) result *= b & 1 ? base : 1;
      return static_cast<T>(result);
    }
  }
};

PN_BINARY(equal, a == b)
PN_BINARY(not_equal, a != b)
PN_BINARY(less, a < b)
PN_BINARY(less_equal, a <= b)
PN_BINARY(greater, a > b)
PN_BINARY(greater_equal, a >= b)
PN_BINARY(logical_and, a& b)
PN_BINARY(logical_or, a | b)

#define PN_ACTIVATION(name)                     \
  PN_UNARY(name, activate<Activation::name>(x)) \
  PN_BINARY(name##_grad, a* activation_slope<Activation::name>(b))
PN_ACTIVATION_OPS(PN_ACTIVATION)
#undef PN_ACTIVATION
#undef PN_UNARY
#undef PN_BINARY

}  // namespace functor
}  // namespace pyneural::cuda
