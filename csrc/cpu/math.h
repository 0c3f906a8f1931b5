// Elementary functions of Vec<float> and Vec<double>. float: polynomials of our own fitting, errors in ULP are asserted
// by tests/ops/test_unary.py. double exists for gradient checks and calls libm lane by lane. Every lane depends on its
// own input only, so a tail computes the same bits as a full vector.
#pragma once

#include "cpu/pieces.h"
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
#if defined(__AVX512F__)
  constexpr int kChoose = 0xca;  // the truth table of a ? b : c
  return (VecF)_mm512_ternarylogic_epi32(_mm512_set1_epi32(INT32_MIN), (__m512i)sign, (__m512i)magnitude, kChoose);
#else
  return (VecF)(((VecI)magnitude & 0x7fffffff) | ((VecI)sign & INT32_MIN));
#endif
}
PN_INLINE VecD vcopysign(VecD magnitude, VecD sign) {
  return (VecD)(((Vec<int64_t>)magnitude & INT64_MAX) | ((Vec<int64_t>)sign & INT64_MIN));
}

// NaN stays in both. GCC 12 has one instruction for the comparison at 256 bits only.
PN_INLINE VecF at_most(VecF x, float bound) {
#if defined(__AVX512F__)
  return (VecF)_mm512_min_ps(_mm512_set1_ps(bound), (__m512)x);
#else
  return x > bound ? broadcast(bound) : x;
#endif
}
PN_INLINE VecF at_least(VecF x, float bound) {
#if defined(__AVX512F__)
  return (VecF)_mm512_max_ps(_mm512_set1_ps(bound), (__m512)x);
#else
  return x < bound ? broadcast(bound) : x;
#endif
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

// c[0] + c[1] * x + c[2] * x^2 + ..., by pairs: half the latency of Horner's rule for one multiplication more.
template <class V, int N>
PN_INLINE V polynomial(V x, const float (&c)[N]) {
  constexpr int kLastPair = (N - 1) / 2 * 2;
  const V square = x * x;
  V sum = broadcast(c[kLastPair]);
  if (N % 2 == 0) sum += x * c[N - 1];
#pragma GCC unroll 8
  for (int i = kLastPair - 2; i >= 0; i -= 2) sum = sum * square + (x * c[i + 1] + c[i]);
  return sum;
}

PN_INLINE VecF power_of_two(VecI n) { return (VecF)((n + 127) << 23); }

// p * 2^whole for an integer |whole| <= 256.
PN_INLINE VecF scale_by_power(VecF p, VecF whole) {
#if defined(__AVX512F__)
  return (VecF)_mm512_scalef_ps((__m512)p, (__m512)whole);
#else
  const VecI n = __builtin_convertvector(whole, VecI), half = n >> 1;  // two factors reach the denormals and infinity
  return (p * power_of_two(half)) * power_of_two(n - half);
#endif
}
// 2^whole / 2 for an integer |whole| <= 126, and 128: 2^128 itself overflows.
PN_INLINE VecF half_power(VecF whole) {
#if defined(__AVX512F__)
  return scale_by_power(broadcast(0.5f), whole);
#else
  return power_of_two(__builtin_convertvector(whole, VecI) - 1);
#endif
}

// x = whole * ln(2) + r with |r| <= ln(2) / 2; returns exp(r + low) - 1. |x| < 2^15.
PN_INLINE VecF expm1_reduced(VecF x, VecF low, VecF& whole) {
  constexpr float kLog2E = 0x1.715476p+0f, kRound = 0x1.8p+23f;        // adding kRound rounds to an integer
  constexpr float kLn2High = 0x1.62e4p-1f, kLn2Low = 0x1.7f7d1cp-20f;  // whole * kLn2High is exact
  constexpr float kQ[] = {0.5f, 0x1.555556p-3f, 0x1.5554eap-5f, 0x1.1110e0p-7f, 0x1.6d4324p-10f, 0x1.a124f2p-13f};
  whole = (x * kLog2E + kRound) - kRound;
  const VecF r = (x - whole * kLn2High) - (whole * kLn2Low - low);
  return (r * r) * polynomial(r, kQ) + r;
}

// factor * exp(x + low), low much smaller than x.
PN_INLINE VecF exp_sum(VecF x, VecF low, VecF factor) {
  x = at_least(at_most(x, 90.0f), -104.0f);
  VecF whole;
  const VecF p = expm1_reduced(x, low, whole) * factor + factor;
  return scale_by_power(p, whole);
}

PN_INLINE VecF vexp(VecF x) { return exp_sum(x, VecF{}, broadcast(1.0f)); }

// (exp(x) - 1) / 2 for -18 <= x <= 89.
PN_INLINE VecF half_expm1(VecF x) {
  VecF whole;
  const VecF p = expm1_reduced(x, VecF{}, whole);
  const VecF scale = half_power(whole);
  return p * scale + (scale - 0.5f);
}

PN_INLINE VecF vexpm1(VecF x) {
  const VecF y = half_expm1(at_least(at_most(x, 89.0f), -18.0f)) * 2.0f;
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

#if defined(__AVX512F__)
PN_INLINE VecF vtanh(VecF x) {
  VecF distance;
  const VecI piece = growing_piece(at_most(vabs(x), 9.37f), kTanhFirst, distance);  // 1 beyond 9.02
  return vcopysign(piece_polynomial<0>(kTanh, piece, distance), x);
}

PN_INLINE VecF verf(VecF x) {
  VecF distance;
  const VecI piece = growing_piece(at_most(vabs(x), 4.2f), kErfFirst, distance);  // 1 beyond 3.92
  // The slope next to zero, 1.128, would be rounded too coarsely.
  const VecF rise = distance + distance * piece_polynomial<1>(kErf, piece, distance);
  return vcopysign(rise + pick(kErf[0], piece), x);
}
#else
// exp(x) for 0 <= x <= 20, in fewer steps than exp_sum: two ULP.
PN_INLINE VecF exp_bounded(VecF x) {
  constexpr float kLog2E = 0x1.715476p+0f, kRound = 0x1.8p+23f, kLn2 = 0x1.62e43p-1f;
  constexpr float kP[] = {1.0f, 1.0f, 0x1.fffffcp-2f, 0x1.555488p-3f, 0x1.5558bap-5f, 0x1.12417p-7f, 0x1.6a5132p-10f};
  const VecF whole = (x * kLog2E + kRound) - kRound;
  const VecF p = polynomial(x - whole * kLn2, kP);
#if defined(__AVX512F__)
  return scale_by_power(p, whole);
#else
  return p * power_of_two(__builtin_convertvector(whole, VecI));
#endif
}

PN_INLINE VecF vtanh(VecF x) {
  constexpr float kP[] = {-0x1.555532p-2f, 0x1.1106fcp-3f, -0x1.b836f4p-5f, 0x1.5203f4p-6f, -0x1.7547e2p-8f};
  const VecF t = at_most(vabs(x), 10.0f);  // 1 beyond 9.02
  const VecF square = t * t;
  const VecF small = t + t * (square * polynomial(square, kP));
  const VecF large = 1.0f - 2.0f / (exp_bounded(t + t) + 1.0f);
  return vcopysign(t < 0.625f ? small : large, x);
}

// erf on [0, 1].
PN_INLINE VecF erf_near(VecF x) {
  constexpr float kP[] = {0x1.06eba8p-3f, -0x1.81273ep-2f,  0x1.ce2d1p-4f, -0x1.b7fabap-6f,
                          0x1.54127p-8f,  -0x1.a45088p-11f, 0x1.4a569p-14f};
  return x + x * polynomial(x * x, kP);
}
#endif

// 1 / (1 + exp(-x)) from e = exp(-|x|), which can't overflow.
template <class V>
PN_INLINE V sigmoid_from_exp(V x, V e) {
  const V numerator = x < 0 ? e : V{} + 1, mirrored = e / (1 + e);
  return numerator - numerator * mirrored;
}
PN_INLINE VecF vsigmoid(VecF x) { return sigmoid_from_exp(x, vexp(-vabs(x))); }

// factor * exp(-x^2 / 2) for 0 <= x <= 15, where `half` is x / 2. The rounding error of the square is put back, or it
// would be multiplied by x^2.
PN_INLINE VecF exp_half_square(VecF x, VecF half, VecF factor) {
  VecF low, whole;
  const VecF square = two_product(x, half, low);
  const VecF p = expm1_reduced(-square, -low, whole) * factor + factor;
  return scale_by_power(p, whole);
}

constexpr double kInverseSqrt2Pi = 0.39894228040143267794;

// scale * P(N(0, 1) > x) and the density at x, for x >= 0.
PN_INLINE VecF normal_tail(VecF x, float scale, VecF& density) {
  constexpr float kCenter = 0.53125f;  // of w: keeps the terms from cancelling
  constexpr float kP[] = {0x1.62ee4cp-2f, 0x1.569a88p-2f,  0x1.6717c4p-5f,  -0x1.2bb06ep-3f,
                          0x1.8d7e1p-7f,  0x1.8569fcp-4f,  -0x1.2490fap-4f, -0x1.b22ae6p-6f,
                          0x1.8a9508p-4f, -0x1.e77972p-5f, -0x1.d842fep-5f, 0x1.404b72p-4f};
  x = at_most(x, 15.0f);  // the results are zero there
  const VecF half = x * 0.5f, w = 1.0f / (half + 1.0f);
  const VecF e = exp_half_square(x, half, broadcast(scale));
  density = e * static_cast<float>(kInverseSqrt2Pi);
  return e * (w * polynomial(w - kCenter, kP));
}

// x * P(N(0, 1) <= x). Next to zero x / 2 plus an even function; else the tail, exp(-x^2 / 2) times a function that
// changes little.
PN_INLINE VecF gelu_by_exp(VecF x) {
  constexpr float kNear[] = {0x1.988454p-2f,   -0x1.105862p-4f, 0x1.46d55ap-7f,
                             -0x1.376eeep-10f, 0x1.e2720cp-14f, -0x1.12333p-17f};
  constexpr float kCenter = 0.3984375f;  // of w
  constexpr float kTail[] = {0x1.75a7e4p-2f, -0x1.d18a44p-3f, -0x1.04a598p-1f, -0x1.72be68p-2f, 0x1.80159p-3f,
                             0x1.23d42ep-2f, -0x1.ef1594p-3f, -0x1.85d54ap-3f, 0x1.41c164p-2f};
  const VecF square = x * x;
  const VecF near = x * 0.5f + square * polynomial(square, kNear);
  const VecF t = at_most(vabs(x), 15.0f);  // the tail is zero there
  const VecF half = t * 0.5f, w = 1.0f / (half + 1.0f);
  const VecF tail = exp_half_square(t, half, polynomial(w - kCenter, kTail));
  return t < 1.0f ? near : at_least(x, 0.0f) - tail;
}

#if defined(__AVX512F__)
// y, but function(x) in the lanes beyond the last piece: results below 4e-14, for which more pieces would not pay.
template <class Fn>
PN_INLINE VecF unless_beyond_tail(VecF x, VecF y, const Fn& function) {
  const __mmask16 beyond = _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(-kTailEnd), _CMP_LT_OQ);
  if (__builtin_expect(beyond, 0)) return (VecF)_mm512_mask_blend_ps(beyond, (__m512)y, (__m512)function(x));
  return y;
}

PN_INLINE VecF vgelu(VecF x) {
  const VecF t = at_most(vabs(x), kTailEnd);
  VecF distance;
  const VecI piece = tail_piece(t, distance);
  const VecF y = at_least(x, 0.0f) - t * piece_polynomial_by_pairs(kTail, piece, distance);
  return unless_beyond_tail(x, y, [](VecF v) __attribute__((always_inline)) { return gelu_by_exp(v); });
}
#else
PN_INLINE VecF vgelu(VecF x) { return gelu_by_exp(x); }

PN_INLINE VecF verf(VecF x) {
  const VecF t = vabs(x);
  VecF density;
  const VecF far = 1.0f - normal_tail(t * 0x1.6a09e6p+0f, 2.0f, density);
  return vcopysign(t < 1.0f ? erf_near(t) : far, x);
}
#endif

// x - n * pi / 2 for |x| < 2^20, where n is the nearest integer or next to it.
PN_INLINE VecF subtract_half_pi(VecF x, VecF n) {
#if defined(__FMA__) || defined(__aarch64__)
  // The first difference is exact: both its terms are multiples of 2^-24, and it is less than 1.
  return ((x - n * 0x1.921fb6p+0f) - n * -0x1.777a5cp-25f) - n * -0x1.ee59dap-50f;
#else
  typedef float HalfF __attribute__((vector_size(PN_VECTOR_BYTES / 2)));
  constexpr double kHigh = 0x1.921fb544p+0, kLow = 0x1.0b4611a626331p-34;
  HalfF part[2], multiple[2];
  __builtin_memcpy(part, &x, sizeof(x));
  __builtin_memcpy(multiple, &n, sizeof(n));
  for (int i = 0; i < 2; ++i) {
    const VecD wide = __builtin_convertvector(part[i], VecD), times = __builtin_convertvector(multiple[i], VecD);
    part[i] = __builtin_convertvector((wide - times * kHigh) - times * kLow, HalfF);
  }
  __builtin_memcpy(&x, part, sizeof(x));
  return x;
#endif
}

// x = n * pi / 2 + r for |x| < 2^20; the last bits of `quadrant` are those of n.
PN_INLINE VecF reduce_half_pi(VecF x, VecI& quadrant) {
  constexpr float kTwoOverPi = 0x1.45f306p-1f, kRound = 0x1.8p+23f;
  const VecF shifted = x * kTwoOverPi + kRound;
  quadrant = (VecI)shifted;
  return subtract_half_pi(x, shifted - kRound);
}

// sin(r + quadrant * pi / 2) for |r| up to a little more than pi / 4: r + r^3 p(r^2) or 1 + r^2 p(r^2).
PN_INLINE VecF sine_of_quadrant(VecF r, VecI quadrant) {
  constexpr float kSin[] = {-0x1.555556p-3f, 0x1.111174p-7f, -0x1.a0590ep-13f, 0x1.7c090ep-19f};
  constexpr float kCos[] = {-0.5f, 0x1.55554ap-5f, -0x1.6c0c1ep-10f, 0x1.99e336p-16f};
  const auto odd = (quadrant & 1) != 0;
  const VecF square = r * r;
  VecF p = odd ? broadcast(kCos[3]) : broadcast(kSin[3]);
  for (int i = 2; i >= 0; --i) p = p * square + (odd ? broadcast(kCos[i]) : broadcast(kSin[i]));
  const VecF base = odd ? broadcast(1.0f) : r;
  return (VecF)((VecI)(base + base * square * p) ^ ((quadrant & 2) << 30));
}

PN_INLINE bool any_lane(VecI mask) {
#if defined(__AVX512F__)
  return _mm512_movepi32_mask((__m512i)mask) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_ps((__m256)mask) != 0;
#elif defined(__x86_64__)
  return _mm_movemask_ps((__m128)mask) != 0;
#else
  int32_t any = 0;
  for (int i = 0; i < kLanes<float>; ++i) any |= mask[i];
  return any != 0;
#endif
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

PN_INLINE VecD normal_tail(VecD x, double scale, VecD& density) {
  density = vexp(x * x * -0.5) * (scale * kInverseSqrt2Pi);
  return 0.5 * scale * verfc(x * 0.70710678118654752440);
}
PN_INLINE VecD vgelu(VecD x) { return 0.5 * x * verfc(x * -0.70710678118654752440); }

// Only lanes that the reduction can't take come from libm.
#define PN_TRIGONOMETRIC(name, expression)                                            \
  PN_INLINE VecF v##name(VecF x) {                                                    \
    const VecI beyond = ~(vabs(x) < 0x1p+20f); /* infinity and NaN too */             \
    VecI quadrant;                                                                    \
    const VecF r = reduce_half_pi(x, quadrant);                                       \
    const VecF y = expression;                                                        \
    return __builtin_expect(any_lane(beyond), 0) ? (beyond ? libm_##name(x) : y) : y; \
  }
PN_TRIGONOMETRIC(sin, (x == 0.0f ? x : sine_of_quadrant(r, quadrant)))
PN_TRIGONOMETRIC(cos, sine_of_quadrant(r, quadrant + 1))
PN_TRIGONOMETRIC(tan, (x == 0.0f ? x : sine_of_quadrant(r, quadrant) / sine_of_quadrant(r, quadrant + 1)))
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
