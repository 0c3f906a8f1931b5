// Operands of integers that say where something lies: labels, indices.
#pragma once

#include "cuda/kernel.h"

namespace pyneural::cuda {

struct Indices {
  const void* data;
  DType dtype;
  int64_t size;

  explicit Indices(const View& view) : data(view.data), dtype(view.dtype), size(view.size) {}
  __device__ __forceinline__ int64_t operator[](int64_t i) const {
    switch (dtype) {
      case DType::uint8:
        return static_cast<const uint8_t*>(data)[i];
      case DType::int8:
        return static_cast<const int8_t*>(data)[i];
      case DType::int16:
        return static_cast<const int16_t*>(data)[i];
      case DType::int32:
        return static_cast<const int32_t*>(data)[i];
      default:
        return static_cast<const int64_t*>(data)[i];
    }
  }
};

// What a kernel needs to report an index out of range.
struct Reporter {
  RunState* state;
  int32_t step;

  explicit Reporter(const KernelArgs& args) : state(args.state), step(args.step) {}

  // Index i lies outside [low, limit). It is reported if it is the first to do so, whatever the order of the threads.
  __device__ void outside(const Indices& indices, int64_t i, int64_t low, int64_t limit) const {
    for (int64_t k = 0; k < i; ++k) {
      if (indices[k] < low || indices[k] >= limit) return;
    }
    report(state, step, Status::index_out_of_range, indices[i], limit, i);
  }
};

}  // namespace pyneural::cuda
