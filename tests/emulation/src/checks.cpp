#include "checks.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "arena.h"
#include "fault.h"
#include "runner.h"

namespace emulation {

bool checks_enabled = false;

namespace {

#define PN_ALWAYS_INLINE inline __attribute__((always_inline))

constexpr uint32_t kSeveralBlocks = 0xFFFFFFFF;

// Of a word of shared memory. Times are those of the block's clock, which every barrier advances.
struct SharedHistory {
  uint32_t write_time;
  uint16_t write_thread;
  uint8_t write_bytes, unused0;
  uint32_t read_time;
  uint16_t read_thread;
  uint8_t read_bytes, unused1;
};

// Of a word of device memory: which block of which launch; the low four bits of the launch are the bytes touched.
struct DeviceHistory {
  uint32_t write_launch, write_block, read_launch, read_block;
};
static_assert(sizeof(SharedHistory) == kHistoryBytes && sizeof(DeviceHistory) == kHistoryBytes);

unsigned char* states_of(const void* address) { return address_space.states + address_space.offset(address); }

template <class History>
History* histories_of(const void* address) {
  return reinterpret_cast<History*>(address_space.histories + address_space.offset(address) / 4 * kHistoryBytes);
}

// Calls check(history, bytes) for each word of the access; bytes has a bit for each byte of the word.
template <class History, class Check>
PN_ALWAYS_INLINE void for_each_word(const void* address, size_t bytes, Check check) {
  const uintptr_t begin = reinterpret_cast<uintptr_t>(address), end = begin + bytes;
  History* history = histories_of<History>(address);
  if (bytes == 4 && begin % 4 == 0) return check(*history, 0xFu);
  for (uintptr_t word = begin & ~uintptr_t{3}; word < end; word += 4, ++history) {
    uint32_t touched = 0xF;
    if (word < begin) touched &= 0xFu << (begin - word);
    if (word + 4 > end) touched &= 0xFu >> (word + 4 - end);
    check(*history, touched);
  }
}

std::string access_text(const char* verb, size_t bytes) {
  return std::string(verb) + " " + std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
}

[[noreturn]] void race(const char* verb, const char* earlier, Runner& runner, int other, const void* address,
                       size_t bytes, const void* pc) {
  checked_runner = nullptr;  // what follows is not the kernel's doing
  const std::string who = other >= kMaxThreads ? "other threads" : "thread " + runner.thread_name(other);
  runner.fault(std::string("race: ") + access_text(verb, bytes) + " of shared memory that " + who + " " + earlier +
                   " since the last barrier (" + runner.describe_shared(address) + ")",
               pc);
}

PN_ALWAYS_INLINE void shared_read(Runner& runner, const void* address, size_t bytes, const void* pc) {
  const uint16_t self = runner.current_thread();
  for_each_word<SharedHistory>(address, bytes,
                               [&](SharedHistory& history, uint32_t touched) __attribute__((always_inline)) {
                                 if (history.write_thread != self && (history.write_bytes & touched) &&
                                     runner.unordered(history.write_time, history.write_thread)) {
                                   race("reads", "wrote", runner, history.write_thread, address, bytes, pc);
                                 }
                                 if (history.read_thread != self && (history.read_bytes & touched) == touched &&
                                     runner.unordered(history.read_time, history.read_thread)) {
                                   history.read_thread = runner.several(history.read_thread);
                                 } else {
                                   history.read_thread = self;
                                 }
                                 history.read_time = runner.clock();
                                 history.read_bytes = static_cast<uint8_t>(touched);
                               });
}

PN_ALWAYS_INLINE void shared_write(Runner& runner, const void* address, size_t bytes, const void* pc) {
  const uint16_t self = runner.current_thread();
  for_each_word<SharedHistory>(address, bytes,
                               [&](SharedHistory& history, uint32_t touched) __attribute__((always_inline)) {
                                 if (history.write_thread != self && (history.write_bytes & touched) &&
                                     runner.unordered(history.write_time, history.write_thread)) {
                                   race("writes", "wrote", runner, history.write_thread, address, bytes, pc);
                                 }
                                 if (history.read_thread != self && (history.read_bytes & touched) &&
                                     runner.unordered(history.read_time, history.read_thread)) {
                                   race("writes", "read", runner, history.read_thread, address, bytes, pc);
                                 }
                                 history.write_time = runner.clock();
                                 history.write_thread = self;
                                 history.write_bytes = static_cast<uint8_t>(touched);
                               });
}

[[noreturn]] void block_race(const char* verb, const char* earlier, Runner& runner, uint32_t block, const void* address,
                             size_t bytes, const void* pc) {
  checked_runner = nullptr;
  const std::string who = block == kSeveralBlocks ? "other blocks" : "block " + runner.block_name(block);
  runner.fault(std::string("race: ") + access_text(verb, bytes) + " of device memory that " + who +
                   " of the same launch " + earlier + " (" + describe_address(address) + ")",
               pc);
}

// True if another block of this launch touched one of these bytes.
bool by_another(uint32_t launch_and_bytes, uint32_t other_block, uint32_t launch, uint32_t block, uint32_t touched) {
  return (launch_and_bytes & ~0xFu) == launch && other_block != block && (launch_and_bytes & touched);
}

PN_ALWAYS_INLINE void device_read(Runner& runner, const void* address, size_t bytes, const void* pc) {
  const uint32_t launch = runner.launch_number() << 4, block = runner.linear_block();
  for_each_word<DeviceHistory>(
      address, bytes, [&](DeviceHistory& history, uint32_t touched) __attribute__((always_inline)) {
        // Behind a fence a block may read what others wrote: the last block to finish adds up, for example.
        if (by_another(history.write_launch, history.write_block, launch, block, touched) && !runner.fenced()) {
          block_race("reads", "wrote", runner, history.write_block, address, bytes, pc);
        }
        const bool shared = by_another(history.read_launch, history.read_block, launch, block, touched) &&
                            (history.read_launch & touched) == touched;
        history.read_block = shared ? kSeveralBlocks : block;
        history.read_launch = launch | touched;
      });
}

PN_ALWAYS_INLINE void device_write(Runner& runner, const void* address, size_t bytes, const void* pc) {
  const uint32_t launch = runner.launch_number() << 4, block = runner.linear_block();
  for_each_word<DeviceHistory>(address, bytes,
                               [&](DeviceHistory& history, uint32_t touched) __attribute__((always_inline)) {
                                 if (!runner.fenced()) {
                                   if (by_another(history.write_launch, history.write_block, launch, block, touched)) {
                                     block_race("writes", "wrote", runner, history.write_block, address, bytes, pc);
                                   }
                                   if (by_another(history.read_launch, history.read_block, launch, block, touched)) {
                                     block_race("writes", "read", runner, history.read_block, address, bytes, pc);
                                   }
                                 }
                                 history.write_block = block;
                                 history.write_launch = launch | touched;
                               });
}

// Neither device nor shared memory: fine for what the compiler put there, but a pointer of the host is none on a
// device.
void check_foreign(Runner& runner, const void* address, size_t bytes, const char* verb, const void* pc) {
  // threadIdx and the like first: every thread reads them.
  if (is_thread_local(address) || runner.owns(address) || is_program_memory(address)) return;
  checked_runner = nullptr;
  runner.fault(access_text(verb, bytes) + " of host memory", pc);
}

[[noreturn]] void bad_state(Runner& runner, const char* verb, const void* address, size_t bytes, const void* pc) {
  checked_runner = nullptr;
  const auto* states = states_of(address);
  const bool shared = address_space.is_shared(address);
  const char* kind = shared ? " of shared memory" : "";
  for (size_t i = 0; i < bytes; ++i) {
    const auto* at = static_cast<const char*>(address) + i;
    const std::string where = shared ? runner.describe_shared(at) : describe_address(at);
    switch (static_cast<State>(states[i])) {
      case State::unallocated:
        runner.fault(access_text(verb, bytes) + kind + " out of bounds: " + where, pc);
      case State::in_flight:
        runner.fault(access_text(verb, bytes) + kind + " that a cp.async has not delivered yet: its wait is missing (" +
                         where + ")",
                     pc);
      case State::unwritten:
        if (*verb == 'r') runner.fault(access_text(verb, bytes) + kind + " that nothing wrote: " + where, pc);
        break;
      case State::written:
        break;
    }
  }
  runner.fault(access_text(verb, bytes) + ": unknown state", pc);
}

PN_ALWAYS_INLINE bool all_written(const unsigned char* states, size_t bytes) {
  constexpr unsigned char kWritten[16] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2};
  static_assert(kWritten[0] == static_cast<unsigned char>(State::written));
  if (bytes == 4 || bytes == 16) return std::memcmp(states, kWritten, bytes) == 0;
  return std::all_of(states, states + bytes,
                     [](unsigned char state) { return static_cast<State>(state) == State::written; });
}

// Inlined for the sizes that kernels mostly access: with a constant size comparisons become single ones and loops
// vanish.
PN_ALWAYS_INLINE void read(Runner& runner, const void* address, size_t bytes, const void* pc) {
  if (!all_written(states_of(address), bytes)) bad_state(runner, "reads", address, bytes, pc);
  if (address_space.is_shared(address)) {
    shared_read(runner, address, bytes, pc);
  } else {
    device_read(runner, address, bytes, pc);
  }
}

PN_ALWAYS_INLINE void write(Runner& runner, const void* address, size_t bytes, const void* pc) {
  unsigned char* states = states_of(address);
  if (!all_written(states, bytes)) {
    for (size_t i = 0; i < bytes; ++i) {
      const auto state = static_cast<State>(states[i]);
      if (state == State::unallocated || state == State::in_flight) bad_state(runner, "writes", address, bytes, pc);
    }
    std::memset(states, static_cast<int>(State::written), bytes);
  }
  if (address_space.is_shared(address)) {
    shared_write(runner, address, bytes, pc);
  } else {
    device_write(runner, address, bytes, pc);
  }
}

}  // namespace

void set_states(const void* address, size_t bytes, State state) {
  if (checks_enabled && address_space.holds(address)) std::memset(states_of(address), static_cast<int>(state), bytes);
}

void forget_accesses(const void* pages, size_t bytes) {
  if (!checks_enabled) return;
  madvise(states_of(pages), bytes, MADV_DONTNEED);
  madvise(histories_of<DeviceHistory>(pages), bytes / 4 * kHistoryBytes, MADV_DONTNEED);
}

void copy_states(const void* target, const void* source, size_t bytes) {
  if (!checks_enabled || !address_space.holds(target)) return;
  if (address_space.holds(source)) {
    std::memmove(states_of(target), states_of(source), bytes);
  } else {
    set_states(target, bytes, State::written);
  }
}

const void* find_state(const void* address, size_t bytes, State state) {
  if (!checks_enabled || !address_space.holds(address)) return nullptr;
  const void* found = std::memchr(states_of(address), static_cast<int>(state), bytes);
  if (!found) return nullptr;
  return static_cast<const char*>(address) + (static_cast<const unsigned char*>(found) - states_of(address));
}

void check_read(Runner& runner, const void* address, size_t bytes, const void* pc) {
  if (!address_space.holds(address)) return check_foreign(runner, address, bytes, "reads", pc);
  if (bytes == 4) return read(runner, address, 4, pc);
  if (bytes == 16) return read(runner, address, 16, pc);
  read(runner, address, bytes, pc);
}

void check_write(Runner& runner, const void* address, size_t bytes, const void* pc) {
  if (!address_space.holds(address)) return check_foreign(runner, address, bytes, "writes", pc);
  if (bytes == 4) return write(runner, address, 4, pc);
  if (bytes == 16) return write(runner, address, 16, pc);
  write(runner, address, bytes, pc);
}

void check_atomic(Runner& runner, const void* address, size_t bytes, const void* pc) {
  if (!address_space.holds(address)) return check_foreign(runner, address, bytes, "reads", pc);
  if (!all_written(states_of(address), bytes)) bad_state(runner, "reads", address, bytes, pc);
}

}  // namespace emulation
