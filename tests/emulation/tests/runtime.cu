// The runtime: copies, streams, events, graphs, limits of memory, answers without a driver.
#include "check.h"
#include "emulation/control.h"
#include "kernels.cuh"

namespace {

using namespace samples;
using test::counting;
using test::DeviceArray;
using test::expect;
using test::expect_equal;

template <class Call>
void expect_error(cudaError_t expected, Call call) {
  expect_equal(static_cast<int>(call()), static_cast<int>(expected), cudaGetErrorName(expected));
  static_cast<void>(cudaGetLastError());
}

struct StreamOwner {
  explicit StreamOwner(unsigned flags = cudaStreamNonBlocking) { PN_CUDA(cudaStreamCreateWithFlags(&handle, flags)); }
  ~StreamOwner() { pyneural::cuda::succeeded(cudaStreamDestroy(handle)); }
  operator cudaStream_t() const { return handle; }
  cudaStream_t handle = nullptr;
};

void increment(float* values, float by, int n, cudaStream_t stream) {
  launch(increment_kernel, dim3((n + 63) / 64), dim3(64), 0, stream, values, by, n);
}

CASE(graph_replay) {
  const int n = 100;
  const StreamOwner stream;
  const DeviceArray<float> values(std::vector<float>(n, 0.0f));
  PN_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  increment(values, 1, n, stream);
  increment(values, 10, n, stream);
  cudaGraph_t graph = nullptr;
  PN_CUDA(cudaStreamEndCapture(stream, &graph));
  size_t nodes = 0;
  PN_CUDA(cudaGraphGetNodes(graph, nullptr, &nodes));
  expect_equal(nodes, 2u, "nodes");
  expect_equal(values.values()[0], 0, "nothing runs while it is captured");
  cudaGraphExec_t executable = nullptr;
  PN_CUDA(cudaGraphInstantiate(&executable, graph));
  for (int i = 0; i < 3; ++i) PN_CUDA(cudaGraphLaunch(executable, stream));
  PN_CUDA(cudaStreamSynchronize(stream));
  expect_equal(values.values()[n - 1], 33, "after three replays");

  PN_CUDA(cudaGraphDestroy(graph));
  PN_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  increment(values, 2, n, stream);
  increment(values, 20, n, stream);
  PN_CUDA(cudaStreamEndCapture(stream, &graph));
  cudaGraphExecUpdateResultInfo info{};
  PN_CUDA(cudaGraphExecUpdate(executable, graph, &info));
  PN_CUDA(cudaGraphLaunch(executable, stream));
  PN_CUDA(cudaStreamSynchronize(stream));
  expect_equal(values.values()[0], 55, "after the update");
  PN_CUDA(cudaGraphDestroy(graph));
  PN_CUDA(cudaGraphExecDestroy(executable));
}

// Two branches that meet again: whatever their order, the node behind both comes last.
CASE(graph_with_branches) {
  const int n = 64;
  const StreamOwner first, second;
  const DeviceArray<float> a(std::vector<float>(n, 1.0f)), b(std::vector<float>(n, 2.0f)), sum(n);
  cudaEvent_t fork = nullptr, join = nullptr;
  PN_CUDA(cudaEventCreateWithFlags(&fork, cudaEventDisableTiming));
  PN_CUDA(cudaEventCreateWithFlags(&join, cudaEventDisableTiming));
  cudaGraph_t graph = nullptr;
  PN_CUDA(cudaStreamBeginCapture(first, cudaStreamCaptureModeGlobal));
  PN_CUDA(cudaEventRecord(fork, first));
  PN_CUDA(cudaStreamWaitEvent(second, fork));
  increment(a, 1, n, first);
  increment(b, 1, n, second);
  PN_CUDA(cudaEventRecord(join, second));
  PN_CUDA(cudaStreamWaitEvent(first, join));
  launch(add_kernel, dim3(1), dim3(n), 0, first, a, b, sum, n);
  PN_CUDA(cudaStreamEndCapture(first, &graph));
  cudaGraphExec_t executable = nullptr;
  PN_CUDA(cudaGraphInstantiate(&executable, graph));
  for (int i = 1; i < 10; ++i) {
    PN_CUDA(cudaGraphLaunch(executable, first));
    PN_CUDA(cudaStreamSynchronize(first));
    expect_equal(sum.values()[0], 3 + 2 * i, "sum");
  }
  // without the join
  PN_CUDA(cudaStreamBeginCapture(first, cudaStreamCaptureModeGlobal));
  PN_CUDA(cudaEventRecord(fork, first));
  PN_CUDA(cudaStreamWaitEvent(second, fork));
  increment(b, 1, n, second);
  expect_error(cudaErrorStreamCaptureUnjoined, [&] { return cudaStreamEndCapture(first, &graph); });
  for (cudaEvent_t event : {fork, join}) PN_CUDA(cudaEventDestroy(event));
}

CASE(capture_forbids) {
  const StreamOwner stream;
  float* pointer = nullptr;
  cudaGraph_t graph = nullptr;
  const auto end = [&] {
    expect_error(cudaErrorStreamCaptureInvalidated, [&] { return cudaStreamEndCapture(stream, &graph); });
  };
  const auto begin = [&] { PN_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal)); };
  begin();
  expect_error(cudaErrorStreamCaptureUnsupported, [&] { return cudaStreamSynchronize(stream); });
  end();
  begin();
  expect_error(cudaErrorStreamCaptureUnsupported, [&] { return cudaMalloc(&pointer, 100); });
  end();
  begin();
  expect_error(cudaErrorStreamCaptureUnsupported, [&] { return cudaDeviceSynchronize(); });
  end();
}

CASE(events) {
  const int n = 1000;
  const StreamOwner stream;
  const DeviceArray<float> values(std::vector<float>(n, 0.0f));
  cudaEvent_t start = nullptr, stop = nullptr;
  PN_CUDA(cudaEventCreate(&start));
  PN_CUDA(cudaEventCreate(&stop));
  PN_CUDA(cudaEventRecord(start, stream));
  increment(values, 1, n, stream);
  PN_CUDA(cudaEventRecord(stop, stream));
  expect_error(cudaErrorNotReady, [&] { return cudaEventQuery(stop); });
  PN_CUDA(cudaEventSynchronize(stop));
  PN_CUDA(cudaEventQuery(stop));
  float milliseconds = -1;
  PN_CUDA(cudaEventElapsedTime(&milliseconds, start, stop));
  expect(milliseconds >= 0 && milliseconds < 1000, "a plausible time");
  for (cudaEvent_t event : {start, stop}) PN_CUDA(cudaEventDestroy(event));
}

// Work in another stream that nobody made wait: what it reads is what was there before (in most orders).
CASE(streams_wait_for_events) {
  const int n = 64;
  for (int i = 0; i < 20; ++i) {
    const StreamOwner first, second;
    const DeviceArray<float> values(std::vector<float>(n, 1.0f)), copy(n);
    cudaEvent_t ready = nullptr;
    PN_CUDA(cudaEventCreateWithFlags(&ready, cudaEventDisableTiming));
    increment(values, 1, n, first);
    PN_CUDA(cudaEventRecord(ready, first));
    PN_CUDA(cudaStreamWaitEvent(second, ready));
    PN_CUDA(cudaMemcpyAsync(copy, values, n * sizeof(float), cudaMemcpyDeviceToDevice, second));
    PN_CUDA(cudaStreamSynchronize(second));
    expect_equal(copy.values()[0], 2, "the copy");
    PN_CUDA(cudaEventDestroy(ready));
  }
}

CASE(missing_event_shows) {
  const int n = 64;
  const StreamOwner first, second;
  const DeviceArray<float> values(std::vector<float>(n, 1.0f)), copy(n);
  emulation::settings().seed = 0;
  increment(values, 1, n, first);
  PN_CUDA(cudaMemcpyAsync(copy, values, n * sizeof(float), cudaMemcpyDeviceToDevice, second));
  PN_CUDA(cudaStreamSynchronize(second));
  expect_equal(copy.values()[0], 1, "the copy overtakes the kernel");
}

CASE(pinned_memory_is_late) {
  const int n = 16;
  const StreamOwner stream;
  const DeviceArray<float> values(std::vector<float>(n, 5.0f));
  float* pinned = nullptr;
  PN_CUDA(cudaMallocHost(&pinned, n * sizeof(float)));
  PN_CUDA(cudaMemcpyAsync(pinned, values, n * sizeof(float), cudaMemcpyDeviceToHost, stream));
  expect(!(pinned[0] == 5.0f), "not there before somebody waits");
  PN_CUDA(cudaStreamSynchronize(stream));
  expect_equal(pinned[0], 5, "there afterwards");
  PN_CUDA(cudaFreeHost(pinned));
}

CASE(out_of_memory) {
  emulation::settings().memory_bytes = 1 << 20;
  size_t free = 0, total = 0;
  float* pointer = nullptr;
  expect_error(cudaErrorMemoryAllocation, [&] { return cudaMalloc(&pointer, 2 << 20); });
  expect(pointer == nullptr, "no memory");
  {
    const DeviceArray<float> half(1 << 17);
    PN_CUDA(cudaMemGetInfo(&free, &total));
    expect_equal(total, 1u << 20, "total");
    expect_equal(free, 1u << 19, "free");
    const StreamOwner stream;
    PN_CUDA(cudaMallocAsync(&pointer, 1 << 19, stream));
    PN_CUDA(cudaFreeAsync(pointer, stream));
    PN_CUDA(cudaMallocAsync(&pointer, 1 << 19, stream));  // only when the free has had its turn
    PN_CUDA(cudaFreeAsync(pointer, stream));
  }
  expect_equal(emulation::leaks(), "", "leaks");
}

// A kernel whose threads do not wait runs on one fiber and switches to no other.
CASE(fibers_on_demand) {
  emulation::settings().threads = 1;
  const DeviceArray<float> values(std::vector<float>(1000, 0.0f)), sums(1);
  increment(values, 1, 1000, nullptr);
  PN_CUDA(cudaDeviceSynchronize());
  expect_equal(emulation::statistics().fibers, 1u, "fibers");
  expect_equal(emulation::statistics().fiber_switches, 0u, "switches");
  launch(row_sum_kernel<128>, dim3(1), dim3(128), 0, nullptr, values, sums, 1000);
  PN_CUDA(cudaDeviceSynchronize());
  expect_equal(emulation::statistics().barriers, 1u, "barriers");
  expect_equal(emulation::statistics().fibers, 128u, "fibers, when all wait for the last");
}

CASE(no_driver) {
  int count = -1, version = -1;
  emulation::settings().driver = emulation::Driver::missing;
  expect_error(cudaErrorInsufficientDriver, [&] { return cudaGetDeviceCount(&count); });
  expect_equal(count, 0, "devices");
  PN_CUDA(cudaDriverGetVersion(&version));
  expect_equal(version, 0, "driver");
  emulation::settings().driver = emulation::Driver::too_old;
  expect_error(cudaErrorInsufficientDriver, [&] { return cudaGetDeviceCount(&count); });
  PN_CUDA(cudaDriverGetVersion(&version));
  expect(version > 0 && version < CUDART_VERSION, "an old driver");
  emulation::settings().driver = emulation::Driver::no_device;
  expect_error(cudaErrorNoDevice, [&] { return cudaGetDeviceCount(&count); });
}

CASE(launch_errors) {
  const DeviceArray<float> out(16);
  const auto message = [&](dim3 grid, dim3 block, size_t shared) -> std::string {
    try {
      launch(increment_kernel, grid, block, shared, nullptr, out, 1.0f, 16);
    } catch (const pyneural::cuda::CudaError& error) {
      return error.what();
    }
    return "none";
  };
  const std::string wrong = "launch of samples::increment_kernel: invalid configuration argument";
  expect(message(dim3(1), dim3(2048), 0).find(wrong) == 0, "too many threads: " + message(dim3(1), dim3(2048), 0));
  expect(message(dim3(0), dim3(32), 0).find(wrong) == 0, "no blocks");
  expect(message(dim3(1), dim3(32), 64 << 10).find("invalid argument") != std::string::npos, "too much shared memory");
  const pyneural::cuda::OpScope scope("conv2d");
  expect(message(dim3(0), dim3(32), 0).find("conv2d: launch of") == 0, "the op is named");
  PN_CUDA(cudaMemset(out, 0, 64));
  PN_CUDA(cudaFuncSetAttribute(increment_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 64 << 10));
  expect_equal(message(dim3(1), dim3(32), 64 << 10), "none", "a raised limit");
}

CASE(injected_failure) {
  emulation::fail_next("cudaMemcpy", cudaErrorIllegalAddress, 1);
  const DeviceArray<float> values(std::vector<float>(4, 1.0f));
  try {
    values.values();
  } catch (const pyneural::cuda::CudaError& error) {
    expect_equal(static_cast<int>(error.code), static_cast<int>(cudaErrorIllegalAddress), "code");
    return;
  }
  throw std::runtime_error("no error");
}

// ---- faults of the host

CASE(fault_unchecked_launch) {
  const DeviceArray<float> out(std::vector<float>(64, 0.0f));
  emulation::launch(increment_kernel, dim3(1), dim3(64), 0, nullptr, out.data(), 1.0f, 64);
  increment(out, 1, 64, nullptr);
}

CASE(fault_destroyed_stream) {
  cudaStream_t stream = nullptr;
  PN_CUDA(cudaStreamCreate(&stream));
  PN_CUDA(cudaStreamDestroy(stream));
  PN_CUDA(cudaStreamSynchronize(stream));
}

CASE(fault_copy_out_of_bounds) {
  const DeviceArray<float> values(10);
  const std::vector<float> host(11);
  PN_CUDA(cudaMemcpy(values, host.data(), 11 * sizeof(float), cudaMemcpyHostToDevice));
}

CASE(fault_double_free) {
  void* pointer = nullptr;
  PN_CUDA(cudaMalloc(&pointer, 100));
  PN_CUDA(cudaFree(pointer));
  pyneural::cuda::succeeded(cudaFree(pointer));
  PN_CUDA(cudaDeviceSynchronize());
}

// Ends the process: nothing can be thrown where the host reads.
CASE(fatal_host_access) {
  const DeviceArray<float> values(std::vector<float>(4, 1.0f));
  std::printf("%f\n", values.data()[0]);
}

// A fault that only a destructor came across.
CASE(fatal_unseen_fault) {
  const DeviceArray<float> values(std::vector<float>(4, 0.0f));
  increment(values, 1, 10000, nullptr);
}

CASE(fault_as_error) {
  emulation::settings().faults_as_errors = true;
  const DeviceArray<float> values(std::vector<float>(4, 0.0f));
  increment(values, 1, 10000, nullptr);
  PN_CUDA(cudaDeviceSynchronize());
}

}  // namespace
