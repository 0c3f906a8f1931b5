// One run of a kernel: its blocks in some order, on one or more OS threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "emulation/control.h"
#include "emulation/launch.h"

namespace emulation {

struct Execution {
  const Kernel* kernel;
  uint32_t number;  // counts launches
  uint64_t seed;
  uint64_t blocks;
  uint64_t stride, offset;  // the n-th block to run is (offset + n * stride) % blocks
  std::atomic<uint64_t> next{0};
  std::atomic<bool> failed{false};
  std::atomic<bool> fenced{false};  // some thread has called __threadfence

  // The first fault.
  std::mutex fault_lock;
  std::string what;
  const void* pc = nullptr;
  uint3 block{}, thread{};

  void set_fault(const std::string& text, const void* where, uint3 in_block, uint3 in_thread);
};

// Throws Fault if a thread of it does what it must not.
void execute(const Kernel& kernel);

extern Statistics counters;

}  // namespace emulation
