// Activations and their slopes on vectors, shared by the activation ops and the epilogues of matrix products and
// convolutions. The slope is taken from the output where that determines it, else from the input.
#pragma once

#include "cpu/math.h"
#include "ops/activation_params.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

constexpr double kSeluScale = 1.05070098735548049342;
constexpr double kSeluScaleAlpha = 1.75809934084737685994;
// 2 * sqrt(2 / pi), and 0.044715 times that
constexpr double kGeluLinear = 1.59576912160573071176;
constexpr double kGeluCubic = 0.07135481627260025;

// In every lane, rounded to the type of the lanes.
template <class V>
PN_INLINE V constant(double c) {
  return V{} + static_cast<decltype(V{}[0] + V{}[0])>(c);
}

PN_INLINE VecF two_sum(VecF a, VecF b, VecF& error) {
  const VecF sum = a + b;
  const VecF b_part = sum - a;
  error = (a - (sum - b_part)) + (b - b_part);
  return sum;
}

template <class V>
PN_INLINE V gelu_slope_by_exp(V x) {
  V density;
  const V tail = normal_tail(vabs(x), 1, density);
  return (x < 0 ? tail : 1 - tail) + x * density;
}
PN_INLINE VecD vgelu_slope(VecD x) { return gelu_slope_by_exp(x); }
PN_INLINE VecF vgelu_slope(VecF x) {
#if defined(__AVX512F__)
  VecF distance;
  const VecI piece = tail_piece(at_most(vabs(x), kTailEnd), distance);
  const VecF mirrored = piece_polynomial_by_pairs(kTailSlope, piece, distance);
  const VecF y = x < 0.0f ? mirrored : 1.0f - mirrored;
  return unless_beyond_tail(x, y, [](VecF v) __attribute__((always_inline)) { return gelu_slope_by_exp(v); });
#else
  return gelu_slope_by_exp(x);
#endif
}

// x * sigmoid(z) with z = 2 * sqrt(2 / pi) * (x + 0.044715 * x^3).
PN_INLINE VecD vgelu_tanh(VecD x) { return x * vsigmoid(x * (kGeluLinear + kGeluCubic * (x * x))); }
// z is carried in two floats: exp(z) would multiply its rounding error by |z|.
PN_INLINE VecF vgelu_tanh(VecF x) {
  constexpr float kLinear = 0x1.988454p+0f, kLinearLow = -4.53406804e-8f;
  constexpr float kCubic = 0x1.2444f2p-4f, kCubicLow = 2.3988324e-9f;
  const VecF t = vmin(broadcast(12.0f), vabs(x));
  VecF square_low, cubic_low, sum_low, z_low;
  const VecF square = two_product(t, t, square_low);
  const VecF cubic = two_product(square, broadcast(kCubic), cubic_low);
  const VecF sum = two_sum(broadcast(kLinear), cubic, sum_low);
  const VecF low = (cubic_low + sum_low) + (square * kCubicLow + (square_low * kCubic + kLinearLow));
  const VecF z = two_product(sum, t, z_low);
  return x * sigmoid_from_exp(x, exp_sum(-z, -(z_low + low * t), broadcast(1.0f)));
}

template <class V>
PN_INLINE V vsoftplus(V x) {
  return (x < 0 ? V{} : x) + vlog1p(vexp(-vabs(x)));
}

// tanh(log(1 + e)) = n / (n + 2) with n = e * (e + 2); it rounds to 1 beyond x = 20.
template <class V>
PN_INLINE V mish_exp(V x) {
  return vexp(x > 20 ? V{} + 20 : x);
}

template <class V>
PN_INLINE V vhard_sigmoid(V x) {
  const V shifted = x + 3;
  return (shifted < 0 ? V{} : shifted > 6 ? V{} + 6 : shifted) / 6;
}

template <Activation A, class V>
PN_INLINE V activate(V x) {
  if constexpr (A == Activation::linear) {
    return x;
  } else if constexpr (A == Activation::relu) {
    return x < 0 ? V{} : x;  // NaN stays
  } else if constexpr (A == Activation::relu6) {
    return x < 0 ? V{} : x > 6 ? V{} + 6 : x;
  } else if constexpr (A == Activation::sigmoid) {
    return vsigmoid(x);
  } else if constexpr (A == Activation::tanh) {
    return vtanh(x);
  } else if constexpr (A == Activation::elu) {
    return x > 0 ? x : vexpm1(x);
  } else if constexpr (A == Activation::selu) {
    return x > 0 ? x * constant<V>(kSeluScale) : vexpm1(x) * constant<V>(kSeluScaleAlpha);
  } else if constexpr (A == Activation::softplus) {
    return vsoftplus(x);
  } else if constexpr (A == Activation::softsign) {
    return x / (vabs(x) + 1);
  } else if constexpr (A == Activation::silu) {
    return x * vsigmoid(x);
  } else if constexpr (A == Activation::gelu) {
    return vgelu(x);
  } else if constexpr (A == Activation::gelu_tanh) {
    return vgelu_tanh(x);
  } else if constexpr (A == Activation::hard_sigmoid) {
    return vhard_sigmoid(x);
  } else if constexpr (A == Activation::hard_silu) {
    return x * vhard_sigmoid(x);
  } else if constexpr (A == Activation::mish) {
    const V e = mish_exp(x);
    const V n = e * (e + 2);
    return x * (n / (n + 2));
  } else {
    static_assert(A == Activation::exponential);
    return vexp(x);
  }
}

// d activation(x) / dx, where `v` is the output if slope_from_output(A), else the input.
template <Activation A, class V>
PN_INLINE V activation_slope(V v) {
  const V zero{}, one = V{} + 1;
  if constexpr (A == Activation::linear) {
    return one;
  } else if constexpr (A == Activation::relu) {
    return v > 0 ? one : zero;
  } else if constexpr (A == Activation::relu6) {
    return ((v > 0) & (v < 6)) ? one : zero;
  } else if constexpr (A == Activation::sigmoid) {
    return v * (1 - v);
  } else if constexpr (A == Activation::tanh) {
    return (1 - v) * (1 + v);
  } else if constexpr (A == Activation::elu) {
    return v > 0 ? one : v + 1;
  } else if constexpr (A == Activation::selu) {
    return v > 0 ? constant<V>(kSeluScale) : v + constant<V>(kSeluScaleAlpha);
  } else if constexpr (A == Activation::softplus) {
    return -vexpm1(-v);
  } else if constexpr (A == Activation::softsign) {
    const V rest = 1 - vabs(v);
    return rest * rest;
  } else if constexpr (A == Activation::silu) {
    const V s = vsigmoid(v);
    return s * (v * (1 - s) + 1);
  } else if constexpr (A == Activation::gelu) {
    return vgelu_slope(v);
  } else if constexpr (A == Activation::gelu_tanh) {
    const V square = v * v;
    const V s = vsigmoid(v * (square * constant<V>(kGeluCubic) + constant<V>(kGeluLinear)));
    return s + v * (s * (1 - s)) * (square * constant<V>(3 * kGeluCubic) + constant<V>(kGeluLinear));
  } else if constexpr (A == Activation::hard_sigmoid) {
    return ((v > 0) & (v < 1)) ? one / 6 : zero;
  } else if constexpr (A == Activation::hard_silu) {
    return v > 3 ? one : v < -3 ? zero : (2 * v + 3) / 6;
  } else if constexpr (A == Activation::mish) {
    const V e = mish_exp(v);
    const V n = e * (e + 2);
    const V inverse = 1 / (n + 2);
    return n * inverse + v * (4 * e * (1 + e)) * (inverse * inverse);
  } else {
    static_assert(A == Activation::exponential);
    return v;
  }
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
