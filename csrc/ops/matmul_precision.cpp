#include "ops/matmul_precision.h"

#include <atomic>
#include <stdexcept>

#include "core/backend.h"
#include "core/error.h"

namespace pyneural::ops {

namespace {

std::atomic<MatMulPrecision> precision_of_process{MatMulPrecision::float32};

}  // namespace

MatMulPrecision matmul_precision() { return precision_of_process; }

void set_matmul_precision(MatMulPrecision precision) {
  constexpr int kOldest = 80;
  if (precision != MatMulPrecision::float32) {
    for (const DeviceInfo& info : cuda_devices()) {
      if (info.compute_capability >= kOldest) continue;
      throw std::runtime_error(concat("Products in tf32 or bf16 need GPUs of compute capability 8.0 or newer, but ",
                                      device_name(info.device), " (", info.name, ") has ",
                                      info.compute_capability / 10.0, ". The precision stays as it was."));
    }
  }
  precision_of_process = precision;
}

}  // namespace pyneural::ops
