// Legal ways of sharing memory, which the search for races must leave alone, beside illegal ones that differ by a line.
#include "check.h"
#include "kernels.cuh"

namespace {

using namespace samples;
using test::DeviceArray;
using test::expect_equal;

constexpr int kThreads = 64;

template <class... Parameters>
void run(int blocks, void (*kernel)(Parameters...), std::type_identity_t<Parameters>... arguments) {
  launch(kernel, dim3(blocks), dim3(kThreads), 0, nullptr, arguments...);
  PN_CUDA(cudaDeviceSynchronize());
}

// Each warp has a row of its own and needs no barrier of the block.
template <bool kSynced>
__global__ void warp_rows_kernel(int* out) {
  PN_SHARED(rows, int[kThreads / 32][32]);
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
  int* row = rows[thread / 32];
  int sum = 0;
  row[lane] = 0;
  __syncwarp();
  for (int i = 0; i < 3; ++i) {
    row[lane] = lane + i;
    if (kSynced) __syncwarp();
    sum += row[31 - lane];
    __syncwarp();
  }
  out[thread] = sum;
}
CASE(warp_rows) {
  const DeviceArray<int> out(kThreads);
  run(1, warp_rows_kernel<true>, out);
  for (int i = 0; i < kThreads; ++i) expect_equal(out.values()[i], 3 * (31 - i % 32) + 3, "sum");
}
CASE(fault_missing_syncwarp) {
  const DeviceArray<int> out(kThreads);
  run(1, warp_rows_kernel<false>, out);
}

// Neighbours write the halves and the bytes of the same words.
__global__ void small_elements_kernel(unsigned char* bytes, __nv_bfloat16* halves) {
  PN_SHARED(small, __nv_bfloat16[kThreads]);
  PN_SHARED(flags, bool[kThreads]);
  const int thread = static_cast<int>(threadIdx.x);
  const int i = static_cast<int>(blockIdx.x) + thread * static_cast<int>(gridDim.x);  // blocks alternate
  small[thread] = __float2bfloat16(static_cast<float>(i));
  flags[thread] = true;
  small[thread] = __float2bfloat16(__bfloat162float(small[thread]) + (flags[thread] ? 1.0f : 0.0f));
  halves[i] = small[thread];
  bytes[i] = static_cast<unsigned char>(i);
}
CASE(small_elements) {
  const DeviceArray<unsigned char> bytes(2 * kThreads);
  const DeviceArray<__nv_bfloat16> halves(2 * kThreads);
  run(2, small_elements_kernel, bytes, halves);
  for (int i = 0; i < 2 * kThreads; ++i) expect_equal(static_cast<int>(bytes.values()[i]), i, "byte");
}

// Every block leaves its sum; the last to finish adds them up, in their order.
template <bool kFenced>
__global__ void last_block_kernel(float* sums, unsigned* finished, float* total) {
  PN_SHARED(is_last, bool);
  if (threadIdx.x == 0) {
    sums[blockIdx.x] = static_cast<float>(blockIdx.x);
    if (kFenced) __threadfence();
    is_last = atomicAdd(finished, 1u) == gridDim.x - 1;
  }
  __syncthreads();
  if (is_last && threadIdx.x == 0) {
    float sum = 0;
    for (unsigned i = 0; i < gridDim.x; ++i) sum += sums[i];
    *total = sum;
  }
}
template <bool kFenced>
float add_by_last_block() {
  const DeviceArray<float> sums(10), total(1);
  const DeviceArray<unsigned> finished(std::vector<unsigned>{0});
  run(10, last_block_kernel<kFenced>, sums, finished, total);
  return total.values()[0];
}
CASE(last_block) { expect_equal(add_by_last_block<true>(), 45, "total"); }
CASE(fault_missing_fence) { add_by_last_block<false>(); }

// Two stages: the copies of the next round go where the others may still read, unless a barrier ends the round.
template <bool kSynced>
__global__ void stages_kernel(const float* in, float* out) {
  PN_SHARED(stages, float[2][kThreads]);
  const int thread = static_cast<int>(threadIdx.x);
  float sum = 0;
  copy_async<4>(&stages[0][thread], in + thread);
  commit_copies();
  for (int i = 0; i < 4; ++i) {
    copy_async<4>(&stages[(i + 1) % 2][thread], in + thread);
    commit_copies();
    wait_copies<1>();
    __syncthreads();
    sum += stages[i % 2][kThreads - 1 - thread];
    if (kSynced) __syncthreads();
  }
  wait_copies<0>();
  out[thread] = sum;
}
CASE(stages) {
  const DeviceArray<float> in(test::counting<float>(kThreads, kThreads)), out(kThreads);
  run(1, stages_kernel<true>, in, out);
  expect_equal(out.values()[0], 4 * in.values()[kThreads - 1], "sum");
}
CASE(fault_missing_round_barrier) {
  const DeviceArray<float> in(test::counting<float>(kThreads, kThreads)), out(kThreads);
  run(1, stages_kernel<false>, in, out);
}

}  // namespace
