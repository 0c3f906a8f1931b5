// The door of the runtime: lock, driver, injected failures, the last error.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>

#include "arena.h"
#include "execution.h"
#include "fault.h"
#include "runtime.h"

namespace emulation {
namespace {

std::recursive_mutex api_lock;
thread_local cudaError_t last_error = cudaSuccess;
cudaError_t sticky_error = cudaSuccess;  // after a fault: the device is lost until the process ends

struct Injection {
  cudaError_t error;
  int calls;
};
std::map<std::string, Injection> injections;

// A fault that came up in a call that may stand in a destructor, from which nothing can be thrown: the next other call
// throws it. The program does not end well if there is none.
class PendingFault {
 public:
  ~PendingFault() {
    if (!text_.empty()) _exit(EXIT_FAILURE);
  }
  void keep(const std::string& text) {
    std::fprintf(stderr, "%s\n", text.c_str());
    if (text_.empty()) text_ = text;
  }
  void deliver() {
    if (!text_.empty()) throw Fault(std::exchange(text_, {}));
  }

 private:
  std::string text_;
};
PendingFault pending_fault;

bool releases(const std::string& name) { return name.find("Free") < name.size() || name.find("Destroy") < name.size(); }

// This thread's launch whose outcome nobody has asked for.
thread_local bool unchecked_launch = false;
thread_local const void* unchecked_function = nullptr;

cudaError_t driver_error() {
  switch (settings().driver) {
    case Driver::ready:
      return cudaSuccess;
    case Driver::no_device:
      return cudaErrorNoDevice;
    default:
      return cudaErrorInsufficientDriver;
  }
}

cudaError_t injected(const char* name) {
  const auto entry = injections.find(name);
  if (entry == injections.end() || entry->second.calls-- > 0) return cudaSuccess;
  const cudaError_t error = entry->second.error;
  injections.erase(entry);
  return error;
}

cudaError_t guarded(const char* name, const Body& body, bool needs_device) {
  if (needs_device) {
    if (const cudaError_t error = driver_error(); error != cudaSuccess) return error;
    reserve_address_space();
  }
  if (sticky_error != cudaSuccess) return sticky_error;
  if (const cudaError_t error = injected(name); error != cudaSuccess) return error;
  const bool release = releases(name);
  if (!release) pending_fault.deliver();
  try {
    return body();
  } catch (const Fault& fault) {
    drop_queues();  // what came after the fault could only fail for the same reason
    unchecked_launch = false;
    if (settings().faults_as_errors) {
      std::fprintf(stderr, "%s\n", fault.what());
      return sticky_error = cudaErrorLaunchFailure;
    }
    if (!release) throw;
    pending_fault.keep(fault.what());
    return cudaErrorLaunchFailure;
  }
}

struct ErrorText {
  cudaError_t error;
  const char *name, *text;
};

constexpr ErrorText kErrors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInitializationError, "cudaErrorInitializationError", "initialization error"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInvalidSymbol, "cudaErrorInvalidSymbol", "invalid device symbol"},
    {cudaErrorInvalidDevicePointer, "cudaErrorInvalidDevicePointer", "invalid device pointer"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorNoKernelImageForDevice, "cudaErrorNoKernelImageForDevice",
     "no kernel image is available for execution on the device"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorSymbolNotFound, "cudaErrorSymbolNotFound", "named symbol not found"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorLaunchOutOfResources, "cudaErrorLaunchOutOfResources", "too many resources requested for launch"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched",
     "capture was not ended in the same stream as it began"},
    {cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined", "capturing stream has unjoined work"},
    {cudaErrorStreamCaptureIsolation, "cudaErrorStreamCaptureIsolation",
     "dependency created on uncaptured work in another stream"},
    {cudaErrorStreamCaptureImplicit, "cudaErrorStreamCaptureImplicit",
     "operation would make the legacy stream depend on a capturing blocking stream"},
    {cudaErrorCapturedEvent, "cudaErrorCapturedEvent",
     "operation not permitted on an event last recorded in a capturing stream"},
    {cudaErrorGraphExecUpdateFailure, "cudaErrorGraphExecUpdateFailure",
     "the graph update was not performed because it included changes which violated constraints specific to "
     "instantiated graph update"},
    {cudaErrorUnknown, "cudaErrorUnknown", "unknown error"},
};

const ErrorText& text_of(cudaError_t error) {
  for (const ErrorText& entry : kErrors) {
    if (entry.error == error) return entry;
  }
  return kErrors[std::size(kErrors) - 1];
}

// What a device of that generation grants a block beyond 48 KB.
size_t shared_limit(const void* function) {
  cudaFuncAttributes attributes{};
  if (cudaFuncGetAttributes(&attributes, function) != cudaSuccess) return 0;
  return static_cast<size_t>(attributes.maxDynamicSharedSizeBytes);
}

cudaError_t launch_error(const Kernel& kernel) {
  constexpr unsigned kMaxGridYZ = 65535, kMaxBlockZ = 64;
  const dim3 &grid = kernel.grid, &block = kernel.block;
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (uint64_t{grid.x} * grid.y * grid.z == 0 || threads == 0 || threads > 1024 || block.z > kMaxBlockZ ||
      grid.x > 0x7FFFFFFFu || grid.y > kMaxGridYZ || grid.z > kMaxGridYZ) {
    return cudaErrorInvalidConfiguration;
  }
  if (kernel.shared_bytes > shared_limit(kernel.function)) return cudaErrorInvalidValue;
  return cudaSuccess;
}

}  // namespace

cudaError_t call(const char* name, const Body& body, bool needs_device) {
  const std::lock_guard guard(api_lock);
  const cudaError_t error = guarded(name, body, needs_device);
  if (error != cudaSuccess && error != cudaErrorNotReady) last_error = error;
  return error;
}

void launch_packed(Kernel kernel, cudaStream_t stream) {
  const cudaError_t error = call("cudaLaunchKernel", [&] {
    if (unchecked_launch) {
      unchecked_launch = false;
      throw Fault("CUDA emulation: nobody asked whether the launch of " + function_name(unchecked_function) +
                  " went well (cudaGetLastError) before " + function_name(kernel.function) + " was launched");
    }
    unchecked_launch = true;
    unchecked_function = kernel.function;
    if (const cudaError_t wrong = launch_error(kernel); wrong != cudaSuccess) return wrong;
    Stream& on = stream_of(stream, "launch");
    const void* function = kernel.function;
    return submit(on, {OperationKind::kernel, function, [kernel = std::move(kernel)] { execute(kernel); }});
  });
  static_cast<void>(error);  // it is the last error now
}

void fail_next(const char* function, cudaError_t error, int calls) { injections[function] = {error, calls}; }

Statistics statistics() {
  const std::lock_guard guard(api_lock);
  Statistics result = counters;
  result.live_allocations = live_allocations();
  result.live_bytes = device_bytes_in_use();
  return result;
}

}  // namespace emulation

using namespace emulation;

cudaError_t cudaPeekAtLastError() {
  const std::lock_guard guard(api_lock);
  unchecked_launch = false;
  return sticky_error != cudaSuccess ? sticky_error : last_error;
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = cudaPeekAtLastError();
  last_error = cudaSuccess;
  return error;
}

const char* cudaGetErrorName(cudaError_t error) { return text_of(error).name; }
const char* cudaGetErrorString(cudaError_t error) { return text_of(error).text; }
