// Activations and their slopes, shared by the activation ops, fused chains, and the epilogues of matrix products and
// convolutions. The formulas are those of cpu/activation.h.
#pragma once

#include <cmath>
#include <type_traits>

#include "cuda/math.cuh"
#include "ops/activation_params.h"

namespace pyneural::cuda {

constexpr double kSeluScale = 1.05070098735548049342;
constexpr double kSeluScaleAlpha = 1.75809934084737685994;

// tanh(log(1 + e)) = n / (n + 2) with n = e * (e + 2); it rounds to 1 beyond x = 20.
template <class T>
__device__ __forceinline__ T mish_exp(T x) {
  return std::exp(x > 20 ? T(20) : x);
}

template <class T>
__device__ __forceinline__ T hard_sigmoid(T x) {
  const T shifted = x + 3;
  return (shifted < 0 ? T(0) : shifted > 6 ? T(6) : shifted) / 6;
}

template <Activation A, class T>
__device__ __forceinline__ T activate(T x) {
  if constexpr (A == Activation::linear) {
    return x;
  } else if constexpr (A == Activation::relu) {
    return x < 0 ? T(0) : x;  // NaN stays
  } else if constexpr (A == Activation::relu6) {
    return x < 0 ? T(0) : x > 6 ? T(6) : x;
  } else if constexpr (A == Activation::sigmoid) {
    return sigmoid(x);
  } else if constexpr (A == Activation::tanh) {
    return hyperbolic_tangent(x);
  } else if constexpr (A == Activation::elu) {
    return x > 0 ? x : std::expm1(x);
  } else if constexpr (A == Activation::selu) {
    return x > 0 ? x * T(kSeluScale) : std::expm1(x) * T(kSeluScaleAlpha);
  } else if constexpr (A == Activation::softplus) {
    return (x < 0 ? T(0) : x) + std::log1p(std::exp(-std::abs(x)));
  } else if constexpr (A == Activation::softsign) {
    return x / (std::abs(x) + 1);
  } else if constexpr (A == Activation::silu) {
    return x * sigmoid(x);
  } else if constexpr (A == Activation::gelu) {
    return gelu(x);
  } else if constexpr (A == Activation::gelu_tanh) {
    return gelu_tanh(x);
  } else if constexpr (A == Activation::hard_sigmoid) {
    return hard_sigmoid(x);
  } else if constexpr (A == Activation::hard_silu) {
    return x * hard_sigmoid(x);
  } else if constexpr (A == Activation::mish) {
    const T e = mish_exp(x);
    const T n = e * (e + 2);
    return x * (n / (n + 2));
  } else {
    static_assert(A == Activation::exponential);
    return std::exp(x);
  }
}

// d activation(x) / dx, where `v` is the output if slope_from_output(A), else the input.
template <Activation A, class T>
__device__ __forceinline__ T activation_slope(T v) {
  if constexpr (A == Activation::linear) {
    return 1;
  } else if constexpr (A == Activation::relu) {
    return v > 0 ? T(1) : T(0);
  } else if constexpr (A == Activation::relu6) {
    return v > 0 && v < 6 ? T(1) : T(0);
  } else if constexpr (A == Activation::sigmoid) {
    return v * (1 - v);
  } else if constexpr (A == Activation::tanh) {
    return (1 - v) * (1 + v);
  } else if constexpr (A == Activation::elu) {
    return v > 0 ? T(1) : v + 1;
  } else if constexpr (A == Activation::selu) {
    return v > 0 ? T(kSeluScale) : v + T(kSeluScaleAlpha);
  } else if constexpr (A == Activation::softplus) {
    return -std::expm1(-v);
  } else if constexpr (A == Activation::softsign) {
    const T rest = 1 - std::abs(v);
    return rest * rest;
  } else if constexpr (A == Activation::silu) {
    const T s = sigmoid(v);
    return s * (v * (1 - s) + 1);
  } else if constexpr (A == Activation::gelu) {
    T density;
    const T tail = normal_tail(std::abs(v), density);
    return (v < 0 ? tail : 1 - tail) + v * density;
  } else if constexpr (A == Activation::gelu_tanh) {
    const T square = v * v;
    const T s = sigmoid(v * (square * T(kGeluCubic) + T(kGeluLinear)));
    return s + v * (s * (1 - s)) * (square * T(3 * kGeluCubic) + T(kGeluLinear));
  } else if constexpr (A == Activation::hard_sigmoid) {
    return v > 0 && v < 1 ? T(1) / 6 : T(0);
  } else if constexpr (A == Activation::hard_silu) {
    return v > 3 ? T(1) : v < -3 ? T(0) : (2 * v + 3) / 6;
  } else if constexpr (A == Activation::mish) {
    const T e = mish_exp(v);
    const T n = e * (e + 2);
    const T inverse = 1 / (n + 2);
    return n * inverse + v * (4 * e * (1 + e)) * (inverse * inverse);
  } else {
    static_assert(A == Activation::exponential);
    return v;
  }
}

// fn(std::integral_constant<Activation, A>()): the choice is made once, outside of the loops over elements.
template <class Fn>
__device__ __forceinline__ void with_activation(Activation activation, const Fn& fn) {
#define PN_CASE(name)    \
  case Activation::name: \
    return fn(std::integral_constant<Activation, Activation::name>());
  switch (activation) {
    PN_CASE(linear)
    PN_CASE(relu)
    PN_CASE(relu6)
    PN_CASE(sigmoid)
    PN_CASE(tanh)
    PN_CASE(elu)
    PN_CASE(selu)
    PN_CASE(softplus)
    PN_CASE(softsign)
    PN_CASE(silu)
    PN_CASE(gelu)
    PN_CASE(gelu_tanh)
    PN_CASE(hard_sigmoid)
    PN_CASE(hard_silu)
    PN_CASE(mish)
    PN_CASE(exponential)
  }
#undef PN_CASE
}

// In place. Each case is a loop of its own: kCount copies of every activation are what this costs in code.
template <class T, int kCount>
__device__ __forceinline__ void apply_activation(Activation activation, T (&values)[kCount]) {
  with_activation(activation, [&](auto chosen) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) values[i] = activate<decltype(chosen)::value>(values[i]);
  });
}
template <class T>
__device__ __forceinline__ T apply_activation(Activation activation, T x) {
  T values[1] = {x};
  apply_activation(activation, values);
  return values[0];
}

}  // namespace pyneural::cuda
