// Element types. Plain data only: kernel sources compiled for several SIMD levels include this file.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__CUDACC__)
#define PN_MEMBER __host__ __device__ __forceinline__
#else
#define PN_MEMBER inline __attribute__((always_inline))
#endif
#define PN_INLINE static PN_MEMBER

namespace pyneural {

enum class DType : uint8_t { boolean, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64 };

constexpr int kDTypeCount = 10;

PN_INLINE constexpr size_t dtype_size(DType dtype) {
  constexpr size_t sizes[kDTypeCount] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8};
  return sizes[static_cast<int>(dtype)];
}

PN_INLINE constexpr bool is_floating(DType dtype) { return dtype >= DType::float16; }

PN_INLINE constexpr const char* dtype_name(DType dtype) {
  constexpr const char* names[kDTypeCount] = {"bool",  "uint8",   "int8",     "int16",   "int32",
                                              "int64", "float16", "bfloat16", "float32", "float64"};
  return names[static_cast<int>(dtype)];
}

// Storage types without arithmetic: kernels that compute widen them to float first.
struct Half {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

}  // namespace pyneural
