// What every file of CUDA kernels includes: the interface of kernels, launches, and what all families share.
#pragma once

#include <cstdint>

#include "core/kernel.h"
#include "cuda/launch.h"
#include "cuda/platform.h"

namespace pyneural::cuda {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xFFFFFFFF;
constexpr int kBlockThreads = 256;  // of kernels without a reason for another number
// Blocks of kernels that walk their elements with the stride of the grid: enough to fill the largest GPU several times.
constexpr int64_t kMaxBlocks = 4096;
// Blocks of kBlockThreads that keep all 132 processors of an H100 or H200 busy, eight on each. Work is split down to
// this many.
constexpr int64_t kFullGrid = 1056;

inline cudaStream_t stream_of(const KernelArgs& args) { return static_cast<cudaStream_t>(args.stream); }

PN_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Blocks for `items` with `per_block` of them each, 1 to kMaxBlocks.
inline unsigned grid_for(int64_t items, int64_t per_block = kBlockThreads) {
  const int64_t blocks = ceil_div(items, per_block);
  return static_cast<unsigned>(blocks < 1 ? 1 : blocks > kMaxBlocks ? kMaxBlocks : blocks);
}

// for (int64_t i = first_item(); i < n; i += item_stride())
__device__ __forceinline__ int64_t first_item() { return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ __forceinline__ int64_t item_stride() { return static_cast<int64_t>(gridDim.x) * blockDim.x; }

constexpr int kPackBytes = 16;  // the widest access

// kCount numbers that are loaded and stored at once; its address is a multiple of its size.
template <class T, int kCount>
struct alignas(sizeof(T) * kCount) Pack {
  T values[kCount];
};

// Whether `data` may be read in packs of `bytes`, a power of two. Tensors may begin anywhere within an arena, and
// operands may be windows.
inline bool is_aligned(const void* data, size_t bytes) { return reinterpret_cast<uintptr_t>(data) % bytes == 0; }

// A scalar operand (a learning rate, a bound), wherever it is computed.
__device__ __forceinline__ double read_scalar(const void* data, DType dtype) {
  switch (dtype) {
    case DType::float32:
      return *static_cast<const float*>(data);
    case DType::float64:
      return *static_cast<const double*>(data);
    case DType::int32:
      return *static_cast<const int32_t*>(data);
    default:
      return static_cast<double>(*static_cast<const int64_t*>(data));
  }
}

// The first failure of a run is kept; from then on nothing that this run computes reaches a variable.
__device__ __forceinline__ void report(RunState* state, int32_t step, Status status, int64_t value, int64_t limit,
                                       int64_t position) {
  static_assert(sizeof(Status) == sizeof(int));
  if (atomicCAS(reinterpret_cast<int*>(&state->status), 0, static_cast<int>(status)) != 0) return;
  state->value = value;
  state->limit = limit;
  state->position = position;
  state->step = step;
}
// For kernels that write variables (OpDef::writes_variables): they do nothing after a failure.
__device__ __forceinline__ bool failed(const RunState* state) {
  return state && *const_cast<const volatile Status*>(&state->status) != Status::ok;
}

// fn(T()) with the type of the elements: with_real(dtype, [&](auto zero) { using T = decltype(zero); ... });
template <class Fn>
void with_real(DType dtype, const Fn& fn) {
  if (dtype == DType::float64) return fn(double());
  return fn(float());
}

// The types that arithmetic is done in.
template <class Fn>
void with_number(DType dtype, const Fn& fn) {
  switch (dtype) {
    case DType::float64:
      return fn(double());
    case DType::int32:
      return fn(int32_t());
    case DType::int64:
      return fn(int64_t());
    default:
      return fn(float());
  }
}

// fn(T()) with the type of the elements. Half types, which have no arithmetic, never get here.
template <class Fn>
void with_element(DType dtype, const Fn& fn) {
  switch (dtype) {
    case DType::boolean:
    case DType::uint8:
      return fn(uint8_t());
    case DType::int8:
      return fn(int8_t());
    case DType::int16:
      return fn(int16_t());
    case DType::int32:
      return fn(int32_t());
    case DType::int64:
      return fn(int64_t());
    case DType::float32:
      return fn(float());
    default:
      return fn(double());
  }
}

// A type as wide as the elements, for kernels that only move them.
template <class Fn>
void with_width(DType dtype, const Fn& fn) {
  switch (dtype_size(dtype)) {
    case 1:
      return fn(uint8_t());
    case 2:
      return fn(uint16_t());
    case 4:
      return fn(uint32_t());
    default:
      return fn(uint64_t());
  }
}

}  // namespace pyneural::cuda
