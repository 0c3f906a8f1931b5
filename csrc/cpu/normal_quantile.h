// core/normal_quantile.h on vectors of floats, and on a double.
#pragma once

#include "core/normal_quantile.h"
#include "cpu/math.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

struct QuantileMath {
  PN_INLINE VecF sqrt(VecF x) { return vsqrt(x); }
  PN_INLINE VecF log(VecF x) { return vlog(x); }
  template <int N>
  PN_INLINE VecF polynomial(VecF x, const float (&c)[N]) {
    return PN_SIMD_NAMESPACE::polynomial(x, c);
  }
  PN_INLINE double sqrt(double x) { return __builtin_sqrt(x); }
  PN_INLINE double log(double x) { return __builtin_log(x); }
  template <int N>
  PN_INLINE double polynomial(double x, const double (&c)[N]) {
    double sum = c[N - 1];
    for (int i = N - 2; i >= 0; --i) sum = sum * x + c[i];
    return sum;
  }
};

PN_INLINE VecF normal_quantile(VecF tail) { return normal_quantile_of_floats<QuantileMath>(tail); }
PN_INLINE double normal_quantile(double tail) { return normal_quantile_of_double<QuantileMath>(tail); }

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
