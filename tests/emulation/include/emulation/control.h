// What tests may change in the emulated machine. Environment variables set the same when the program starts; they are
// listed in docs/emulation.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "emulation/runtime_types.h"

namespace emulation {

// What a kernel or the host did that no program may do. Thrown by the call in which the kernel ran.
struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class Driver { ready, missing, too_old, no_device };
enum class Placement { end, start };

struct Settings {
  uint64_t seed;           // the order of blocks, threads and streams
  int threads;             // OS threads that run blocks
  size_t memory_bytes;     // of the device
  size_t stack_bytes;      // of a thread of a block
  int compute_capability;  // 75, 80, 86, 89, 90: decides the limits of shared memory
  int devices;
  Driver driver;
  Placement placement;    // which end of an allocation touches its guard page
  bool lazy_streams;      // work waits until somebody waits for it
  bool host_guard;        // device memory cannot be touched outside kernels and copies
  bool faults_as_errors;  // a fault is printed and becomes a sticky error code, as on a device
};

Settings& settings();

// The call that is `calls` calls from now (0: the next one) of this function fails with `error`.
void fail_next(const char* function, cudaError_t error, int calls = 0);

struct Statistics {
  uint64_t kernels, blocks, threads, fiber_switches, barriers, fibers;
  size_t live_allocations, live_bytes;
};
Statistics statistics();

// What is still there at the end of a test that should have freed everything; empty if nothing is.
std::string leaks();

}  // namespace emulation
