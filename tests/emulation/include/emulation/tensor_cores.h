// The C++ bodies of cuda/ptx.cuh: asynchronous copies into shared memory and the tensor core instructions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "emulation/thread.h"

namespace emulation {

// cp.async: `bytes` of `target` become the first `source_bytes` of `source` and zeros, at the wait and not before.
void copy_async(void* target, const void* source, int bytes, int source_bytes, Site site);
void commit_copies();
void wait_copies(int groups_left);  // -1: all, committed or not

// ldmatrix: `count` 8x8 matrices of 16-bit elements; lane i gives the address of row i % 8 of matrix i / 8.
void load_matrices(uint32_t* fragments, const void* row, int count, bool transposed, Site site);

// D = A * B + D by one warp; fragments as in the PTX ISA, "Matrix fragments for mma".
void mma_m16n8k8_tf32(float* d, const uint32_t* a, const uint32_t* b, Site site);
void mma_m16n8k16_bf16(float* d, const uint32_t* a, const uint32_t* b, Site site);

}  // namespace emulation
