// What kernels that move elements share: the widest unit that a copy can be made of, and division by numbers that the
// host knows.
#pragma once

#include "cuda/kernel.h"

namespace pyneural::cuda {

struct alignas(16) Bytes16 {
  uint32_t words[4];
};

inline uint64_t address_bits(const void* data) { return reinterpret_cast<uintptr_t>(data); }

// fn(Unit()) with the widest unit, of 1 to 16 bytes, that divides all addresses, sizes and strides (in bytes) whose
// bits are joined in `bits`.
template <class Fn>
void with_unit(uint64_t bits, const Fn& fn) {
  if (bits % 16 == 0) return fn(Bytes16());
  if (bits % 8 == 0) return fn(uint64_t());
  if (bits % 4 == 0) return fn(uint32_t());
  if (bits % 2 == 0) return fn(uint16_t());
  fn(uint8_t());
}

// Divides numbers below 2^31 by multiplying (Granlund and Montgomery 1994), which takes two instructions; a division of
// 64 bits takes more than a hundred.
class Divider {
 public:
  Divider() = default;
  explicit Divider(int64_t divisor) : divisor_(divisor < 1 ? 1 : divisor) {
    if (divisor_ >= kSmall) {
      multiplier_ = 0;  // the quotient of small numbers
      return;
    }
    int bits = 0;
    while ((int64_t{1} << bits) < divisor_) ++bits;
    shift_ = 31 + bits;
    multiplier_ = static_cast<uint32_t>(((uint64_t{1} << shift_) + divisor_ - 1) / divisor_);
  }
  __device__ __forceinline__ int64_t quotient(int64_t n) const {
    if (n < kSmall) return static_cast<int64_t>((static_cast<uint64_t>(n) * multiplier_) >> shift_);
    return n / divisor_;
  }
  // For a divisor and an n that are below 2^31 for sure. Returns the quotient.
  __device__ __forceinline__ int divide(int n, int* rest) const {
    const int whole = static_cast<int>((static_cast<uint64_t>(n) * multiplier_) >> shift_);
    *rest = n - whole * static_cast<int>(divisor_);
    return whole;
  }
  // n becomes its quotient; the result is the remainder.
  __device__ __forceinline__ int64_t take_remainder(int64_t& n) const {
    const int64_t whole = quotient(n), rest = n - whole * divisor_;
    n = whole;
    return rest;
  }
  __device__ __forceinline__ int64_t divisor() const { return divisor_; }

 private:
  static constexpr int64_t kSmall = int64_t{1} << 31;
  int64_t divisor_ = 1;
  uint32_t multiplier_ = 0x80000000u, shift_ = 31;
};

// [outer, count, inner] around an axis.
struct Around {
  int64_t outer = 1, count, inner = 1;
  Around(const int64_t* dims, int64_t rank, int64_t axis) : count(dims[axis]) {
    for (int64_t i = 0; i < axis; ++i) outer *= dims[i];
    for (int64_t i = axis + 1; i < rank; ++i) inner *= dims[i];
  }
};

}  // namespace pyneural::cuda
