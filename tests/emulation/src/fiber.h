// Threads of a block are fibers: stacks of their own, switched by hand in some nanoseconds.
#pragma once

#include <cstddef>

namespace emulation {

// Where a fiber was interrupted: its stack pointer, or (see fiber.cpp) a ucontext_t.
struct Context {
  void* state = nullptr;
  Context() = default;
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

// A context that starts `entry`, which must never return.
void make_context(Context& context, char* stack, size_t bytes, void (*entry)());
void switch_context(Context& from, Context& to);
// Called by a signal handler as the last thing: execution goes on in `to` and what was interrupted is forgotten.
void resume_from_signal(void* signal_context, Context& to);

// Memory for a fiber's stack above a guard page.
class Stack {
 public:
  explicit Stack(size_t bytes, size_t colour);
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  char* base() const { return mapping_ + kGuardBytes; }
  size_t bytes() const { return bytes_; }
  bool guards(const void* address) const { return address >= mapping_ && address < base(); }
  bool holds(const void* address) const { return address >= base() && address < mapping_ + kGuardBytes + mapped_; }

 private:
  static constexpr size_t kGuardBytes = 4096;
  char* mapping_;
  size_t mapped_;
  size_t bytes_;
};

}  // namespace emulation
