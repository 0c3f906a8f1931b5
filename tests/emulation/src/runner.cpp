#include "runner.h"

#include <algorithm>
#include <bit>
#include <csignal>
#include <cstring>

#include "arena.h"
#include "checks.h"

__thread uint3 threadIdx;
__thread uint3 blockIdx;
__thread dim3 blockDim;
__thread dim3 gridDim;

namespace emulation {

__thread Runner* current_runner = nullptr;
__thread Runner* checked_runner = nullptr;

namespace {

uint64_t mix(uint64_t x) {
  x ^= x >> 33;
  x *= 0xFF51AFD7ED558CCDu;
  x ^= x >> 33;
  return x;
}

std::string tuple_name(uint3 index) {
  return "(" + std::to_string(index.x) + ", " + std::to_string(index.y) + ", " + std::to_string(index.z) + ")";
}

bool same_site(Site a, Site b) { return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0); }

const char* barrier_name(Barrier barrier) {
  constexpr const char* names[] = {"__syncthreads", "__syncthreads_count", "__syncthreads_and", "__syncthreads_or"};
  return names[static_cast<int>(barrier)];
}

const char* warp_op_name(WarpOp op) {
  constexpr const char* names[] = {"__syncwarp",       "__shfl_sync", "a vote",      "__match_any_sync",
                                   "__match_all_sync", "ldmatrix",    "mma m16n8k8", "mma m16n8k16"};
  return names[static_cast<int>(op)];
}

std::string lane_list(uint32_t mask) {
  std::string result;
  for (int lane = 0; lane < kLanes; ++lane) {
    if (!(mask >> lane & 1)) continue;
    int last = lane;
    while (last + 1 < kLanes && (mask >> (last + 1) & 1)) ++last;
    result += (result.empty() ? "" : ", ") + std::to_string(lane);
    if (last > lane) result += "-" + std::to_string(last);
    lane = last;
  }
  return result;
}

std::string at(Site site) { return " at " + site_name(site.file, site.line); }

}  // namespace

Runner& Runner::of_this_thread() {
  // By a pointer: a runner is large, and variables that are found as fast as threadIdx have to share little room.
  static thread_local const std::unique_ptr<Runner> runner(new Runner);
  return *runner;
}

// ---- blocks

bool Runner::run_block(Execution& execution, uint3 block, uint32_t linear_block) {
  if (execution_ != &execution || execution_number_ != execution.number) start_execution(execution);
  start_block(block, linear_block);
  current_runner = this;
  const int first = next_thread();
  become(first);
  running_ = lanes_[first].fiber = take_fiber();
  switch_context(base_, running_->context);
  current_runner = checked_runner = nullptr;
  if (!faulted_) return true;
  end_with_fault();
  return false;
}

void Runner::start_execution(Execution& execution) {
  execution_ = &execution;
  execution_number_ = execution.number;
  const dim3 block = execution.kernel->block;
  threads_ = static_cast<int>(block.x * block.y * block.z);
  warp_count_ = (threads_ + kLanes - 1) / kLanes;
  for (int thread = 0; thread < threads_; ++thread) {
    const unsigned n = static_cast<unsigned>(thread);
    lanes_[thread].index = {n % block.x, n / block.x % block.y, n / block.x / block.y};
  }
  for (int warp = 0; warp < warp_count_; ++warp) {
    const int lanes = std::min(threads_ - warp * kLanes, kLanes);
    warps_[warp].present = lanes == kLanes ? kFullWarp : (1u << lanes) - 1;
  }
  blockDim = block;
  gridDim = execution.kernel->grid;
  start_shared();
}

void Runner::start_block(uint3 block, uint32_t linear_block) {
  block_ = blockIdx = block;
  linear_block_ = linear_block;
  for (int warp = 0; warp < warp_count_; ++warp) {
    warps_[warp].runnable = warps_[warp].present;
    warps_[warp].exited = 0;
    warps_[warp].meetings = 0;
  }
  runnable_warps_ = warp_count_ == kLanes ? kFullWarp : (1u << warp_count_) - 1;
  exited_ = arrived_ = 0;
  advance_clock(block_clock_);
  const uint64_t order = execution_->seed == 0 ? 0 : mix(execution_->seed * 0x9E3779B97F4A7C15u + linear_block);
  backwards_ = order & 1;
  rotation_ = static_cast<int>(order >> 1 & 31);
  warp_ = first_of(runnable_warps_);
  for (const SharedVariable& variable : variables_) renew(variable);
}

void Runner::end_with_fault() {
  faulted_ = false;
  if (signal_.number != 0) {
    execution_->set_fault(describe_signal(), signal_.pc, block_, lanes_[thread_].index);
    signal_ = {};
  }
  // What the fibers were doing is forgotten: kernels have nothing to unwind.
  for (int thread = 0; thread < threads_; ++thread) {
    lanes_[thread].fiber = nullptr;
    lanes_[thread].forget_copies();
  }
  idle_.clear();
  for (const auto& fiber : fibers_) {
    make_context(fiber->context, fiber->stack.base(), fiber->stack.bytes(), fiber_entry);
    idle_.push_back(fiber.get());
  }
  execution_ = nullptr;
}

std::string Runner::describe_signal() const {
  const char* access = signal_.write ? "writes" : "reads";
  for (const auto& fiber : fibers_) {
    if (fiber->stack.guards(signal_.address)) {
      return "stack overflow: a thread has " + std::to_string(settings().stack_bytes) +
             " bytes (PYNEURAL_EMULATION_STACK)";
    }
  }
  if (signal_.number == SIGFPE) return "integer division by zero";
  if (signal_.number == SIGILL) return "illegal instruction";
  if (address_space.is_shared(signal_.address)) {
    return std::string(access) + " shared memory out of bounds: " + describe_shared(signal_.address);
  }
  if (address_space.holds(signal_.address)) {
    return std::string(access) + " out of bounds: " + describe_address(signal_.address);
  }
  if (!signal_.address) return "accesses a null pointer, or misaligned memory by a vector instruction";
  return std::string(access) + " at an address that is nobody's";
}

void Runner::fault(const std::string& what, const void* pc) {
  execution_->set_fault(what, pc, block_, lanes_[thread_].index);
  faulted_ = true;
  Context forgotten;
  switch_context(forgotten, base_);
  __builtin_unreachable();
}

void Runner::fault_from_signal(const SignalRecord& record, void* signal_context) {
  signal_ = record;
  faulted_ = true;
  resume_from_signal(signal_context, base_);
}

// ---- fibers

void Runner::fiber_entry() { current_runner->run_fiber(); }

// A fiber runs one thread after the other. Only when a thread waits does it keep its fiber, and the next thread gets
// another: a kernel that never waits runs as a plain loop.
void Runner::run_fiber() {
  for (;;) {
    checked_runner = this;
    execution_->kernel->call(execution_->kernel->arguments.get());
    checked_runner = nullptr;
    finish_thread();
    const int next = next_thread();
    if (next >= 0 && !lanes_[next].fiber) {
      become(next);
      lanes_[next].fiber = running_;
      continue;
    }
    Fiber* self = running_;
    idle_.push_back(self);
    if (next >= 0) {
      switch_to(next);
    } else if (exited_ == threads_) {
      switch_context(self->context, base_);
    } else {
      fault(deadlock(), nullptr);
    }
    // Taken from the idle ones, for a thread that has just become the current one.
  }
}

void Runner::finish_thread() {
  Lane& lane = self();
  lane.fiber = nullptr;
  lane.forget_copies();
  ++exited_;
  Warp& warp = warps_[warp_];
  warp.exited |= 1u << this->lane();
  if (arrived_ > 0) {
    fault("divergent barrier: this thread has exited while " + std::to_string(arrived_) + " threads wait in " +
              barrier_name(barrier_) + at(barrier_site_),
          nullptr);
  }
  for (int i = 0; i < warp.meetings; ++i) {
    if (warp.meeting[i].mask & warp.exited) {
      fault("this thread has exited while lanes " + lane_list(warp.meeting[i].arrived) +
                " of its warp wait for it in " + warp_op_name(warp.meeting[i].op) + at(warp.meeting[i].site),
            nullptr);
    }
  }
  if (exited_ == threads_) check_shared_red_zones();
}

int Runner::first_of(uint32_t mask) const {
  const uint32_t turned = std::rotr(mask, rotation_);
  const int bit = backwards_ ? 31 - std::countl_zero(turned) : std::countr_zero(turned);
  return (bit + rotation_) & 31;
}

// Takes a runnable thread, of the current warp if there is one: the lanes of a warp reach their meetings together.
int Runner::next_thread() {
  int warp = warp_;
  if (!warps_[warp].runnable) {
    if (!runnable_warps_) return -1;
    warp = first_of(runnable_warps_);
  }
  const int lane = first_of(warps_[warp].runnable);
  warps_[warp].runnable &= ~(1u << lane);
  if (!warps_[warp].runnable) runnable_warps_ &= ~(1u << warp);
  return warp * kLanes + lane;
}

void Runner::become(int thread) {
  thread_ = thread;
  warp_ = thread / kLanes;
  threadIdx = lanes_[thread].index;
}

Fiber* Runner::take_fiber() {
  if (idle_.empty()) {
    fibers_.push_back(std::make_unique<Fiber>(settings().stack_bytes, fibers_.size()));
    Fiber& fiber = *fibers_.back();
    make_context(fiber.context, fiber.stack.base(), fiber.stack.bytes(), fiber_entry);
    return &fiber;
  }
  Fiber* fiber = idle_.back();
  idle_.pop_back();
  return fiber;
}

void Runner::switch_to(int thread) {
  Fiber* self = running_;
  become(thread);
  Lane& lane = lanes_[thread];
  if (!lane.fiber) lane.fiber = take_fiber();
  running_ = lane.fiber;
  ++switches_;
  switch_context(self->context, running_->context);
}

void Runner::yield() {
  const int next = next_thread();
  if (next < 0) fault(deadlock(), nullptr);
  switch_to(next);
  self().waits_in = nullptr;
}

bool Runner::owns(const void* address) const {
  const auto* arguments = static_cast<const char*>(execution_->kernel->arguments.get());
  return running_->stack.holds(address) ||
         (address >= arguments && address < arguments + execution_->kernel->argument_bytes);
}

// ---- barriers and warp functions

int Runner::sync_block(Barrier kind, bool predicate, Site site) {
  if (exited_ > 0) {
    fault("divergent barrier: waits in " + std::string(barrier_name(kind)) + at(site) + ", but " +
              std::to_string(exited_) + " threads of the block have exited",
          nullptr);
  }
  if (arrived_ == 0) {
    barrier_ = kind;
    barrier_site_ = site;
    holding_ = 0;
  } else if (kind != barrier_ || !same_site(site, barrier_site_)) {
    fault("divergent barrier: waits in " + std::string(barrier_name(kind)) + at(site) + ", but " +
              std::to_string(arrived_) + " threads of the block wait in " + barrier_name(barrier_) + at(barrier_site_),
          nullptr);
  }
  holding_ += predicate;
  if (++arrived_ == threads_) {
    release_barrier();
  } else {
    self().waits_in = barrier_name(kind);
    self().site = site;
    self().mask = 0;
    yield();
  }
  return result_;
}

void Runner::release_barrier() {
  check_shared_red_zones();
  result_ = holding_;
  arrived_ = 0;
  ++barriers_;
  advance_clock(block_clock_);
  for (int warp = 0; warp < warp_count_; ++warp) warps_[warp].runnable = warps_[warp].present;
  warps_[warp_].runnable &= ~(1u << lane());
  runnable_warps_ = warp_count_ == kLanes ? kFullWarp : (1u << warp_count_) - 1;
  if (!warps_[warp_].runnable) runnable_warps_ &= ~(1u << warp_);
}

Lane& Runner::meet(WarpOp op, uint32_t mask, const void* operand, size_t bytes, Complete complete, Site site) {
  Warp& warp = warps_[warp_];
  Lane& lane = self();
  const uint32_t bit = 1u << this->lane();
  const auto broken = [&](const std::string& what) {
    fault(std::string(warp_op_name(op)) + at(site) + " " + what, nullptr);
  };
  if (!(mask & bit)) broken("has a mask without the calling lane");
  if (mask & ~warp.present) broken("names lanes that the block does not have: " + lane_list(mask & ~warp.present));
  if (mask & warp.exited) broken("names lanes that have exited: " + lane_list(mask & warp.exited));

  // Lanes of other masks may be underway to their own meetings: only who never comes is a fault, found at the end.
  Meeting* meeting = nullptr;
  for (int i = 0; i < warp.meetings; ++i) {
    if (warp.meeting[i].mask == mask) meeting = &warp.meeting[i];
  }
  if (!meeting) {
    meeting = &warp.meeting[warp.meetings++];
    *meeting = {mask, 0, op, site};
  } else if (meeting->op != op) {
    broken("is reached while lanes " + lane_list(meeting->arrived) + " wait in " + warp_op_name(meeting->op) +
           at(meeting->site));
  }
  std::memcpy(lane.operand, operand, bytes);
  meeting->arrived |= bit;
  if (meeting->arrived == mask) {
    *meeting = warp.meeting[--warp.meetings];
    complete(&lanes_[warp_ * kLanes], mask);
    if (op == WarpOp::sync) advance_clock(warp.clock);
    if (mask != bit) {
      warp.runnable |= mask & ~bit;
      runnable_warps_ |= 1u << warp_;
    }
  } else {
    lane.waits_in = warp_op_name(op);
    lane.site = site;
    lane.mask = mask;
    yield();
  }
  return lane;
}

// Everybody waits and nobody can go on.
std::string Runner::deadlock() const {
  std::string result = "divergent code: the block cannot go on.";
  if (arrived_ > 0) {
    result += " " + std::to_string(arrived_) + " threads wait in " + barrier_name(barrier_) + at(barrier_site_) + ".";
  }
  for (int w = 0; w < warp_count_; ++w) {
    for (int i = 0; i < warps_[w].meetings; ++i) {
      const Meeting& meeting = warps_[w].meeting[i];
      result += " Warp " + std::to_string(w) + ": lanes " + lane_list(meeting.arrived) + " wait in " +
                warp_op_name(meeting.op) + at(meeting.site) + " for lanes " +
                lane_list(meeting.mask & ~meeting.arrived) + ".";
    }
  }
  return result;
}

std::string Runner::thread_name(int thread) const { return tuple_name(lanes_[thread].index); }

std::string Runner::block_name(uint32_t linear) const {
  const dim3 grid = execution_->kernel->grid;
  return tuple_name({linear % grid.x, linear / grid.x % grid.y, linear / grid.x / grid.y});
}

// ---- what kernels call

int sync_block(Barrier kind, bool predicate, Site site) {
  const RuntimeSection section;
  return current_runner->sync_block(kind, predicate, site);
}

void fence() { current_runner->fence(); }

void trap(const char* what, Site site) {
  const RuntimeSection section;
  current_runner->fault(what + at(site), nullptr);
}

}  // namespace emulation
