// Runs blocks, one after the other, on one OS thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "emulation/launch.h"
#include "emulation/thread.h"
#include "emulation/warp.h"
#include "execution.h"
#include "fault.h"
#include "fiber.h"

namespace emulation {

constexpr int kMaxThreads = 1024;
constexpr int kLanes = 32;
constexpr size_t kLaneBytes = 48;  // the operands of the largest warp function, mma

struct Fiber {
  Fiber(size_t bytes, size_t index) : stack(bytes, index) {}
  Stack stack;
  Context context;
};

struct AsyncCopy {
  void* target;
  const void* source;
  int bytes, source_bytes;
  unsigned group;
};

// A thread of the block.
struct Lane {
  Fiber* fiber = nullptr;  // none before it starts and after it ends
  uint3 index{};
  const char* waits_in = nullptr;  // the name of a barrier or warp function
  Site site{};
  uint32_t mask = 0;
  alignas(16) unsigned char operand[kLaneBytes];
  alignas(16) unsigned char result[kLaneBytes];
  std::vector<AsyncCopy> copies;  // by groups; those before `landed` have
  size_t landed = 0;
  unsigned copy_group = 0;

  void forget_copies() {
    copies.clear();
    landed = 0;
    copy_group = 0;
  }
};

// A warp function that some lanes of its mask have reached.
struct Meeting {
  uint32_t mask, arrived;
  WarpOp op;
  Site site;
};

struct Warp {
  uint32_t present = 0;   // the lanes that the block has
  uint32_t runnable = 0;  // not started, or woken up
  uint32_t exited = 0;
  uint32_t clock = 0;  // of the last __syncwarp
  int meetings = 0;
  Meeting meeting[kLanes];
};

struct SharedVariable {
  const void* key;
  const char* name;
  char* address;
  size_t bytes;
  size_t zone_bytes;  // of the red zone behind it
};

// Shared memory for the blocks of one runner, and the time up to which its histories reach.
struct SharedWindow {
  char* memory;
  uint32_t clock;
};

class Runner;
extern __thread Runner* current_runner EMULATION_TLS;
// The same while a kernel's own code runs, and nullptr while the emulation works for it. That is the code whose
// accesses are checked: of inline functions that kernels and emulation share the linker keeps one copy, maybe an
// instrumented one.
extern __thread Runner* checked_runner EMULATION_TLS;

// Stands in every function of the emulation that kernels call.
class RuntimeSection {
 public:
  RuntimeSection() { checked_runner = nullptr; }
  ~RuntimeSection() { checked_runner = current_runner; }
  RuntimeSection(const RuntimeSection&) = delete;
  RuntimeSection& operator=(const RuntimeSection&) = delete;
};

class Runner {
 public:
  Runner();
  ~Runner();

  // Of this OS thread; nullptr outside of kernels.
  static Runner* current() { return current_runner; }
  // This OS thread's, made when it first runs a block.
  static Runner& of_this_thread();

  // False: the block ended with a fault, which the execution now holds.
  bool run_block(Execution& execution, uint3 block, uint32_t linear_block);

  // ---- called by the kernel's threads
  int sync_block(Barrier kind, bool predicate, Site site);
  // Waits for the other lanes of the mask; the last one calls complete(lanes, mask), which turns operands into results.
  using Complete = void (*)(Lane* lanes, uint32_t mask);
  Lane& meet(WarpOp op, uint32_t mask, const void* operand, size_t bytes, Complete complete, Site site);
  void* shared_variable(const void* key, const char* name, size_t bytes);
  void* dynamic_shared();
  uint32_t active_lanes() const { return warps_[warp_].present & ~warps_[warp_].exited; }
  int lane() const { return thread_ % kLanes; }
  Lane& self() { return lanes_[thread_]; }
  [[noreturn]] void fault(const std::string& what, const void* pc);
  // From a signal handler, whose return then ends the block.
  void fault_from_signal(const SignalRecord& record, void* signal_context);

  // ---- for checks and messages
  uint16_t current_thread() const { return static_cast<uint16_t>(thread_); }
  uint32_t clock() const { return clock_; }
  // True if no barrier lies between an access of that thread at that time and now.
  bool unordered(uint32_t time, int thread) const {
    if (time < block_clock_) return false;
    return warp_of(thread) != warp_ || time >= warps_[warp_].clock;
  }
  // Stands for this thread and that one together, in a history that has room for one.
  uint16_t several(int thread) const {
    return static_cast<uint16_t>(warp_of(thread) == warp_ ? kSeveralOfWarp + warp_ : kSeveralWarps);
  }
  // On the stack of the running thread, or an argument of the kernel.
  bool owns(const void* address) const;
  bool fenced() const { return execution_->fenced.load(std::memory_order_relaxed); }
  void fence() { execution_->fenced.store(true, std::memory_order_relaxed); }
  uint32_t launch_number() const { return execution_->number; }
  uint32_t linear_block() const { return linear_block_; }
  uint64_t take_switches() { return std::exchange(switches_, 0); }
  uint64_t take_barriers() { return std::exchange(barriers_, 0); }
  size_t fibers() const { return fibers_.size(); }
  std::string thread_name(int thread) const;
  std::string block_name(uint32_t linear) const;
  std::string describe_shared(const void* address) const;

 private:
  static constexpr int kSeveralOfWarp = 0x4000, kSeveralWarps = 0xFFFF;
  static int warp_of(int thread) {
    if (thread == kSeveralWarps) return -1;
    return thread >= kSeveralOfWarp ? thread - kSeveralOfWarp : thread / kLanes;
  }

  static void fiber_entry();
  void run_fiber();
  void start_execution(Execution& execution);
  void start_shared();
  void start_block(uint3 block, uint32_t linear_block);
  void end_with_fault();
  void finish_thread();
  int next_thread();
  int first_of(uint32_t mask) const;
  void become(int thread);
  void switch_to(int thread);
  void yield();
  Fiber* take_fiber();
  void release_barrier();
  std::string deadlock() const;
  std::string describe_signal() const;
  void place_shared(const void* key, const char* name, char* address, size_t bytes);
  void renew(const SharedVariable& variable);
  void check_shared_red_zones();
  void advance_clock(uint32_t& which) { which = ++clock_; }

  Execution* execution_ = nullptr;
  uint32_t execution_number_ = 0;
  uint3 block_{};
  uint32_t linear_block_ = 0;
  std::unique_ptr<Lane[]> lanes_;
  Warp warps_[kMaxThreads / kLanes];
  int threads_ = 0, warp_count_ = 0;
  int thread_ = 0, warp_ = 0;  // who runs
  uint32_t runnable_warps_ = 0;
  int exited_ = 0;
  bool backwards_ = false;  // the order in which runnable lanes and warps get their turn
  int rotation_ = 0;

  // the barrier of the block
  int arrived_ = 0, holding_ = 0, result_ = 0;
  Barrier barrier_ = Barrier::plain;
  Site barrier_site_{};
  uint32_t clock_ = 0, block_clock_ = 0;

  Context base_;  // of the OS thread, where blocks are started and faults end
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
  Fiber* running_ = nullptr;
  bool faulted_ = false;
  SignalRecord signal_;

  char* shared_;                           // this runner's window of shared memory
  std::vector<SharedVariable> variables_;  // the dynamic one comes first
  size_t static_bytes_ = 0, static_offset_ = 0;

  uint64_t switches_ = 0, barriers_ = 0;
};

}  // namespace emulation
