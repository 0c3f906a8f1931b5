#include "core/memory.h"

#include <pthread.h>

#include <bit>
#include <cstdlib>
#include <mutex>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace pyneural {

namespace {

// AddressSanitizer sees accesses to freed blocks only if they are really freed.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kMaxKept = 0;
#else
constexpr size_t kMaxKept = size_t{96} << 20;  // room for the 64 MB of a 4096 x 4096 matrix, and more
#endif
// Before a large block comes from the system, what is kept beyond this goes back there: the peak hardly grows.
constexpr size_t kKeptBesideNew = size_t{32} << 20;
constexpr size_t kLargeBlock = size_t{1} << 20;
// From two of them on, huge pages are asked for, as NumPy does: one page fault for 2 MB instead of 512.
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kCacheLine = 64;

// Free blocks are listed by size class. Up to 256 bytes a class is a cache line wide; above, a power of two has four.
// The end of a large block that nobody uses is never touched: it takes no memory.
constexpr int kLineBits = 8;
constexpr int kClasses = 4 * (27 - kLineBits) + 4;
static_assert(kMaxKept < size_t{1} << 27);

int class_of(size_t bytes) {
  const size_t last = bytes > 0 ? bytes - 1 : 0;
  const int bits = std::bit_width(last);
  if (bits <= kLineBits) return static_cast<int>(last / kCacheLine);
  const int leading = static_cast<int>(last >> (bits - 3));  // 4 to 7
  return 4 * (bits - kLineBits - 1) + leading;
}
size_t class_bytes(int index) {
  if (index < 4) return (index + 1) * kCacheLine;
  return static_cast<size_t>(index % 4 + 5) << (index / 4 + kLineBits - 3);
}

struct FreeBlock {
  FreeBlock* next;
};
std::mutex mutex;
FreeBlock* free_blocks[kClasses] = {};
size_t kept = 0;

// A forked child must not find the lists locked by a thread that it does not have.
[[maybe_unused]] const int fork_handlers =
    pthread_atfork([] { mutex.lock(); }, [] { mutex.unlock(); }, [] { mutex.unlock(); });

void* system_block(size_t padded, size_t bytes) {
#if defined(__linux__)
  if (bytes >= 2 * kHugePage) {
    void* block = std::aligned_alloc(kHugePage, padded);
    // Those that will be used to the end: one more would take memory that nobody asked for.
    if (block) madvise(block, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
    return block;
  }
#endif
  return std::aligned_alloc(kCacheLine, padded);
}

// Frees blocks, the largest first, until at most `limit` bytes are kept.
void shrink_to(size_t limit) noexcept {
  FreeBlock* released = nullptr;
  {
    const std::lock_guard lock(mutex);
    for (int i = kClasses - 1; i >= 0; --i) {
      while (free_blocks[i] && kept > limit) {
        FreeBlock* block = free_blocks[i];
        free_blocks[i] = block->next;
        kept -= class_bytes(i);
        block->next = released;
        released = block;
      }
    }
  }
  while (released) {
    FreeBlock* next = released->next;
    std::free(released);
    released = next;
  }
}

}  // namespace

void* allocate_block(size_t bytes) {
  size_t padded = (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
  if (bytes <= kMaxKept) {
    const int index = class_of(bytes);
    padded = class_bytes(index);
    const std::lock_guard lock(mutex);
    if (FreeBlock* block = free_blocks[index]) {
      free_blocks[index] = block->next;
      kept -= padded;
      return block;
    }
  }
  if (bytes >= kLargeBlock) shrink_to(kKeptBesideNew);
  void* block = system_block(padded, bytes);
  if (block || kept_memory() == 0) return block;
  release_kept_memory();
  return system_block(padded, bytes);
}

void free_block(void* block, size_t bytes) noexcept {
  if (block && bytes <= kMaxKept) {
    const int index = class_of(bytes);
    const size_t padded = class_bytes(index);
    const std::lock_guard lock(mutex);
    if (kept + padded <= kMaxKept) {
      FreeBlock* freed = static_cast<FreeBlock*>(block);
      freed->next = free_blocks[index];
      free_blocks[index] = freed;
      kept += padded;
      return;
    }
  }
  std::free(block);
}

size_t kept_memory() {
  const std::lock_guard lock(mutex);
  return kept;
}

void release_kept_memory() noexcept { shrink_to(0); }

}  // namespace pyneural
