// Memory, copies, waiting and recording on NVIDIA GPUs, through the CUDA runtime alone.
#include "core/backend.h"

#include <cuda_runtime.h>

#include <pthread.h>

#include <atomic>
#include <cstring>
#include <mutex>

#include "core/error.h"
#include "core/registry.h"
#include "cuda/error.h"
#include "cuda/tables.h"

namespace pyneural {

namespace cuda {
namespace {

// A driver runs what toolkits of its own major version compile; of version 12 the oldest that is supported is 12.4.
constexpr int kOldestDriver = CUDART_VERSION / 1000 == 12 ? 12040 : CUDART_VERSION / 1000 * 1000;
constexpr size_t kSmallUpload = 256;  // bytes: scalars, shapes

// CUDA does not live on in a forked child, where its calls hang or fail in odd ways.
std::atomic<bool> forked{false};

// Calls of the runtime mean the device that is current for the calling thread.
class DeviceScope {
 public:
  explicit DeviceScope(int index) {
    PN_CUDA(cudaGetDevice(&before_));
    changed_ = before_ != index;
    if (changed_) PN_CUDA(cudaSetDevice(index));
  }
  ~DeviceScope() {
    if (changed_) succeeded(cudaSetDevice(before_));
  }
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;

 private:
  int before_ = 0;
  bool changed_ = false;
};

class Graph : public Recorded {
 public:
  Graph(cudaGraphExec_t executable, int device, cudaStream_t stream)
      : executable_(executable), device_(device), stream_(stream) {}
  ~Graph() override { succeeded(cudaGraphExecDestroy(executable_)); }
  void launch() override {
    const DeviceScope scope(device_);
    PN_CUDA(cudaGraphLaunch(executable_, stream_));
  }

 private:
  cudaGraphExec_t executable_;
  int device_;
  cudaStream_t stream_;
};

class CudaBackend : public Backend {
 public:
  explicit CudaBackend(int index) : index_(index) {
    const DeviceScope scope(index_);
    PN_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
    // What is freed stays with the process: a block costs a call of the driver only once.
    cudaMemPool_t pool;
    PN_CUDA(cudaDeviceGetDefaultMemPool(&pool, index_));
    uint64_t threshold = UINT64_MAX;
    PN_CUDA(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold));
  }

  void* allocate(size_t bytes) override {
    const DeviceScope scope(index_);
    void* data = nullptr;
    cudaError_t error = cudaMallocAsync(&data, bytes ? bytes : 1, stream_);
    if (error == cudaErrorMemoryAllocation) {
      // Freed blocks may be of the wrong sizes: they go back, and the device is asked once more.
      succeeded(error);
      trim();
      error = cudaMallocAsync(&data, bytes ? bytes : 1, stream_);
    }
    if (error == cudaErrorMemoryAllocation) {
      succeeded(error);
      size_t free = 0, total = 0;
      PN_CUDA(cudaMemGetInfo(&free, &total));
      throw OutOfMemory(bytes, device_name({DeviceKind::cuda, index_}), free, total);
    }
    check(error, "cudaMallocAsync");
    return data;
  }

  void release(void* data) noexcept override {
    if (forked) return;
    int before = 0;
    if (!succeeded(cudaGetDevice(&before)) || !succeeded(cudaSetDevice(index_))) return;
    succeeded(cudaFreeAsync(data, stream_));
    succeeded(cudaSetDevice(before));
  }

  void upload(void* to, const void* host, size_t bytes) override {
    const DeviceScope scope(index_);
    // Of pageable memory the runtime has made a copy when the call returns; the caller's may be pinned.
    unsigned char pageable[kSmallUpload];
    const bool small = bytes <= kSmallUpload;
    if (small) std::memcpy(pageable, host, bytes);
    PN_CUDA(cudaMemcpyAsync(to, small ? pageable : host, bytes, cudaMemcpyHostToDevice, stream_));
    if (!small) PN_CUDA(cudaStreamSynchronize(stream_));
  }

  void download(void* host, const void* from, size_t bytes) override {
    const DeviceScope scope(index_);
    PN_CUDA(cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, stream_));
    PN_CUDA(cudaStreamSynchronize(stream_));
  }

  void copy(void* to, const void* from, size_t bytes) override {
    const DeviceScope scope(index_);
    PN_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_));
  }

  void zero(void* to, size_t bytes) override {
    const DeviceScope scope(index_);
    PN_CUDA(cudaMemsetAsync(to, 0, bytes, stream_));
  }

  void synchronize() override {
    const DeviceScope scope(index_);
    PN_CUDA(cudaStreamSynchronize(stream_));
  }

  std::shared_ptr<void> allocate_pinned(size_t bytes) override {
    const DeviceScope scope(index_);
    void* data = nullptr;
    PN_CUDA(cudaMallocHost(&data, bytes));
    return {data, [](void* pinned) { succeeded(cudaFreeHost(pinned)); }};
  }

  void upload_beside(void* to, const void* pinned, size_t bytes) override {
    const DeviceScope scope(index_);
    if (!copies_) PN_CUDA(cudaStreamCreateWithFlags(&copies_, cudaStreamNonBlocking));
    PN_CUDA(cudaMemcpyAsync(to, pinned, bytes, cudaMemcpyHostToDevice, copies_));
    cudaEvent_t done;
    PN_CUDA(cudaEventCreateWithFlags(&done, cudaEventDisableTiming));
    const std::shared_ptr<void> held(done, destroy_event);
    PN_CUDA(cudaEventRecord(done, copies_));
    PN_CUDA(cudaStreamWaitEvent(stream_, done));
  }

  std::shared_ptr<void> mark() override {
    const DeviceScope scope(index_);
    cudaEvent_t event;
    PN_CUDA(cudaEventCreate(&event));
    const std::shared_ptr<void> held(event, destroy_event);
    PN_CUDA(cudaEventRecord(event, stream_));
    return held;
  }
  void wait(const std::shared_ptr<void>& mark) override {
    PN_CUDA(cudaEventSynchronize(static_cast<cudaEvent_t>(mark.get())));
  }
  double seconds_between(const std::shared_ptr<void>& first, const std::shared_ptr<void>& second) override {
    wait(second);
    float milliseconds = 0;
    PN_CUDA(cudaEventElapsedTime(&milliseconds, static_cast<cudaEvent_t>(first.get()),
                                 static_cast<cudaEvent_t>(second.get())));
    return 1e-3 * milliseconds;
  }

  void* stream() override { return stream_; }

  void wait_for_stream(uintptr_t stream) override {
    const DeviceScope scope(index_);
    cudaEvent_t event;
    PN_CUDA(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    const std::shared_ptr<void> held(event, destroy_event);
    PN_CUDA(cudaEventRecord(event, reinterpret_cast<cudaStream_t>(stream)));
    PN_CUDA(cudaStreamWaitEvent(stream_, event));
  }

  std::unique_ptr<Recorded> record(void (*work)(void* context, void* stream), void* context) override {
    const DeviceScope scope(index_);
    // A stream of its own: what other threads ask for meanwhile must not become part of the recording.
    cudaStream_t recording;
    PN_CUDA(cudaStreamCreateWithFlags(&recording, cudaStreamNonBlocking));
    const std::unique_ptr<CUstream_st, void (*)(cudaStream_t)> held(
        recording, [](cudaStream_t stream) { succeeded(cudaStreamDestroy(stream)); });
    PN_CUDA(cudaStreamBeginCapture(recording, cudaStreamCaptureModeThreadLocal));
    cudaGraph_t graph = nullptr;
    try {
      work(context, recording);
    } catch (...) {
      succeeded(cudaStreamEndCapture(recording, &graph));
      if (graph) succeeded(cudaGraphDestroy(graph));
      throw;
    }
    PN_CUDA(cudaStreamEndCapture(recording, &graph));
    cudaGraphExec_t executable = nullptr;
    const cudaError_t error = cudaGraphInstantiate(&executable, graph, 0);
    succeeded(cudaGraphDestroy(graph));
    check(error, "cudaGraphInstantiate");
    return std::make_unique<Graph>(executable, index_, stream_);
  }

 private:
  void trim() {
    cudaMemPool_t pool;
    PN_CUDA(cudaStreamSynchronize(stream_));
    PN_CUDA(cudaDeviceGetDefaultMemPool(&pool, index_));
    PN_CUDA(cudaMemPoolTrimTo(pool, 0));
  }

  static void destroy_event(void* event) { succeeded(cudaEventDestroy(static_cast<cudaEvent_t>(event))); }

  int index_;
  cudaStream_t stream_ = nullptr, copies_ = nullptr;
};

struct Found {
  std::string problem;
  std::vector<std::unique_ptr<CudaBackend>> backends;  // made at first use
};

Found& found() {
  // Never destroyed: tensors may outlive every static object.
  static Found* const devices = [] {
    auto* result = new Found;
    pthread_atfork(nullptr, nullptr, [] { forked = true; });
    int driver = 0, count = 0;
    if (!succeeded(cudaDriverGetVersion(&driver)) || driver == 0) {
      result->problem = "no NVIDIA driver was found on this machine.";
      return result;
    }
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error == cudaErrorInsufficientDriver || driver < kOldestDriver) {
      result->problem =
          concat("the NVIDIA driver is too old: it supports CUDA ", driver / 1000, ".", driver % 1000 / 10,
                 ", needed is ", kOldestDriver / 1000, ".", kOldestDriver % 1000 / 10, " or newer.");
    } else if (error != cudaSuccess || count == 0) {
      result->problem = error == cudaSuccess || error == cudaErrorNoDevice
                            ? "the driver found no GPU."
                            : concat("the driver reports: ", cudaGetErrorString(error), ".");
    } else {
      result->backends.resize(static_cast<size_t>(count));
    }
    succeeded(error);
    return result;
  }();
  return *devices;
}

}  // namespace
}  // namespace cuda

Backend& backend(Device device) {
  static std::mutex lock;
  auto& found = cuda::found();
  const auto index = static_cast<size_t>(device.index);
  if (cuda::forked) {
    throw std::runtime_error(
        "CUDA was in use when this process was forked, and cannot be used in the child. Start processes with "
        "multiprocessing's 'spawn' or 'forkserver' method, or use the GPU in the children only.");
  }
  if (found.backends.empty())
    throw std::runtime_error(concat("No device '", device_name(device), "': ", found.problem));
  if (index >= found.backends.size()) {
    throw std::runtime_error(concat("No device '", device_name(device), "': this machine has ", found.backends.size(),
                                    found.backends.size() == 1 ? " GPU." : " GPUs."));
  }
  const std::lock_guard guard(lock);
  auto& made = found.backends[index];
  if (!made) made = std::make_unique<cuda::CudaBackend>(device.index);
  return *made;
}

std::vector<DeviceInfo> cuda_devices() {
  std::vector<DeviceInfo> devices;
  for (size_t i = 0; i < cuda::found().backends.size(); ++i) {
    DeviceInfo info;
    info.device = {DeviceKind::cuda, static_cast<int>(i)};
    const cuda::DeviceScope scope(info.device.index);
    cudaDeviceProp properties;
    PN_CUDA(cudaGetDeviceProperties(&properties, info.device.index));
    PN_CUDA(cudaMemGetInfo(&info.free_bytes, &info.memory_bytes));
    info.name = properties.name;
    info.compute_capability = 10 * properties.major + properties.minor;
    info.multiprocessors = properties.multiProcessorCount;
    info.l2_bytes = static_cast<size_t>(properties.l2CacheSize);
    devices.push_back(info);
  }
  return devices;
}

int cuda_device_of(const void* data) {
  cudaPointerAttributes attributes;
  PN_CUDA(cudaPointerGetAttributes(&attributes, data));
  return attributes.device;
}

std::string cuda_problem() { return cuda::found().problem; }

void register_cuda_kernels() {
  for (auto table = cuda::tables; *table; ++table) register_kernels(DeviceKind::cuda, *table);
}

}  // namespace pyneural
