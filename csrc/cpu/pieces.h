// Polynomials on 32 pieces of an axis. AVX-512 picks a coefficient for every lane from two registers in one operation:
// short polynomials without a division cost less than long ones for the whole axis.
#pragma once

#include "cpu/vec.h"

#if defined(__AVX512F__)
#include "cpu/piece_tables.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

constexpr int kPieces = 32;

// table[piece % 32] in every lane.
PN_INLINE Vec<float> pick(const float (&table)[kPieces], Vec<int32_t> piece) {
  return (Vec<float>)_mm512_permutex2var_ps(_mm512_load_ps(table), (__m512i)piece, _mm512_load_ps(table + kPieces / 2));
}

// The piece in which t lies and how far from its beginning, for 0 <= t < 15 * first: eight pieces for every doubling of
// t + first.
PN_INLINE Vec<int32_t> growing_piece(Vec<float> t, float first, Vec<float>& distance) {
  constexpr int kShift = 23 - 3;  // to the exponent and the upper three bits of the fraction
  const Vec<uint32_t> bits = (Vec<uint32_t>)(t + first);
  distance = t - ((Vec<float>)(bits & (~0u << kShift)) - first);  // both differences are exact
  return (Vec<int32_t>)(bits >> kShift);
}

// The same for the pieces around kTailPoints, which are narrower where the tail falls faster. 0 <= t <= kTailEnd.
PN_INLINE Vec<int32_t> tail_piece(Vec<float> t, Vec<float>& distance) {
  constexpr float kRound = 0x1.8p+23f;  // adding it rounds to an integer
  const auto piece = (Vec<int32_t>)((t * kTailScale) * (t + kTailOffset) + kRound);
  distance = t - pick(kTailPoints, piece);
  return piece;
}

// The sum of coefficients[n] * distance^(n - First) from n = First on, by Horner's rule, which rounds least.
template <int First, int N>
PN_INLINE Vec<float> piece_polynomial(const float (&coefficients)[N][kPieces], Vec<int32_t> piece,
                                      Vec<float> distance) {
  Vec<float> sum = pick(coefficients[N - 1], piece);
#pragma GCC unroll 8
  for (int n = N - 2; n >= First; --n) sum = sum * distance + pick(coefficients[n], piece);
  return sum;
}

// The same from n = 0 on, but by pairs above the constant: a third less latency where there are many powers.
template <int N>
PN_INLINE Vec<float> piece_polynomial_by_pairs(const float (&coefficients)[N][kPieces], Vec<int32_t> piece,
                                               Vec<float> distance) {
  static_assert(N % 2 == 1);
  const auto pair = [&](int n) __attribute__((always_inline)) {
    return pick(coefficients[n + 1], piece) * distance + pick(coefficients[n], piece);
  };
  const Vec<float> square = distance * distance;
  Vec<float> sum = pair(N - 2);
#pragma GCC unroll 8
  for (int n = N - 4; n >= 1; n -= 2) sum = sum * square + pair(n);
  return sum * distance + pick(coefficients[0], piece);
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
#endif
