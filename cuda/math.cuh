// Functions of real numbers that CUDA's library has not, or not as exact as the tests ask for. The float polynomials
// are those of cpu/math.h, where their errors are discussed.
#pragma once

#include <cmath>

#include "core/dtype.h"
#include "cuda/platform.h"

namespace pyneural::cuda {

// a * b = product + error, exactly.
__device__ __forceinline__ float two_product(float a, float b, float& error) {
  const float product = __fmul_rn(a, b);
  error = __fmaf_rn(a, b, -product);
  return product;
}
// a + b = sum + error, exactly.
__device__ __forceinline__ float two_sum(float a, float b, float& error) {
  const float sum = __fadd_rn(a, b), b_part = __fsub_rn(sum, a);
  error = __fadd_rn(__fsub_rn(a, __fsub_rn(sum, b_part)), __fsub_rn(b, b_part));
  return sum;
}

// c[0] + c[1] * x + c[2] * x^2 + ...
template <class T, int N>
PN_INLINE T polynomial(T x, const T (&c)[N]) {
  T sum = c[N - 1];
  for (int i = N - 2; i >= 0; --i) sum = sum * x + c[i];
  return sum;
}

// exp(x + low), low much smaller than x and than 1.
__device__ __forceinline__ float exp_sum(float x, float low) {
  const float e = std::exp(x);
  return e + e * low;
}

// exp(-x^2 / 2) for x >= 0, where `half` is x / 2. The rounding error of the square is put back, or it would be
// multiplied by x^2.
__device__ __forceinline__ float exp_half_square(float x, float half) {
  float low;
  const float square = two_product(x, half, low);
  return exp_sum(-square, -low);
}

// 1 / (1 + exp(-x)) from e = exp(-|x|), which can't overflow.
template <class T>
__device__ __forceinline__ T sigmoid_from_exp(T x, T e) {
  const T numerator = x < 0 ? e : T(1);
  return numerator - numerator * (e / (1 + e));
}
template <class T>
__device__ __forceinline__ T sigmoid(T x) {
  return sigmoid_from_exp(x, std::exp(-std::abs(x)));
}

__device__ __forceinline__ double hyperbolic_tangent(double x) { return std::tanh(x); }
__device__ __forceinline__ float hyperbolic_tangent(float x) {
  constexpr float kP[] = {-0x1.555532p-2f, 0x1.1106fcp-3f, -0x1.b836f4p-5f, 0x1.5203f4p-6f, -0x1.7547e2p-8f};
  const float t = std::abs(x) > 10.0f ? 10.0f : std::abs(x);  // 1 beyond 9.02
  const float square = t * t;
  const float near = t + t * (square * polynomial(square, kP));
  const float far = 1.0f - 2.0f * (1.0f / (std::exp(t + t) + 1.0f));
  return std::copysign(t < 0.625f ? near : far, x);
}

constexpr double kInverseSqrt2Pi = 0.39894228040143267794;
constexpr double kSqrtHalf = 0.70710678118654752440;

// Beyond 15 the tail and the density are zero in float; NaN stays.
__device__ __forceinline__ float up_to_15(float x) { return x > 15.0f ? 15.0f : x; }

// P(N(0, 1) > x) and the density at x, for x >= 0.
__device__ __forceinline__ float normal_tail(float x, float& density) {
  constexpr float kCenter = 0.53125f;  // of w: keeps the terms from cancelling
  constexpr float kP[] = {0x1.62ee4cp-2f, 0x1.569a88p-2f,  0x1.6717c4p-5f,  -0x1.2bb06ep-3f,
                          0x1.8d7e1p-7f,  0x1.8569fcp-4f,  -0x1.2490fap-4f, -0x1.b22ae6p-6f,
                          0x1.8a9508p-4f, -0x1.e77972p-5f, -0x1.d842fep-5f, 0x1.404b72p-4f};
  x = up_to_15(x);
  const float half = x * 0.5f, w = 1.0f / (half + 1.0f);
  const float e = exp_half_square(x, half);
  density = e * static_cast<float>(kInverseSqrt2Pi);
  return e * (w * polynomial(w - kCenter, kP));
}
__device__ __forceinline__ double normal_tail(double x, double& density) {
  density = std::exp(x * x * -0.5) * kInverseSqrt2Pi;
  return 0.5 * std::erfc(x * kSqrtHalf);
}

// x * P(N(0, 1) <= x). Next to zero x / 2 plus an even function; else from the tail, exp(-x^2 / 2) times a function
// that changes little.
__device__ __forceinline__ float gelu(float x) {
  constexpr float kNear[] = {0x1.988454p-2f,   -0x1.105862p-4f, 0x1.46d55ap-7f,
                             -0x1.376eeep-10f, 0x1.e2720cp-14f, -0x1.12333p-17f};
  constexpr float kCenter = 0.3984375f;  // of w
  constexpr float kTail[] = {0x1.75a7e4p-2f, -0x1.d18a44p-3f, -0x1.04a598p-1f, -0x1.72be68p-2f, 0x1.80159p-3f,
                             0x1.23d42ep-2f, -0x1.ef1594p-3f, -0x1.85d54ap-3f, 0x1.41c164p-2f};
  const float square = x * x;
  const float near = x * 0.5f + square * polynomial(square, kNear);
  const float t = up_to_15(std::abs(x));
  const float half = t * 0.5f;
  const float w = __fdividef(1.0f, half + 1.0f);  // two ULP are enough for an argument of a flat polynomial
  const float tail = exp_half_square(t, half) * polynomial(w - kCenter, kTail);
  return t < 1.0f ? near : (x < 0.0f ? 0.0f : x) - tail;
}
__device__ __forceinline__ double gelu(double x) { return 0.5 * x * std::erfc(x * -kSqrtHalf); }

// gelu's approximation is x * sigmoid(z), z = 2 * sqrt(2 / pi) * (x + 0.044715 * x^3).
constexpr double kGeluLinear = 1.59576912160573071176;
constexpr double kGeluCubic = 0.07135481627260025;

__device__ __forceinline__ double gelu_tanh(double x) { return x * sigmoid(x * (kGeluLinear + kGeluCubic * (x * x))); }
// z is carried in two floats: exp(z) would multiply its rounding error by |z|.
__device__ __forceinline__ float gelu_tanh(float x) {
  constexpr float kLinear = 0x1.988454p+0f, kLinearLow = -4.53406804e-8f;
  constexpr float kCubic = 0x1.2444f2p-4f, kCubicLow = 2.3988324e-9f;
  constexpr float kFar = 12.0f;  // the sigmoid is 0 or 1 in float from there on
  const float t = std::abs(x) > kFar ? kFar : std::abs(x);
  float square_low, cubic_low, sum_low, z_low;
  const float square = two_product(t, t, square_low);
  const float cubic = two_product(square, kCubic, cubic_low);
  const float sum = two_sum(kLinear, cubic, sum_low);
  const float low = (cubic_low + sum_low) + (square * kCubicLow + (square_low * kCubic + kLinearLow));
  const float z = two_product(sum, t, z_low);
  return x * sigmoid_from_exp(x, exp_sum(-z, -(z_low + low * t)));
}

__device__ __forceinline__ double error_function(double x) { return std::erf(x); }
__device__ __forceinline__ float error_function(float x) {
  constexpr float kNear[] = {0x1.06eba8p-3f, -0x1.81273ep-2f,  0x1.ce2d1p-4f, -0x1.b7fabap-6f,
                             0x1.54127p-8f,  -0x1.a45088p-11f, 0x1.4a569p-14f};
  const float t = std::abs(x);
  const float near = t + t * polynomial(t * t, kNear);
  float density;
  const float far = 1.0f - 2.0f * normal_tail(t * 0x1.6a09e6p+0f, density);
  return std::copysign(t < 1.0f ? near : far, x);
}

}  // namespace pyneural::cuda
