// Kernels that each do one thing wrong. Every case must end with the fault's message; test_emulation.py knows them.
#include "check.h"
#include "emulation/control.h"
#include "kernels.cuh"

namespace {

using namespace samples;
using test::counting;
using test::DeviceArray;

constexpr int kThreads = 64;

template <class... Parameters>
void run(void (*kernel)(Parameters...), std::type_identity_t<Parameters>... arguments) {
  launch(kernel, dim3(2), dim3(kThreads), 0, nullptr, arguments...);
  PN_CUDA(cudaDeviceSynchronize());
}

int thread_index() { return static_cast<int>(threadIdx.x); }

// ---- barriers

__global__ void exit_before_barrier(float* out) {
  if (threadIdx.x == 5) return;
  __syncthreads();
  out[threadIdx.x] = 1;
}
CASE(fault_barrier_exited) { run(exit_before_barrier, DeviceArray<float>(kThreads)); }

__global__ void two_barriers(float* out) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  out[threadIdx.x] = 1;
}
CASE(fault_barrier_other) { run(two_barriers, DeviceArray<float>(kThreads)); }

// ---- warp functions

__global__ void shuffle_in_branch(int* out) {
  int value = thread_index();
  if (threadIdx.x % 32 < 20) value = __shfl_down_sync(0xFFFFFFFF, value, 1);
  out[threadIdx.x] = value;
}
CASE(fault_shuffle_missing) { run(shuffle_in_branch, DeviceArray<int>(kThreads)); }

__global__ void shuffle_against_barrier(int* out) {
  int value = thread_index();
  if (threadIdx.x < 20) value = __shfl_down_sync(0xFFFFFFFF, value, 1);
  __syncthreads();
  out[threadIdx.x] = value;
}
CASE(fault_shuffle_against_barrier) { run(shuffle_against_barrier, DeviceArray<int>(kThreads)); }

__global__ void vote_beyond_block(int* out) { out[threadIdx.x] = static_cast<int>(__ballot_sync(0xFFFFFFFF, 1)); }
CASE(fault_vote_beyond_block) {
  const DeviceArray<int> out(20);
  launch(vote_beyond_block, dim3(1), dim3(20), 0, nullptr, out);
  PN_CUDA(cudaDeviceSynchronize());
}

__global__ void shuffle_from_outside(int* out) {
  if (threadIdx.x % 32 >= 16) return;
  out[threadIdx.x] = __shfl_sync(0x0000FFFF, thread_index(), 20);
}
CASE(fault_shuffle_source) { run(shuffle_from_outside, DeviceArray<int>(kThreads)); }

// ---- memory

__global__ void write_past_end(float* out, int n) {
  if (threadIdx.x == 3) out[n] = 1;
}
CASE(fault_write_past_end) {
  const DeviceArray<float> out(100);
  run(write_past_end, out, 100);
}
CASE(fault_write_in_front) {
  emulation::settings().placement = emulation::Placement::start;
  const DeviceArray<float> out(100);
  run(write_past_end, out, -1);
}
CASE(fault_write_far) {
  const DeviceArray<float> out(100);
  run(write_past_end, out, 3000);
}

__global__ void read_index(const float* in, float* out, int n) { out[blockIdx.x * blockDim.x + threadIdx.x] = in[n]; }
CASE(fault_read_past_end) {
  const DeviceArray<float> in(counting<float>(1024, 8)), out(2 * kThreads);
  run(read_index, in, out, 1024);
  out.values();
}
CASE(fault_use_after_free) {
  float* in = nullptr;
  PN_CUDA(cudaMalloc(&in, 4096));
  PN_CUDA(cudaMemset(in, 0, 4096));
  PN_CUDA(cudaFree(in));
  run(read_index, in, DeviceArray<float>(2 * kThreads), 1);
}
CASE(fault_host_pointer) {
  const std::vector<float> in(100);
  run(read_index, in.data(), DeviceArray<float>(2 * kThreads), 1);
}
CASE(fault_null_pointer) { run(read_index, nullptr, DeviceArray<float>(2 * kThreads), 0); }

__global__ void shared_past_end(float* out, int at) {
  PN_SHARED(tile, float[kThreads]);
  float* element = tile + at;
  tile[threadIdx.x] = 0;
  __syncthreads();
  if (threadIdx.x == 7) *element = 1;
  __syncthreads();
  out[blockIdx.x * blockDim.x + threadIdx.x] = tile[threadIdx.x];
}
CASE(fault_shared_past_end) { run(shared_past_end, DeviceArray<float>(2 * kThreads), kThreads); }
CASE(fault_shared_in_front) { run(shared_past_end, DeviceArray<float>(2 * kThreads), -1); }

__global__ void dynamic_past_end(int at) { dynamic_shared<float>()[at] = 1; }
CASE(fault_dynamic_shared_past_end) {
  launch(dynamic_past_end, dim3(1), dim3(1), 256, nullptr, 64);
  PN_CUDA(cudaDeviceSynchronize());
}

__global__ void array_index(float* out, int at) {
  PN_SHARED(tile, float[4][8]);
  tile[threadIdx.x % 4][at] = 1;
  out[blockIdx.x * blockDim.x + threadIdx.x] = 1;
}
CASE(fault_array_index) { run(array_index, DeviceArray<float>(2 * kThreads), 8); }

__global__ void read_shared_unwritten(float* out) {
  PN_SHARED(tile, float[kThreads]);
  if (threadIdx.x != 9) tile[threadIdx.x] = 1;
  __syncthreads();
  out[blockIdx.x * blockDim.x + threadIdx.x] = tile[threadIdx.x];
}
CASE(fault_shared_unwritten) {
  const DeviceArray<float> out(2 * kThreads);
  run(read_shared_unwritten, out);
  for (const float value : out.values()) test::expect_equal(value, 1, "every element");
}

CASE(fault_unwritten) {
  const DeviceArray<float> in(100), out(2 * kThreads);
  run(read_index, in, out, 50);
  for (const float value : out.values()) test::expect(value == value, "not NaN");
}

CASE(fault_misaligned) {
  const DeviceArray<float> in(counting<float>(1024, 8)), out(1024);
  launch(scale_vector_kernel, dim3(1), dim3(8), 0, nullptr, in + 1, out, 2.0f, 32);
  PN_CUDA(cudaDeviceSynchronize());
}

// ---- cp.async

__global__ void missing_wait(const float* in, float* out) {
  PN_SHARED(tile, float[kThreads]);
  copy_async<4>(&tile[threadIdx.x], in + threadIdx.x);
  commit_copies();
  __syncthreads();
  out[blockIdx.x * blockDim.x + threadIdx.x] = tile[threadIdx.x];
}
CASE(fault_missing_wait) {
  const DeviceArray<float> in(counting<float>(kThreads, 1000)), out(2 * kThreads);
  run(missing_wait, in, out);
  test::expect_equal(out.values()[0], in.values()[0], "the first element");
}

__global__ void misaligned_copy(const float* in) {
  PN_SHARED(tile, float[kThreads * 4]);
  copy_async<16>(&tile[threadIdx.x * 4], in + threadIdx.x);
  pyneural::cuda::wait_all_copies();
}
CASE(fault_misaligned_copy) { run(misaligned_copy, DeviceArray<float>(counting<float>(1024, 8))); }

// ---- races

__global__ void missing_barrier(float* out) {
  PN_SHARED(tile, float[kThreads]);
  tile[threadIdx.x] = 0;
  __syncthreads();
  tile[threadIdx.x] = thread_index();
  out[blockIdx.x * blockDim.x + threadIdx.x] = tile[kThreads - 1 - threadIdx.x];
}
CASE(fault_shared_race) {
  const DeviceArray<float> out(2 * kThreads);
  run(missing_barrier, out);
  test::expect_equal(out.values()[0], kThreads - 1, "the first element");
}

__global__ void same_output(float* out) { out[threadIdx.x] = static_cast<float>(blockIdx.x); }
CASE(fault_block_race) { run(same_output, DeviceArray<float>(kThreads)); }

// ---- the rest

__global__ void trap() {
  if (threadIdx.x == 1) __trap();
}
CASE(fault_trap) { run(trap); }

__global__ void divide(int* values) { values[0] = 100 / values[0]; }
CASE(fault_division) {
  const DeviceArray<int> zero(std::vector<int>{0});
  launch(divide, dim3(1), dim3(1), 0, nullptr, zero);
  PN_CUDA(cudaDeviceSynchronize());
}

__device__ int recurse(volatile int* values, int depth) {
  volatile int frame[64];
  frame[depth % 64] = values[0];
  return depth < 0 ? 0 : recurse(values, depth + 1) + frame[depth % 64];
}
__global__ void overflow_stack(int* values) { values[0] = recurse(values, 0); }
CASE(fault_stack_overflow) {
  const DeviceArray<int> values(std::vector<int>{1});
  launch(overflow_stack, dim3(1), dim3(1), 0, nullptr, values);
  PN_CUDA(cudaDeviceSynchronize());
}

// After a fault the next kernel runs as if nothing had been.
CASE(recovery) {
  for (int i = 0; i < 20; ++i) {
    bool thrown = false;
    try {
      run(two_barriers, DeviceArray<float>(kThreads));
    } catch (const emulation::Fault&) {
      thrown = true;
    }
    test::expect(thrown, "a fault");
    const DeviceArray<float> sums(4), in(counting<float>(4 * 100, 1));
    launch(row_sum_kernel<128>, dim3(4), dim3(128), 0, nullptr, in, sums, 100);
    test::expect_equal(sums.values()[3], 0, "sum");
  }
}

}  // namespace
