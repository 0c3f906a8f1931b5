// Numbers so small that processors compute with them in a slow way.
#pragma once

#include "cpu/vec.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// While it lives, the calling thread reads and writes zero in place of subnormal numbers.
class SubnormalsAreZero {
 public:
  SubnormalsAreZero() : before_(read()) { write(before_ | kFlush); }
  ~SubnormalsAreZero() { write(before_); }
  SubnormalsAreZero(const SubnormalsAreZero&) = delete;
  SubnormalsAreZero& operator=(const SubnormalsAreZero&) = delete;

 private:
  // The barriers keep loads and stores of numbers on their side.
#if defined(__x86_64__)
  using Control = uint32_t;
  static constexpr Control kFlush = 0x8040;  // results, and operands
  static Control read() { return _mm_getcsr(); }
  static void write(Control control) {
    asm volatile("" ::: "memory");
    _mm_setcsr(control);
    asm volatile("" ::: "memory");
  }
#elif defined(__aarch64__)
  using Control = uint64_t;
  static constexpr Control kFlush = 1 << 24;
  static Control read() {
    Control control;
    asm volatile("mrs %0, fpcr" : "=r"(control));
    return control;
  }
  static void write(Control control) { asm volatile("msr fpcr, %0" ::"r"(control) : "memory"); }
#else
  using Control = int;
  static constexpr Control kFlush = 0;
  static Control read() { return 0; }
  static void write(Control) {}
#endif
  Control before_;
};

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
