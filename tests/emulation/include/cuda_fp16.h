// Stands in for the CUDA toolkit's header of this name: half precision as far as the library uses it (storage, casts).
#pragma once

#include <bit>
#include <cstdint>

#include "emulation/qualifiers.h"

namespace emulation {

// To nearest, ties to even, subnormals included.
inline unsigned short float_to_half(float value) {
  const uint32_t word = std::bit_cast<uint32_t>(value);
  const unsigned short sign = static_cast<unsigned short>((word >> 16) & 0x8000u);
  const uint32_t magnitude = word & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return 0x7FFF;
  if (magnitude >= 0x477FF000u) return sign | 0x7C00u;  // rounds to more than 65504
  if (magnitude < 0x38800000u) {                        // subnormal: adding 0.5 rounds at the last bit of a half
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<unsigned short>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3F000000u));
  }
  const uint32_t rounded = magnitude + 0xFFFu + ((magnitude >> 13) & 1u);
  return static_cast<unsigned short>(sign | ((rounded - 0x38000000u) >> 13));
}

inline float half_to_float(unsigned short bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1Fu, fraction = bits & 0x3FFu;
  if (exponent == 0) {
    const float value = static_cast<float>(fraction) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(value));
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000u | (fraction << 13));
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
}

}  // namespace emulation

struct __half_raw {
  unsigned short x;
};

struct alignas(2) __half {
  unsigned short bits;
  __half() = default;
  explicit __half(float value) : bits(emulation::float_to_half(value)) {}
  __half(__half_raw raw) : bits(raw.x) {}
  operator float() const { return emulation::half_to_float(bits); }
};
using half = __half;

struct alignas(4) __half2 {
  __half x, y;
};

inline __half __float2half(float value) { return __half(value); }
inline __half __float2half_rn(float value) { return __half(value); }
inline float __half2float(__half value) { return value; }
inline __half2 __floats2half2_rn(float x, float y) { return {__half(x), __half(y)}; }
inline unsigned short __half_as_ushort(__half value) { return value.bits; }
inline __half __ushort_as_half(unsigned short bits) { return __half_raw{bits}; }
