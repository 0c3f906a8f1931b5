// All inline PTX of the library: asynchronous copies into shared memory and tensor cores, each beside the C++ that
// stands in for it in emulated builds. PTX ISA 8.x, "cp.async", "ldmatrix", "mma".
//
// cp.async, TF32 and BF16 need compute capability 8.0. On 7.5 the copies are plain ones, and who launches a kernel that
// multiplies in TF32 or BF16 has made a mistake: it traps.
#pragma once

#include <cstdint>

#include "cuda/platform.h"

#if defined(PYNEURAL_CUDA_EMULATE)
#include "emulation/tensor_cores.h"
#define PN_CALLER , EMULATION_SITE  // the kernel's line, for messages
#else
#define PN_CALLER
#endif

namespace pyneural::cuda {

#if !defined(PYNEURAL_CUDA_EMULATE)
// The instructions take addresses within shared memory, not generic ones.
__device__ __forceinline__ uint32_t shared_address(const void* pointer) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
}
#endif

// ---- asynchronous copies

// Starts the copy of the first source_bytes bytes of `source` and zeros behind them, kBytes in all, both aligned to
// kBytes. source_bytes = 0 reads nothing: rows that are not there become zeros.
template <int kBytes>
__device__ __forceinline__ void copy_async(void* shared, const void* source, int source_bytes = kBytes PN_CALLER) {
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16, "cp.async copies 4, 8 or 16 bytes");
#if defined(PYNEURAL_CUDA_EMULATE)
  emulation::copy_async(shared, source, kBytes, source_bytes, {file, line});
#elif __CUDA_ARCH__ >= 800
  if constexpr (kBytes == 16) {  // .cg: past the L1 cache, which has no use for what goes into shared memory
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared_address(shared)), "l"(source),
                 "r"(source_bytes)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;\n" ::"r"(shared_address(shared)), "l"(source),
                 "n"(kBytes), "r"(source_bytes)
                 : "memory");
  }
#else
  using Word = uint32_t;
#pragma unroll
  for (int i = 0; i < kBytes / 4; ++i) {
    static_cast<Word*>(shared)[i] = 4 * i < source_bytes ? static_cast<const Word*>(source)[i] : 0;
  }
#endif
}

// The copies that this thread started since the last commit become a group.
__device__ __forceinline__ void commit_copies() {
#if defined(PYNEURAL_CUDA_EMULATE)
  emulation::commit_copies();
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;\n" ::: "memory");
#endif
}

// Until at most the kGroups latest groups of this thread are under way. Other threads' copies need a barrier behind it.
template <int kGroups>
__device__ __forceinline__ void wait_copies() {
#if defined(PYNEURAL_CUDA_EMULATE)
  emulation::wait_copies(kGroups);
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;\n" ::"n"(kGroups) : "memory");
#endif
}

// Until none is, committed or not.
__device__ __forceinline__ void wait_all_copies() {
#if defined(PYNEURAL_CUDA_EMULATE)
  emulation::wait_copies(-1);
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_all;\n" ::: "memory");
#endif
}

// ---- matrix fragments

// kCount 8x8 matrices of 16-bit elements, kTransposed: each of them transposed; lane i gives the address of row i % 8
// of matrix i / 8, 16-byte aligned.
template <bool kTransposed, int kCount>
__device__ __forceinline__ void load_matrices(uint32_t (&fragments)[kCount], const void* row PN_CALLER) {
  static_assert(kCount == 2 || kCount == 4, "a fragment has 2 or 4 matrices");
#if defined(PYNEURAL_CUDA_EMULATE)
  emulation::load_matrices(fragments, row, kCount, kTransposed, {file, line});
#else
#define PN_LDMATRIX_2(form)                                                         \
  asm volatile("ldmatrix.sync.aligned.m8n8.x2" form ".shared.b16 {%0, %1}, [%2];\n" \
               : "=r"(fragments[0]), "=r"(fragments[1])                             \
               : "r"(shared_address(row))                                           \
               : "memory")
#define PN_LDMATRIX_4(form)                                                                     \
  asm volatile("ldmatrix.sync.aligned.m8n8.x4" form ".shared.b16 {%0, %1, %2, %3}, [%4];\n"     \
               : "=r"(fragments[0]), "=r"(fragments[1]), "=r"(fragments[2]), "=r"(fragments[3]) \
               : "r"(shared_address(row))                                                       \
               : "memory")
  if constexpr (kCount == 2 && kTransposed) {
    PN_LDMATRIX_2(".trans");
  } else if constexpr (kCount == 2) {
    PN_LDMATRIX_2("");
  } else if constexpr (kTransposed) {
    PN_LDMATRIX_4(".trans");
  } else {
    PN_LDMATRIX_4("");
  }
#undef PN_LDMATRIX_2
#undef PN_LDMATRIX_4
#endif
}

// ---- tensor cores

// The nearest TF32 number, ties away from zero, as the bits of a float. Without it the units cut off the low bits.
__device__ __forceinline__ uint32_t to_tf32(float value) {
#if defined(PYNEURAL_CUDA_EMULATE)
  const uint32_t bits = __float_as_uint(value);
  constexpr uint32_t kExponent = 0x7F800000, kDropped = 0x1FFF;
  return (bits & kExponent) == kExponent ? bits : (bits + (kDropped + 1) / 2) & ~kDropped;
#elif __CUDA_ARCH__ >= 800
  uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;\n" : "=r"(bits) : "f"(value));
  return bits;
#else
  return __float_as_uint(value);
#endif
}

// Two bfloat16 numbers in a register, `low` in the lower half.
__device__ __forceinline__ uint32_t pack_bf16(float low, float high) {
#if !defined(PYNEURAL_CUDA_EMULATE) && __CUDA_ARCH__ >= 800
  uint32_t bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;\n" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
#else
  return static_cast<uint32_t>(__bfloat16_as_ushort(__float2bfloat16(high))) << 16 |
         __bfloat16_as_ushort(__float2bfloat16(low));
#endif
}

// d += a * b for a of 16x8 and b of 8x8 TF32 numbers, spread over the warp. With group = lane / 4, place = lane % 4:
//   a0 (group, place)  a1 (group + 8, place)  a2 (group, place + 4)  a3 (group + 8, place + 4)
//   b0 (place, group)  b1 (place + 4, group)
//   d0, d1 (group, 2 * place + {0, 1})        d2, d3 (group + 8, 2 * place + {0, 1})
__device__ __forceinline__ void mma_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2] PN_CALLER) {
#if defined(PYNEURAL_CUDA_EMULATE)
  emulation::mma_m16n8k8_tf32(d, a, b, {file, line});
#elif __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();
#endif
}

// d += a * b for a of 16x16 and b of 16x8 BF16 numbers, two to a register:
//   a0 (group, 2 * place + {0, 1})  a1 rows + 8  a2 columns + 8  a3 both        d as above
//   b0 (2 * place + {0, 1}, group)  b1 rows + 8
__device__ __forceinline__ void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2] PN_CALLER) {
#if defined(PYNEURAL_CUDA_EMULATE)
  emulation::mma_m16n8k16_bf16(d, a, b, {file, line});
#elif __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();
#endif
}

}  // namespace pyneural::cuda

#undef PN_CALLER
