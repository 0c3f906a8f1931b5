// Blocks of memory for tensors. Freed blocks are kept and handed out again: a fresh block costs a page fault every 4
// KB, which takes longer than most kernels need for what they write there.
#pragma once

#include <cstddef>

namespace pyneural {

// 64-byte aligned (a cache line, and the width of an AVX-512 register), whole cache lines, one at least. nullptr if the
// system has no memory left.
void* allocate_block(size_t bytes);
void free_block(void* block, size_t bytes) noexcept;  // as many as were asked for

// Bytes of freed blocks that are kept: 96 MB at most, or what was in use at once in the last seconds and no longer is.
size_t kept_memory();
void release_kept_memory() noexcept;  // gives them back to the system

}  // namespace pyneural
