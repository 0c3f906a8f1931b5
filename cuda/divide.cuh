// Division by a number that the host knows, as a multiplication and a shift (Granlund and Montgomery, "Division by
// Invariant Integers using Multiplication", 1994).
#pragma once

#include "cuda/kernel.h"

namespace pyneural::cuda {

// For dividends from 0 to 2^31 - 1.
class FastDivide {
 public:
  FastDivide() = default;
  explicit FastDivide(int64_t divisor) : divisor_(static_cast<uint32_t>(divisor)) {
    // multiplier = ceil(2^(32 + shift) / divisor) with 2^shift < divisor <= 2^(shift + 1)
    while (shift_ < 31 && (uint64_t{2} << shift_) < divisor_) ++shift_;
    if (divisor_ > 1) multiplier_ = static_cast<uint32_t>(((uint64_t{1} << (32 + shift_)) + divisor_ - 1) / divisor_);
  }

  __device__ __forceinline__ int divisor() const { return static_cast<int>(divisor_); }
  __device__ __forceinline__ int quotient(int dividend) const {
    return divisor_ == 1 ? dividend
                         : static_cast<int>(__umulhi(static_cast<uint32_t>(dividend), multiplier_) >> shift_);
  }
  // Returns the quotient.
  __device__ __forceinline__ int divide(int dividend, int* rest) const {
    const int result = quotient(dividend);
    *rest = dividend - result * static_cast<int>(divisor_);
    return result;
  }

 private:
  uint32_t divisor_ = 1, multiplier_ = 0, shift_ = 0;
};

}  // namespace pyneural::cuda
