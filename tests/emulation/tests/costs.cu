// What the emulation costs: printed, for docs/emulation.md, and not judged.
#include <ctime>

#include "check.h"
#include "emulation/control.h"
#include "kernels.cuh"

namespace {

using namespace samples;
using test::counting;
using test::DeviceArray;

// Of the processor, not of the clock on the wall: the machine may be busy with other tests.
double processor_time() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <class Function>
double nanoseconds(int repeats, Function function) {
  function();
  const double start = processor_time();
  for (int i = 0; i < repeats; ++i) function();
  return (processor_time() - start) / repeats;
}

__global__ void empty_kernel() {}

__global__ void barrier_kernel(int rounds) {
  for (int i = 0; i < rounds; ++i) __syncthreads();
}

__global__ void shuffle_kernel(float* out, int rounds) {
  float value = 1;
  for (int i = 0; i < rounds; ++i) value += __shfl_xor_sync(0xFFFFFFFF, value, 1);
  out[threadIdx.x] = value;
}

__global__ void mma_kernel(float* out, int rounds) {
  const uint32_t a[4] = {}, b[2] = {};
  float d[4] = {};
  for (int i = 0; i < rounds; ++i) pyneural::cuda::mma_tf32(d, a, b);
  out[threadIdx.x] = d[0];
}

CASE(costs) {
  emulation::settings().threads = 1;
  const auto sync = [] { PN_CUDA(cudaDeviceSynchronize()); };
  const auto print = [](const char* what, double value) { std::printf("%-46s %10.1f ns\n", what, value); };

  print("launch of 1 block of 32 threads, and its wait", nanoseconds(1000, [&] {
          launch(empty_kernel, dim3(1), dim3(32), 0, nullptr);
          sync();
        }));
  const int blocks = 1000, threads = 256;
  print("thread of a kernel without barriers", nanoseconds(10, [&] {
                                                 launch(empty_kernel, dim3(blocks), dim3(threads), 0, nullptr);
                                                 sync();
                                               }) / (blocks * threads));
  const int rounds = 1000;
  print("barrier, per thread (256 threads)", nanoseconds(10, [&] {
                                               launch(barrier_kernel, dim3(1), dim3(threads), 0, nullptr, rounds);
                                               sync();
                                             }) / (rounds * threads));
  const DeviceArray<float> out(threads);
  print("shuffle, per lane", nanoseconds(10, [&] {
                               launch(shuffle_kernel, dim3(1), dim3(32), 0, nullptr, out, rounds);
                               sync();
                             }) / (rounds * 32));
  print("mma m16n8k8, per warp", nanoseconds(10, [&] {
                                   launch(mma_kernel, dim3(1), dim3(32), 0, nullptr, out, rounds);
                                   sync();
                                 }) / rounds);

  const int n = 1 << 20;
  const DeviceArray<float> a(counting<float>(n, 100)), b(counting<float>(n, 100)), c(n);
  print("element of a sum of vectors", nanoseconds(5, [&] {
                                         launch(add_kernel, dim3(n / 256), dim3(256), 0, nullptr, a, b, c, n);
                                         sync();
                                       }) / n);
  const int size = 256;
  print("multiply-add of a tiled product, 256 cubed", nanoseconds(3, [&] {
                                                        launch(matmul_kernel, dim3(size / kBlock, size / kBlock),
                                                               dim3(64), 2 * kStage * sizeof(float), nullptr, a, b, c,
                                                               size, size);
                                                        sync();
                                                      }) / (double(size) * size * size));
  print("cudaMalloc and cudaFree of 4 KB", nanoseconds(1000, [] { const DeviceArray<float> memory(1024); }));
}

}  // namespace
