// What a GPU does for the engine besides kernels: memory, copies, waiting, and recorded runs. cuda/backend.cpp
// implements it; in a build without CUDA csrc/core/no_cuda.cpp says that there is none.
#pragma once

#include <memory>
#include <vector>

#include "core/device.h"
#include "core/kernel.h"

namespace pyneural {

// Launches that were recorded and can be repeated in one go.
class Recorded {
 public:
  virtual ~Recorded() = default;
  virtual void launch() = 0;
};

// All work of a device is done in the order in which it was asked for; only what says so waits for it. Calls throw
// std::runtime_error with the name of the op and CUDA's text when something has gone wrong, also in earlier work.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual void* allocate(size_t bytes) = 0;  // at least 64-byte aligned; throws OutOfMemory
  virtual void release(void* data) noexcept = 0;
  virtual void upload(void* to, const void* host, size_t bytes) = 0;      // the host's memory may change at once
  virtual void download(void* host, const void* from, size_t bytes) = 0;  // waits
  virtual void copy(void* to, const void* from, size_t bytes) = 0;
  virtual void zero(void* to, size_t bytes) = 0;
  virtual void synchronize() = 0;

  // Memory of the CPU that a GPU can read while both go on.
  virtual std::shared_ptr<void> allocate_pinned(size_t bytes) = 0;
  // Copies from such memory beside other work; what is asked for later waits for it.
  virtual void upload_beside(void* to, const void* pinned, size_t bytes) = 0;

  // Marks the work asked for so far; wait(mark) waits until it is done.
  virtual std::shared_ptr<void> mark() = 0;
  virtual void wait(const std::shared_ptr<void>& mark) = 0;
  virtual double seconds_between(const std::shared_ptr<void>& first, const std::shared_ptr<void>& second) = 0;

  virtual void* stream() = 0;                          // for KernelArgs
  virtual void wait_for_stream(uintptr_t stream) = 0;  // of another library: our later work waits for it
  // Calls `work` with a stream whose launches are recorded instead of run.
  virtual std::unique_ptr<Recorded> record(void (*work)(void* context, void* stream), void* context) = 0;
};

struct DeviceInfo {
  Device device;
  std::string name;
  size_t memory_bytes = 0, free_bytes = 0, l2_bytes = 0;
  int compute_capability = 0;  // 90 for 9.0
  int multiprocessors = 0;
};

// The backend of a GPU; throws std::runtime_error with the reason if there is no such device.
Backend& backend(Device device);

std::vector<DeviceInfo> cuda_devices();  // empty if there are none, or no driver
int cuda_device_of(const void* data);    // the number of the GPU that memory belongs to
std::string cuda_problem();              // why cuda_devices() is empty, in one line
void register_cuda_kernels();

}  // namespace pyneural
