// What every access of an instrumented kernel is checked for: is this memory anybody's, has it been written, and does
// another thread or block access it without a barrier between. See docs/emulation.md for how kernels get instrumented.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emulation {

// Of each byte of the address space.
enum class State : uint8_t {
  unallocated,
  unwritten,
  written,
  in_flight  // the target of a cp.async that no wait has landed yet
};

// The last accesses to a word, for the detection of races.
constexpr size_t kHistoryBytes = 16;

// True as soon as one instrumented object file is part of the program: without any, states are not kept.
extern bool checks_enabled;

void set_states(const void* address, size_t bytes, State state);
// Of whole pages: unallocated again, and the memory that states and histories took is given back.
void forget_accesses(const void* pages, size_t bytes);
void copy_states(const void* target, const void* source, size_t bytes);
// The first byte in that state, or nullptr.
const void* find_state(const void* address, size_t bytes, State state);

// Of an access by the current thread of that runner. `pc`: the instruction behind it, for the message; nullptr if the
// emulation itself accesses for the thread.
class Runner;
void check_read(Runner& runner, const void* address, size_t bytes, const void* pc);
void check_write(Runner& runner, const void* address, size_t bytes, const void* pc);
void check_atomic(Runner& runner, const void* address, size_t bytes, const void* pc);

}  // namespace emulation
