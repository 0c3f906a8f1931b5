// Kernels that do everything right, with results that are known exactly.
#include "check.h"
#include "kernels.cuh"

namespace {

using namespace samples;
using test::counting;
using test::DeviceArray;
using test::expect_equal;

CASE(vector_add) {
  const int n = 1000;
  const DeviceArray<float> a(counting<float>(n, 100)), b(counting<float>(n, 37)), sum(n);
  launch(add_kernel, dim3((n + 127) / 128), dim3(128), 0, nullptr, a, b, sum, n);
  const auto x = a.values(), y = b.values(), z = sum.values();
  for (int i = 0; i < n; ++i) expect_equal(z[i], x[i] + y[i], "sum");
}

CASE(vector_access) {
  const int n = 4096;
  const DeviceArray<float> in(counting<float>(n, 100)), out(n);
  launch(scale_vector_kernel, dim3(n / 4 / 64), dim3(64), 0, nullptr, in, out, 3.0f, n);
  const auto x = in.values(), y = out.values();
  for (int i = 0; i < n; ++i) expect_equal(y[i], 3 * x[i], "scaled");
}

CASE(reduction) {
  const int rows = 37, columns = 300;
  const DeviceArray<float> in(counting<float>(rows * columns, 50)), out(rows);
  launch(row_sum_kernel<128>, dim3(rows), dim3(128), 0, nullptr, in, out, columns);
  const auto x = in.values(), y = out.values();
  for (int row = 0; row < rows; ++row) {
    float sum = 0;
    for (int i = 0; i < columns; ++i) sum += x[row * columns + i];
    expect_equal(y[row], sum, "sum of a row");
  }
}

CASE(transposition) {
  const int rows = 45, columns = 70, tile = 16;
  const DeviceArray<float> in(counting<float>(rows * columns, 10000)), out(rows * columns);
  launch(transpose_kernel<tile>, dim3((columns + tile - 1) / tile, (rows + tile - 1) / tile), dim3(tile, tile), 0,
         nullptr, in, out, rows, columns);
  const auto x = in.values(), y = out.values();
  for (int i = 0; i < rows * columns; ++i) expect_equal(y[i % columns * rows + i / columns], x[i], "transposed");
}

void expect_product(const std::vector<float>& a, const std::vector<float>& b, const std::vector<float>& c, int m, int n,
                    int k) {
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) {
      float sum = 0;
      for (int p = 0; p < k; ++p) sum += a[i * k + p] * b[p * n + j];
      expect_equal(c[i * n + j], sum, "product at " + std::to_string(i) + ", " + std::to_string(j));
    }
  }
}

CASE(tiled_matmul) {
  const int m = 96, n = 64, k = 80;
  const DeviceArray<float> a(counting<float>(m * k, 17)), b(counting<float>(k * n, 23)), c(m * n);
  launch(matmul_kernel, dim3(n / kBlock, m / kBlock), dim3(64), 2 * kStage * sizeof(float), nullptr, a, b, c, n, k);
  expect_product(a.values(), b.values(), c.values(), m, n, k);
}

CASE(tf32_matmul) {
  const int k = 24;
  const DeviceArray<float> a(counting<float>(16 * k, 31, 7)), b(counting<float>(k * 8, 29, 5)), c(16 * 8);
  launch(mma_tf32_kernel, dim3(1), dim3(32), 0, nullptr, a, b, c, k);
  expect_product(a.values(), b.values(), c.values(), 16, 8, k);
}

CASE(bf16_matmul) {
  const DeviceArray<float> a(counting<float>(16 * 16, 31, 7)), b(counting<float>(16 * 8, 29, 5)), c(16 * 8);
  launch(mma_bf16_kernel, dim3(1), dim3(32), 0, nullptr, a, b, c);
  expect_product(a.values(), b.values(), c.values(), 16, 8, 16);
}

CASE(atomics) {
  const int n = 5000, bins = 13;
  std::vector<int> values(n);
  for (int i = 0; i < n; ++i) values[i] = i * i % bins;
  const DeviceArray<int> in(values), counts(bins), largest(1);
  PN_CUDA(cudaMemset(counts, 0, bins * sizeof(int)));
  PN_CUDA(cudaMemset(largest, 0, sizeof(int)));
  launch(histogram_kernel, dim3((n + 255) / 256), dim3(256), 0, nullptr, in, n, counts, largest);
  std::vector<int> expected(bins, 0);
  int most = 0;
  for (const int value : values) {
    ++expected[value];
    most = std::max(most, value);
  }
  const auto got = counts.values();
  for (int i = 0; i < bins; ++i) expect_equal(got[i], expected[i], "count");
  expect_equal(largest.values()[0], most, "the largest");
}

// Every warp function once; each thread counts what it finds wrong.
__global__ void warp_functions_kernel(int* wrong) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  int errors = 0;
  errors += __shfl_sync(0xFFFFFFFF, lane * 3, 5) != 15;
  errors += __shfl_sync(0xFFFFFFFF, lane, 1, 8) != lane / 8 * 8 + 1;
  errors += __shfl_up_sync(0xFFFFFFFF, lane, 3) != (lane < 3 ? lane : lane - 3);
  errors += __shfl_down_sync(0xFFFFFFFF, lane, 3) != (lane + 3 > 31 ? lane : lane + 3);
  errors += __shfl_down_sync(0xFFFFFFFF, lane, 1, 4) != (lane % 4 == 3 ? lane : lane + 1);
  errors += __shfl_xor_sync(0xFFFFFFFF, lane + 0.5, 9) != (lane ^ 9) + 0.5;
  errors += __ballot_sync(0xFFFFFFFF, lane % 2) != 0xAAAAAAAA;
  errors += !__any_sync(0xFFFFFFFF, lane == 7);
  errors += __all_sync(0xFFFFFFFF, lane == 7);
  errors += __all_sync(0xFFFFFFFF, lane < 32) == 0;
  errors += __match_any_sync(0xFFFFFFFF, lane / 16) != (lane < 16 ? 0x0000FFFF : 0xFFFF0000);
  int same = 0;
  errors += __match_all_sync(0xFFFFFFFF, 4, &same) != 0xFFFFFFFF || !same;
  errors += __activemask() != 0xFFFFFFFF;
  // two halves of the warp, each on its own
  const uint32_t half = lane < 16 ? 0x0000FFFF : 0xFFFF0000;
  if (lane < 16) {
    errors += __shfl_xor_sync(half, lane, 1) != (lane ^ 1);
  } else {
    errors += __ballot_sync(half, 1) != half;
  }
  __syncwarp();
  errors += __syncthreads_count(lane < 3) != 6;
  errors += __syncthreads_and(lane < 32) == 0;
  errors += __syncthreads_or(lane == 99) != 0;
  if (errors) atomicAdd(wrong, errors);
}

CASE(warp_functions) {
  const DeviceArray<int> wrong(std::vector<int>{0});
  launch(warp_functions_kernel, dim3(3), dim3(64), 0, nullptr, wrong);
  expect_equal(wrong.values()[0], 0, "errors");
}

__constant__ float table[4];

__global__ void look_up_kernel(float* out) { out[threadIdx.x] = table[threadIdx.x]; }

CASE(constant_memory) {
  const float values[4] = {1, 2, 4, 8};
  PN_CUDA(cudaMemcpyToSymbol(table, values, sizeof(values)));
  const DeviceArray<float> out(4);
  launch(look_up_kernel, dim3(1), dim3(4), 0, nullptr, out);
  expect_equal(out.values()[3], 8, "the last");
}

__global__ void rounding_kernel(const float* in, uint32_t* tf32, float* bf16, float* half, int n) {
  const int i = static_cast<int>(threadIdx.x);
  if (i >= n) return;
  tf32[i] = pyneural::cuda::to_tf32(in[i]);
  bf16[i] = __bfloat162float(__float2bfloat16(in[i]));
  half[i] = __half2float(__float2half(in[i]));
}

CASE(roundings) {
  const std::vector<float> in = {1.0f,        1 + 0x1p-11f, 1 + 0x1p-12f, -1 - 0x1p-11f,
                                 1 + 0x1p-8f, 1 + 0x3p-8f,  65504.0f,     0x1p-24f};
  const std::vector<float> tf32 = {1.0f,        1 + 0x1p-10f, 1.0f,     -1 - 0x1p-10f,
                                   1 + 0x1p-8f, 1 + 0x3p-8f,  65504.0f, 0x1p-24f};
  const std::vector<float> bf16 = {1.0f, 1.0f, 1.0f, -1.0f, 1.0f, 1 + 0x1p-6f, 65536.0f, 0x1p-24f};
  const std::vector<float> half = {1.0f, 1.0f, 1.0f, -1.0f, 1 + 0x1p-8f, 1 + 0x3p-8f, 65504.0f, 0x1p-24f};
  const int n = static_cast<int>(in.size());
  const DeviceArray<float> device_in(in), device_bf16(n), device_half(n);
  const DeviceArray<uint32_t> device_tf32(n);
  launch(rounding_kernel, dim3(1), dim3(32), 0, nullptr, device_in, device_tf32, device_bf16, device_half, n);
  const auto a = device_tf32.values();
  const auto b = device_bf16.values(), c = device_half.values();
  for (int i = 0; i < n; ++i) {
    float value;
    __builtin_memcpy(&value, &a[i], 4);
    expect_equal(value, tf32[i], "tf32");
    expect_equal(b[i], bf16[i], "bf16");
    expect_equal(c[i], half[i], "half");
  }
}

}  // namespace
