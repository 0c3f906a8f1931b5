#include "execution.h"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <numeric>
#include <thread>
#include <vector>

#include "arena.h"
#include "fault.h"
#include "runner.h"

namespace emulation {

Statistics counters{};

namespace {

std::mutex counters_lock;

// Threads that wait for executions to help with. Never destroyed: they may run while the program ends.
class Crew {
 public:
  void help(Execution& execution, int helpers) {
    const std::lock_guard guard(lock_);
    while (static_cast<int>(threads_.size()) < helpers) {
      threads_.emplace_back([this] { run(); });
      threads_.back().detach();
    }
    execution_ = &execution;
    wanted_ = helpers;
    called_.notify_all();
  }

  void finish() {
    std::unique_lock guard(lock_);
    execution_ = nullptr;
    wanted_ = 0;
    idle_.wait(guard, [this] { return busy_ == 0; });
  }

 private:
  void run();

  std::mutex lock_;
  std::condition_variable called_, idle_;
  std::vector<std::thread> threads_;
  Execution* execution_ = nullptr;
  int wanted_ = 0, busy_ = 0;
};

Crew* crew = nullptr;

void forget_crew() { crew = new Crew; }  // its threads are not part of a forked child

uint3 block_index(const dim3& grid, uint64_t linear) {
  return {static_cast<unsigned>(linear % grid.x), static_cast<unsigned>(linear / grid.x % grid.y),
          static_cast<unsigned>(linear / grid.x / grid.y)};
}

// Runs blocks until there are no more, or until the time is over.
template <class Stop>
void run_blocks(Execution& execution, Stop stop) {
  install_signal_handler();
  Runner& runner = Runner::of_this_thread();
  uint64_t blocks = 0;
  while (!execution.failed.load(std::memory_order_relaxed)) {
    const uint64_t n = execution.next.fetch_add(1, std::memory_order_relaxed);
    if (n >= execution.blocks) break;
    const uint64_t linear = (execution.offset + n * execution.stride) % execution.blocks;
    ++blocks;
    if (!runner.run_block(execution, block_index(execution.kernel->grid, linear), static_cast<uint32_t>(linear))) {
      execution.failed = true;
      break;
    }
    if (stop()) break;
  }
  const std::lock_guard guard(counters_lock);
  counters.blocks += blocks;
  counters.threads += blocks * execution.kernel->block.x * execution.kernel->block.y * execution.kernel->block.z;
  counters.fiber_switches += runner.take_switches();
  counters.barriers += runner.take_barriers();
  counters.fibers = std::max<uint64_t>(counters.fibers, runner.fibers());
}

void Crew::run() {
  // Signals of the process are the host's business; those of a faulty kernel come to the thread that runs it.
  sigset_t signals;
  sigfillset(&signals);
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigdelset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::unique_lock guard(lock_);
  for (;;) {
    called_.wait(guard, [this] { return wanted_ > 0; });
    --wanted_;
    ++busy_;
    Execution& execution = *execution_;
    guard.unlock();
    run_blocks(execution, [] { return false; });
    guard.lock();
    if (--busy_ == 0) idle_.notify_all();
  }
}

// Any order of the blocks is legal; a seed of 0 stands for the plain one.
void choose_order(Execution& execution) {
  execution.stride = 1;
  execution.offset = 0;
  if (execution.seed == 0 || execution.blocks == 1) return;
  uint64_t bits = execution.seed * 0x9E3779B97F4A7C15u + execution.number * 0xD1B54A32D192ED03u;
  bits ^= bits >> 29;
  execution.offset = bits % execution.blocks;
  execution.stride = (bits >> 20) % execution.blocks | 1;
  while (std::gcd(execution.stride, execution.blocks) != 1) ++execution.stride;
}

std::string triple(uint3 v) {
  return "(" + std::to_string(v.x) + ", " + std::to_string(v.y) + ", " + std::to_string(v.z) + ")";
}

std::string message(const Execution& execution) {
  const Kernel& kernel = *execution.kernel;
  std::string text = "CUDA emulation: " + function_name(kernel.function) + ", grid " + triple(kernel.grid) +
                     ", block " + triple(kernel.block) + ": in block " + triple(execution.block) + ", thread " +
                     triple(execution.thread) + ": " + execution.what;
  if (execution.pc) text += " at " + describe_code(execution.pc);
  return text + " [PYNEURAL_EMULATION_SEED=" + std::to_string(execution.seed) + " repeats the order]";
}

}  // namespace

void Execution::set_fault(const std::string& text, const void* where, uint3 in_block, uint3 in_thread) {
  const std::lock_guard guard(fault_lock);
  if (!what.empty()) return;
  what = text;
  pc = where;
  block = in_block;
  thread = in_thread;
}

void execute(const Kernel& kernel) {
  Execution execution;
  execution.kernel = &kernel;
  execution.number = static_cast<uint32_t>(++counters.kernels);
  execution.seed = settings().seed;
  execution.blocks = uint64_t{kernel.grid.x} * kernel.grid.y * kernel.grid.z;
  choose_order(execution);

  // Waking the others costs about as much as a small kernel: they are called when this one turns out not to be.
  constexpr std::chrono::microseconds kAlone(30);
  const int helpers = settings().threads - 1;
  if (helpers == 0 || execution.blocks == 1) {
    run_blocks(execution, [] { return false; });
  } else {
    const auto start = std::chrono::steady_clock::now();
    run_blocks(execution, [&] { return std::chrono::steady_clock::now() - start > kAlone; });
    if (execution.next < execution.blocks && !execution.failed) {
      if (!crew) {
        forget_crew();
        pthread_atfork(nullptr, nullptr, forget_crew);
      }
      crew->help(execution, helpers);
      run_blocks(execution, [] { return false; });
      crew->finish();
    }
  }
  if (execution.failed) throw Fault(message(execution));
}

}  // namespace emulation
