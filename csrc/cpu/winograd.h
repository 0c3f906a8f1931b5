// Convolutions by Winograd's algorithm, and their gradients: single precision, shapes for which winograd_pays().
// Functions of the SIMD level being compiled.
#pragma once

#include "core/dtype.h"
#include "ops/activation_params.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {

// Output i reads the source from i + offset on; it is zero outside [0, source).
struct WinogradAxis {
  int64_t source, outputs, offset;
};
// A convolution of 3 x 3 taps, neither strided nor dilated nor in groups.
struct WinogradShape {
  WinogradAxis h, w;
  int64_t images, channels, filters;
};

struct WinogradConvolution {
  WinogradShape shape;
  const float* x;       // [images, h.source, w.source, channels]
  const float* kernel;  // [3, 3, channels, filters]; or [3, 3, filters, channels], with the taps in reverse order
  bool transposed;      // the latter
  const float* bias;    // [filters] or nullptr
  Activation activation;
  float* y;    // [images, h.outputs, w.outputs, filters], or of each tile its maximum
  bool pools;  // the latter; for even numbers of outputs
};

// `workspace` holds winograd_workspace(shape) bytes.
void winograd(const WinogradConvolution& convolution, void* workspace);
size_t winograd_workspace(const WinogradShape& shape);

// out[3, 3, channels, filters] = sums of the products of x and grad[images, h.outputs, w.outputs, filters].
void winograd_grad_kernel(const WinogradShape& shape, const float* x, const float* grad, float* out, void* workspace);
size_t winograd_grad_kernel_workspace(const WinogradShape& shape);

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
