// Elementary functions of Vec<float> and Vec<double>. float: polynomials of our own fitting, errors in ULP are asserted
// by tests/ops/test_unary.py. double exists for gradient checks and calls libm lane by lane. Every lane depends on its
// own input only, so a tail computes the same bits as a full vector.
#pragma once

#include "cpu/vec.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

using VecF = Vec<float>;
using VecD = Vec<double>;
using VecU = Vec<uint32_t>;
using VecI = Vec<int32_t>;  // as many lanes as VecF

constexpr float kInf = __builtin_inff();
constexpr float kNaN = __builtin_nanf("");

PN_INLINE VecF vabs(VecF x) { return (VecF)((VecI)x & 0x7fffffff); }
PN_INLINE VecD vabs(VecD x) { return (VecD)((Vec<int64_t>)x & 0x7fffffffffffffffLL); }
PN_INLINE VecF vcopysign(VecF magnitude, VecF sign) {
  return (VecF)(((VecI)magnitude & 0x7fffffff) | ((VecI)sign & INT32_MIN));
}
PN_INLINE VecD vcopysign(VecD magnitude, VecD sign) {
  return (VecD)(((Vec<int64_t>)magnitude & INT64_MAX) | ((Vec<int64_t>)sign & INT64_MIN));
}

// a * b = product + error, exactly.
PN_INLINE VecF two_product(VecF a, VecF b, VecF& error) {
  const VecF product = a * b;
#if defined(__AVX512F__)
  error = (VecF)_mm512_fmsub_ps((__m512)a, (__m512)b, (__m512)product);
#elif defined(__FMA__)
  error = (VecF)_mm256_fmsub_ps((__m256)a, (__m256)b, (__m256)product);
#elif defined(__aarch64__)
  error = (VecF)vfmaq_f32(-(float32x4_t)product, (float32x4_t)a, (float32x4_t)b);
#else
  const VecF a_high = (VecF)((VecI)a & ~0xfff), b_high = (VecF)((VecI)b & ~0xfff);
  const VecF a_low = a - a_high, b_low = b - b_high;
  error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
#endif
  return product;
}

// c[0] + x * (c[1] + x * ...)
template <class V, int N>
PN_INLINE V polynomial(V x, const float (&c)[N]) {
  V sum = broadcast(c[N - 1]);
#pragma GCC unroll 16
  for (int i = N - 2; i >= 0; --i) sum = sum * x + c[i];
  return sum;
}

PN_INLINE VecF power_of_two(VecI n) { return (VecF)((n + 127) << 23); }

// x = n * ln(2) + r with |r| <= ln(2) / 2; returns exp(r + low) - 1. |x| < 2^15.
PN_INLINE VecF expm1_reduced(VecF x, VecF low, VecI& n) {
  constexpr float kLog2E = 0x1.715476p+0f, kRound = 0x1.8p+23f;        // adding kRound rounds to an integer
  constexpr float kLn2High = 0x1.62e4p-1f, kLn2Low = 0x1.7f7d1cp-20f;  // n * kLn2High is exact
  constexpr float kQ[] = {0.5f, 0x1.555556p-3f, 0x1.5554eap-5f, 0x1.1110e0p-7f, 0x1.6d4324p-10f, 0x1.a124f2p-13f};
  const VecF shifted = x * kLog2E + kRound;
  const VecF whole = shifted - kRound;
  n = (VecI)shifted - (VecI)broadcast(kRound);
  const VecF r = (x - whole * kLn2High) - (whole * kLn2Low - low);
  return (r * r) * polynomial(r, kQ) + r;
}

// factor * exp(x + low), low much smaller than x.
PN_INLINE VecF exp_sum(VecF x, VecF low, VecF factor) {
  // NaN fails both comparisons and stays.
  x = x > 90.0f ? broadcast(90.0f) : x;
  x = x < -104.0f ? broadcast(-104.0f) : x;
  VecI n;
  const VecF p = expm1_reduced(x, low, n) * factor + factor;
  const VecI half = n >> 1;  // two factors reach the denormals and infinity
  return (p * power_of_two(half)) * power_of_two(n - half);
}

PN_INLINE VecF vexp(VecF x) { return exp_sum(x, VecF{}, broadcast(1.0f)); }

PN_INLINE VecF vexpm1(VecF x) {
  VecF bounded = x > 89.0f ? broadcast(89.0f) : x;
  bounded = bounded < -18.0f ? broadcast(-18.0f) : bounded;
  VecI n;
  const VecF p = expm1_reduced(bounded, VecF{}, n);
  const VecF scale = power_of_two(n - 1);  // half of 2^n, which overflows at n = 128
  const VecF y = (p * scale + (scale - 0.5f)) * 2.0f;
  return vabs(x) < 0x1p-25f ? x : y;  // keeps -0 and denormals
}

// exp(x) / 2, which is finite wherever sinh and cosh are.
PN_INLINE VecF half_exp(VecF x) { return exp_sum(x, VecF{}, broadcast(0.5f)); }

PN_INLINE VecF vcosh(VecF x) {
  const VecF half = half_exp(vabs(x));
  return half + 0.25f / half;
}

PN_INLINE VecF vsinh(VecF x) {
  const VecF t = vabs(x);
  const VecF minus_one = vexpm1(t), half = half_exp(t);
  const VecF near = 0.5f * (minus_one + minus_one / (minus_one + 1.0f));
  return vcopysign(t < 1.0f ? near : half - 0.25f / half, x);
}

// log(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)], plus `exponent` * ln(2), plus a small `correction`.
PN_INLINE VecF log_reduced(VecF f, VecF exponent, VecF correction) {
  constexpr float kLn2High = 0x1.62e4p-1f, kLn2Low = 0x1.7f7d1cp-20f;
  constexpr float kP[] = {0x1.555554p-2f,  -0x1.fffffcp-3f, 0x1.999d5ap-3f,  -0x1.555b4ap-3f, 0x1.23d21ap-3f,
                          -0x1.fcf4c6p-4f, 0x1.dea282p-4f,  -0x1.d635bcp-4f, 0x1.1d8ea6p-4f};
  const VecF square = f * f;
  const VecF tail = square * (f * polynomial(f, kP)) + (exponent * kLn2Low + correction);
  return exponent * kLn2High + (f + (tail - square * 0.5f));
}

// Splits a positive, finite, normal x into 2^exponent * (1 + f).
PN_INLINE VecF split_exponent(VecF x, VecF& exponent) {
  // Unsigned: the bits of a negative x, whose result nobody takes, would overflow.
  const VecI n = (VecI)((VecU)x - (VecU)broadcast(0x1.6a09e6p-1f)) >> 23;
  exponent = __builtin_convertvector(n, VecF);
  return (VecF)((VecU)x - ((VecU)n << 23)) - 1.0f;
}

// log of the x that have no finite one: 0, negative numbers, infinity, NaN.
PN_INLINE VecF log_special(VecF x) {
  const VecF negative_or_nan = x < 0.0f ? broadcast(kNaN) : x;
  return x == 0.0f ? broadcast(-kInf) : negative_or_nan;
}

PN_INLINE VecF vlog(VecF x) {
  const auto denormal = x < 0x1p-126f;
  VecF exponent;
  const VecF f = split_exponent(denormal ? x * 0x1p+23f : x, exponent);
  const VecF y = log_reduced(f, denormal ? exponent - 23.0f : exponent, VecF{});
  return ((x > 0.0f) & (x < kInf)) ? y : log_special(x);
}

PN_INLINE VecF vlog1p(VecF x) {
  const auto near_zero = (x > -0.29f) & (x < 0.41f);
  const VecF sum = x + 1.0f;
  // What rounding took from the sum; both differences are exact.
  const VecF lost = sum > 2.0f ? 1.0f - (sum - x) : x - (sum - 1.0f);
  VecF exponent;
  VecF f = split_exponent(sum, exponent);
  VecF correction = lost / sum;
  f = near_zero ? x : f;
  exponent = near_zero ? VecF{} : exponent;
  correction = near_zero ? VecF{} : correction;
  const VecF y = log_reduced(f, exponent, correction);
  const VecF finite = ((sum > 0.0f) & (sum < kInf)) ? y : log_special(sum);
  return x == 0.0f ? x : finite;
}

PN_INLINE VecF vtanh(VecF x) {
  constexpr float kP[] = {-0x1.555556p-2f, 0x1.1110eap-3f,  -0x1.ba08c4p-5f,
                          0x1.64a976p-6f,  -0x1.116a16p-7f, 0x1.2c83c0p-9f};
  const VecF t = vabs(x);
  const VecF square = t * t;
  const VecF small = t + t * (square * polynomial(square, kP));
  const VecF large = 1.0f - 2.0f / (vexp(t + t) + 1.0f);
  return vcopysign(t < 0.625f ? small : large, x);
}

// 1 / (1 + exp(-x)) from e = exp(-|x|), which can't overflow.
template <class V>
PN_INLINE V sigmoid_from_exp(V x, V e) {
  const V mirrored = e / (1 + e);
  return x < 0 ? e - e * mirrored : 1 - mirrored;
}
PN_INLINE VecF vsigmoid(VecF x) { return sigmoid_from_exp(x, vexp(-vabs(x))); }

// erf on [0, 1].
PN_INLINE VecF erf_near(VecF x) {
  constexpr float kP[] = {0x1.06eba8p-3f, -0x1.81273ep-2f,  0x1.ce2d1p-4f, -0x1.b7fabap-6f,
                          0x1.54127p-8f,  -0x1.a45088p-11f, 0x1.4a569p-14f};
  return x + x * polynomial(x * x, kP);
}

// scale * P(N(0, 1) > x) for x >= 1: exp(-x^2 / 2) times a function that falls as 1 / x. The rounding error of x^2 is
// put back, or it would be multiplied by x^2.
PN_INLINE VecF normal_tail_far(VecF x, VecF scale) {
  constexpr float kCenter = 0.3984375f;  // of w: keeps the terms from cancelling
  constexpr float kP[] = {0x1.369232p-2f, 0x1.42cd84p-2f, 0x1.9d4abp-4f,   -0x1.10ca58p-3f, -0x1.0c06a4p-4f,
                          0x1.06a228p-3f, 0x1.220a42p-7f, -0x1.2c776cp-3f, 0x1.fe49acp-5f,  0x1.024ffap-3f};
  x = x > 15.0f ? broadcast(15.0f) : x;  // the result is zero there
  VecF low;
  const VecF square = two_product(x, x, low);
  const VecF denominator = x * 0.5f + 1.0f;
  const VecF w = 1.0f / denominator;
  const VecF ratio = polynomial(w - kCenter, kP) * (scale / denominator);
  return exp_sum(square * -0.5f, low * -0.5f, ratio);
}

// scale * P(N(0, 1) > x) for x >= 0.
PN_INLINE VecF normal_tail(VecF x, VecF scale) {
  const VecF near = (0.5f - 0.5f * erf_near(x * 0x1.6a09e6p-1f)) * scale;
  return x < 1.0f ? near : normal_tail_far(x, scale);
}

PN_INLINE VecF verf(VecF x) {
  const VecF t = vabs(x);
  const VecF far = 1.0f - normal_tail_far(t * 0x1.6a09e6p+0f, broadcast(2.0f));
  return vcopysign(t < 1.0f ? erf_near(t) : far, x);
}

// sin(x) and cos(x), |x| < 2^20. The argument is reduced in double: exact enough next to every multiple of pi / 2.
PN_INLINE void sincos_reduced(VecF x, VecF& sine, VecF& cosine) {
  typedef float HalfF __attribute__((vector_size(PN_VECTOR_BYTES / 2)));
  constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1, kRound = 0x1.8p+52;
  constexpr double kPiOver2High = 0x1.921fb544p+0, kPiOver2Low = 6.0771005065061926e-11;
  constexpr float kSin[] = {-0x1.555556p-3f, 0x1.11110ep-7f, -0x1.a013a8p-13f, 0x1.6dbe08p-19f};
  constexpr float kCos[] = {0x1.555556p-5f, -0x1.6c16c0p-10f, 0x1.a015c4p-16f, -0x1.25244ep-22f};
  HalfF part[2], whole[2];
  __builtin_memcpy(part, &x, sizeof(x));
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    const VecD wide = __builtin_convertvector(part[i], VecD);
    const VecD n = (wide * kTwoOverPi + kRound) - kRound;
    part[i] = __builtin_convertvector((wide - n * kPiOver2High) - n * kPiOver2Low, HalfF);
    whole[i] = __builtin_convertvector(n, HalfF);
  }
  VecF r, n;
  __builtin_memcpy(&r, part, sizeof(r));
  __builtin_memcpy(&n, whole, sizeof(n));
  const VecI quadrant = (VecI)(n + 0x1.8p+23f);  // its two lowest bits
  const VecF square = r * r;
  const VecF s = r + r * (square * polynomial(square, kSin));
  const VecF c = (1.0f - square * 0.5f) + (square * square) * polynomial(square, kCos);
  const auto odd = (quadrant & 1) != 0;
  sine = (VecF)((VecI)(odd ? c : s) ^ ((quadrant & 2) << 30));
  cosine = (VecF)((VecI)(odd ? s : c) ^ (((quadrant + 1) & 2) << 30));
}

PN_INLINE bool any_lane(VecI mask) {
  int32_t any = 0;
  for (int i = 0; i < kLanes<float>; ++i) any |= mask[i];
  return any != 0;
}

#define PN_LANEWISE(name, function32, function64)                                 \
  PN_INLINE VecF name(VecF x) {                                                   \
    for (int i = 0; i < kLanes<float>; ++i) x[i] = __builtin_##function32(x[i]);  \
    return x;                                                                     \
  }                                                                               \
  PN_INLINE VecD name(VecD x) {                                                   \
    for (int i = 0; i < kLanes<double>; ++i) x[i] = __builtin_##function64(x[i]); \
    return x;                                                                     \
  }
#define PN_LANEWISE_DOUBLE(name, function64)                                      \
  PN_INLINE VecD name(VecD x) {                                                   \
    for (int i = 0; i < kLanes<double>; ++i) x[i] = __builtin_##function64(x[i]); \
    return x;                                                                     \
  }

PN_LANEWISE(libm_sin, sinf, sin)
PN_LANEWISE(libm_cos, cosf, cos)
PN_LANEWISE(libm_tan, tanf, tan)
PN_LANEWISE_DOUBLE(vexp, exp)
PN_LANEWISE_DOUBLE(vexpm1, expm1)
PN_LANEWISE_DOUBLE(vlog, log)
PN_LANEWISE_DOUBLE(vlog1p, log1p)
PN_LANEWISE_DOUBLE(vtanh, tanh)
PN_LANEWISE_DOUBLE(verf, erf)
PN_LANEWISE_DOUBLE(verfc, erfc)
PN_LANEWISE_DOUBLE(vsin, sin)
PN_LANEWISE_DOUBLE(vcos, cos)
PN_LANEWISE_DOUBLE(vtan, tan)
PN_LANEWISE_DOUBLE(vsinh, sinh)
PN_LANEWISE_DOUBLE(vcosh, cosh)
PN_LANEWISE(varcsin, asinf, asin)
PN_LANEWISE(varccos, acosf, acos)
PN_LANEWISE(varctan, atanf, atan)
#undef PN_LANEWISE
#undef PN_LANEWISE_DOUBLE

PN_INLINE VecD vsigmoid(VecD x) { return sigmoid_from_exp(x, vexp(-vabs(x))); }

PN_INLINE VecD normal_tail(VecD x, VecD scale) { return 0.5 * scale * verfc(x * 0.70710678118654752440); }

// Only lanes that the reduction can't take come from libm.
#define PN_TRIGONOMETRIC(name, expression)                                            \
  PN_INLINE VecF v##name(VecF x) {                                                    \
    const VecI beyond = ~(vabs(x) < 0x1p+20f); /* infinity and NaN too */             \
    VecF s, c;                                                                        \
    sincos_reduced(x, s, c);                                                          \
    const VecF y = expression;                                                        \
    return __builtin_expect(any_lane(beyond), 0) ? (beyond ? libm_##name(x) : y) : y; \
  }
PN_TRIGONOMETRIC(sin, (x == 0.0f ? x : s))
PN_TRIGONOMETRIC(cos, c)
PN_TRIGONOMETRIC(tan, (x == 0.0f ? x : s / c))
#undef PN_TRIGONOMETRIC

PN_INLINE VecF vpow(VecF x, VecF y) {
  for (int i = 0; i < kLanes<float>; ++i) x[i] = __builtin_powf(x[i], y[i]);
  return x;
}
PN_INLINE VecD vpow(VecD x, VecD y) {
  for (int i = 0; i < kLanes<double>; ++i) x[i] = __builtin_pow(x[i], y[i]);
  return x;
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
