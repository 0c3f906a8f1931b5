// The gradient of a strided convolution's input falls apart into dense convolutions, one for each phase of the stride.
#pragma once

#include "cpu/window.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

PN_INLINE int64_t greatest_common_divisor(int64_t a, int64_t b) {
  while (b) {
    const int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

// The input positions first + j * stride, whose padded position has the remainder `phase`; they see the taps
// last_tap, last_tap - tap_step, ...
struct Phase {
  WindowAxis window;  // over the output's gradient
  int64_t first, last_tap, tap_step;
};

PN_INLINE Phase phase_of(const WindowAxis& axis, int64_t phase) {
  Phase p{};
  const int64_t s = axis.stride, pad = -axis.offset;
  p.tap_step = s / greatest_common_divisor(s, axis.dilation);
  for (int64_t k = 0; k < axis.taps; ++k) {
    if (k * axis.dilation % s != phase) continue;
    p.last_tap = k;
    ++p.window.taps;
  }
  p.first = ((phase - pad) % s + s) % s;
  p.window.source = axis.outputs;
  p.window.outputs = p.first < axis.source ? (axis.source - p.first + s - 1) / s : 0;
  p.window.stride = 1;
  p.window.dilation = axis.dilation * p.tap_step / s;
  p.window.offset = (p.first + pad - p.last_tap * axis.dilation) / s;
  return p;
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
