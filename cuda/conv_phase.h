// The gradient of a strided convolution's input falls apart into dense convolutions, one for each phase of the stride.
#pragma once

#include <numeric>

#include "cuda/conv_source.cuh"

namespace pyneural::cuda {

// The input positions first + j * stride, whose padded position has the remainder `phase`; they see the taps
// last_tap, last_tap - tap_step, ...
struct ConvPhase {
  WindowAxis window;  // over the output's gradient
  int64_t first, last_tap, tap_step;
};

// Every how many taps have the same phase.
inline int64_t tap_step(const WindowAxis& axis) { return axis.stride / std::gcd(axis.stride, axis.dilation); }

inline ConvPhase phase_of(const WindowAxis& axis, int64_t phase) {
  ConvPhase p{};
  const int64_t s = axis.stride, pad = -axis.offset;
  p.tap_step = tap_step(axis);
  for (int64_t k = 0; k < axis.taps; ++k) {
    if (k * axis.dilation % s != phase) continue;
    p.last_tap = k;
    ++p.window.taps;
  }
  p.first = ((phase - pad) % s + s) % s;
  p.window.source = axis.outputs;
  p.window.outputs = p.first < axis.source ? ceil_div(axis.source - p.first, s) : 0;
  p.window.stride = 1;
  p.window.dilation = axis.dilation * p.tap_step / s;
  p.window.offset = (p.first + pad - p.last_tap * axis.dilation) / s;
  return p;
}

}  // namespace pyneural::cuda
