#include "core/memory.h"

#include <pthread.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <mutex>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace pyneural {

namespace {

// AddressSanitizer sees accesses to freed blocks only if they are really freed.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kLargestKept = 0;
#else
constexpr size_t kLargestKept = size_t{512} << 20;
#endif
// So much is kept in any case: room for the 64 MB of a 4096 x 4096 matrix, and more.
constexpr size_t kAlwaysKept = size_t{96} << 20;
// Of it, when a large block comes from the system: what is more goes back there, so that the peak hardly grows. And
// beyond what was lately in use: blocks of the work before must not push out those of this one that fit exactly.
constexpr size_t kKeptBeside = size_t{32} << 20;
// Beyond that, blocks are kept as long as they and those in use take no more than was lately in use at once: in this
// window of time or the one before. A step that takes longer hardly notices a fault per page.
constexpr std::chrono::seconds kPeakWindow{1};
constexpr size_t kLargeBlock = size_t{1} << 20;
// From two of them on, huge pages are asked for, as NumPy does: one page fault for 2 MB instead of 512.
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kCacheLine = 64;

// Free blocks are listed by size class. Up to 256 bytes a class is a cache line wide; above, a power of two has four.
// The end of a large block that nobody uses is never touched: it takes no memory.
constexpr int kLineBits = 8;
constexpr int kClasses = 4 * (29 - kLineBits) + 4;
static_assert(kLargestKept <= size_t{1} << 29);

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
size_t in_use = 0;

// The most that was in use at once, in this window and in the one before.
size_t peak = 0, peak_before = 0;
std::chrono::steady_clock::time_point window_end;
// Windows are counted, and each class remembers the one in which a block of it was last asked for or freed.
uint32_t window = 2, used[kClasses] = {};

size_t kept_at_most(size_t at_least) {
  const size_t lately = std::max(peak, peak_before);
  return std::max(at_least, lately > in_use ? lately - in_use : 0);
}

void move_window() {
  const auto now = std::chrono::steady_clock::now();
  if (now < window_end) return;
  peak_before = now < window_end + kPeakWindow ? peak : in_use;
  peak = in_use;
  window_end = now + kPeakWindow;
  ++window;
}

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

// Takes blocks off the lists until at most `limit` bytes are kept, the largest first; of classes that this window and
// the one before had no use for before all others, or only of these.
void take_off(FreeBlock** taken, size_t limit, bool only_idle = false) {
  for (const bool idle : {true, false}) {
    if (!idle && only_idle) break;
    for (int i = kClasses - 1; i >= 0 && kept > limit; --i) {
      if (idle && used[i] + 1 >= window) continue;
      while (free_blocks[i] && kept > limit) {
        FreeBlock* block = free_blocks[i];
        free_blocks[i] = block->next;
        kept -= class_bytes(i);
        block->next = *taken;
        *taken = block;
      }
    }
  }
}

// To the system, which may take long: without the lock.
void give_back(FreeBlock* blocks) noexcept {
  while (blocks) {
    FreeBlock* next = blocks->next;
    std::free(blocks);
    blocks = next;
  }
}

// What a block of so many bytes takes.
size_t padded_bytes(size_t bytes) {
  if (bytes <= kLargestKept) return class_bytes(class_of(bytes));
  return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
}

}  // namespace

void* allocate_block(size_t bytes) {
  const size_t padded = padded_bytes(bytes);
  FreeBlock* too_much = nullptr;
  {
    const std::lock_guard lock(mutex);
    in_use += padded;
    peak = std::max(peak, in_use);
    if (bytes <= kLargestKept) {
      const int index = class_of(bytes);
      used[index] = window;
      if (FreeBlock* block = free_blocks[index]) {
        free_blocks[index] = block->next;
        kept -= padded;
        return block;
      }
    }
    if (bytes >= kLargeBlock) {
      move_window();
      take_off(&too_much, kept_at_most(kKeptBeside));
    }
  }
  give_back(too_much);
  void* block = system_block(padded, bytes);
  if (!block && kept_memory() > 0) {
    release_kept_memory();
    block = system_block(padded, bytes);
  }
  if (!block) {
    const std::lock_guard lock(mutex);
    in_use -= padded;
  }
  return block;
}

void free_block(void* block, size_t bytes) noexcept {
  if (!block) return;
  const size_t padded = padded_bytes(bytes);
  FreeBlock* too_much = nullptr;
  bool keep = false;
  {
    const std::lock_guard lock(mutex);
    if (bytes >= kLargeBlock) move_window();  // with this block: it was in use until now
    in_use -= padded;
    const size_t limit = std::max(kAlwaysKept, kept_at_most(0) + kKeptBeside);
    keep = bytes <= kLargestKept && padded <= limit;
    if (keep && bytes >= kLargeBlock) take_off(&too_much, limit - padded, true);
    keep = keep && kept + padded <= limit;
    if (keep) {
      FreeBlock* freed = static_cast<FreeBlock*>(block);
      const int index = class_of(bytes);
      used[index] = window;
      freed->next = free_blocks[index];
      free_blocks[index] = freed;
      kept += padded;
    } else {
      take_off(&too_much, limit);
    }
  }
  give_back(too_much);
  if (!keep) std::free(block);
}

size_t kept_memory() {
  const std::lock_guard lock(mutex);
  return kept;
}

void release_kept_memory() noexcept {
  FreeBlock* all = nullptr;
  {
    const std::lock_guard lock(mutex);
    take_off(&all, 0);
  }
  give_back(all);
}

}  // namespace pyneural
