// Vec<T>: the widest vector of the SIMD level being compiled, for float and double. Kernels written with it are plain
// algorithms that compile for every level and for AArch64. GCC vector extensions carry the arithmetic (+ - * / and
// comparisons, which give masks for select()); intrinsics only where the compiler has no operator.
#pragma once

#include "core/kernel.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define PN_VECTOR_BYTES 64
#define PN_VECTOR_REGISTERS 32
#elif defined(__AVX2__)
#define PN_VECTOR_BYTES 32
#define PN_VECTOR_REGISTERS 16
#elif defined(__aarch64__)
#define PN_VECTOR_BYTES 16
#define PN_VECTOR_REGISTERS 32
#else
#define PN_VECTOR_BYTES 16
#define PN_VECTOR_REGISTERS 16
#endif

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

template <class T>
struct VecOf {
  typedef T type __attribute__((vector_size(PN_VECTOR_BYTES)));
};
template <class T>
using Vec = typename VecOf<T>::type;
template <class T>
constexpr int kLanes = PN_VECTOR_BYTES / sizeof(T);

// Any pointer, any alignment.
template <class T>
PN_INLINE Vec<T> load(const T* p) {
  Vec<T> v;
  __builtin_memcpy(&v, p, sizeof(v));
  return v;
}
template <class T, class V>
PN_INLINE void store(T* p, V v) {
  static_assert(sizeof(v) == PN_VECTOR_BYTES);
  __builtin_memcpy(p, &v, sizeof(v));
}
template <class T>
PN_INLINE Vec<T> broadcast(T x) {
  return x - Vec<T>{};  // not x + 0: that is no identity for -0 and would cost an addition
}

// The first n lanes (0 <= n <= lanes); the others read as zero, and memory behind them is not touched.
PN_INLINE Vec<float> load_first(const float* p, int n) {
#if defined(__AVX512F__)
  return (Vec<float>)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif defined(__AVX2__)
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return (Vec<float>)_mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane));
#else
  Vec<float> v{};
  __builtin_memcpy(&v, p, n * sizeof(float));
  return v;
#endif
}
PN_INLINE Vec<double> load_first(const double* p, int n) {
#if defined(__AVX512F__)
  return (Vec<double>)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
#elif defined(__AVX2__)
  const __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
  return (Vec<double>)_mm256_maskload_pd(p, _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), lane));
#else
  Vec<double> v{};
  __builtin_memcpy(&v, p, n * sizeof(double));
  return v;
#endif
}
PN_INLINE void store_first(float* p, Vec<float> v, int n) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#elif defined(__AVX2__)
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  _mm256_maskstore_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane), (__m256)v);
#else
  __builtin_memcpy(p, &v, n * sizeof(float));
#endif
}
PN_INLINE void store_first(double* p, Vec<double> v, int n) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v);
#elif defined(__AVX2__)
  const __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
  _mm256_maskstore_pd(p, _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), lane), (__m256d)v);
#else
  __builtin_memcpy(p, &v, n * sizeof(double));
#endif
}

// a * b + c in one rounding where the level has FMA (-ffp-contract=fast).
template <class V>
PN_INLINE V fma(V a, V b, V c) {
  return a * b + c;
}
// mask comes from a comparison of vectors: lanes of all ones or zeros.
template <class M, class V>
PN_INLINE V select(M mask, V yes, V no) {
  return mask ? yes : no;
}
// A NaN in either operand gives b (the x86 rule); op kernels that must propagate NaN say so and select.
template <class V>
PN_INLINE V vmin(V a, V b) {
  return a < b ? a : b;
}
template <class V>
PN_INLINE V vmax(V a, V b) {
  return a > b ? a : b;
}

PN_INLINE Vec<float> vsqrt(Vec<float> v) {
#if defined(__AVX512F__)
  return (Vec<float>)_mm512_sqrt_ps((__m512)v);
#elif defined(__AVX2__)
  return (Vec<float>)_mm256_sqrt_ps((__m256)v);
#else
  for (int i = 0; i < kLanes<float>; ++i) v[i] = __builtin_sqrtf(v[i]);
  return v;
#endif
}
PN_INLINE Vec<double> vsqrt(Vec<double> v) {
#if defined(__AVX512F__)
  return (Vec<double>)_mm512_sqrt_pd((__m512d)v);
#elif defined(__AVX2__)
  return (Vec<double>)_mm256_sqrt_pd((__m256d)v);
#else
  for (int i = 0; i < kLanes<double>; ++i) v[i] = __builtin_sqrt(v[i]);
  return v;
#endif
}

// Folds the lanes in a fixed order: the upper half onto the lower until one lane is left. Through ever narrower
// vectors, so that the compiler keeps them in registers.
template <class V, class Fn>
PN_INLINE auto reduce_lanes(V v, const Fn& fn) {
  constexpr int lanes = sizeof(v) / sizeof(v[0]);
  if constexpr (lanes == 16) {
    return reduce_lanes(fn(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7),
                           __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15)),
                        fn);
  } else if constexpr (lanes == 8) {
    return reduce_lanes(fn(__builtin_shufflevector(v, v, 0, 1, 2, 3), __builtin_shufflevector(v, v, 4, 5, 6, 7)), fn);
  } else if constexpr (lanes == 4) {
    const V folded = fn(v, __builtin_shufflevector(v, v, 2, 3, 2, 3));
    return fn(folded, __builtin_shufflevector(folded, folded, 1, 1, 1, 1))[0];
  } else {
    static_assert(lanes == 2);
    return fn(v, __builtin_shufflevector(v, v, 1, 1))[0];
  }
}
template <class V>
PN_INLINE auto reduce_add(V v) {
  return reduce_lanes(v, [](auto a, auto b) __attribute__((always_inline)) { return a + b; });
}
template <class V>
PN_INLINE auto reduce_max(V v) {
  return reduce_lanes(v, [](auto a, auto b) __attribute__((always_inline)) { return vmax(a, b); });
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
