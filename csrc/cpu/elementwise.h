// Element-wise kernels are loops over contiguous blocks (BlockFn). run_elementwise() splits the work and lays out
// operands that are broadcast, so that no op has code of its own for broadcasting.
#pragma once

#include "core/kernel.h"
#include "cpu/vec.h"
#include "ops/elementwise_params.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {

// out[i] = f(in[0][i], in[1][i], ...) for i < n. The output may be one of the inputs.
using BlockFn = void (*)(const void* const* in, void* out, int64_t n, const void* params);

// The loops of one op by dtype; nullptr where the op's shape rule lets no such dtype through.
struct BlockRow {
  BlockFn float32, float64, int32, int64, boolean;
};

PN_INLINE BlockFn pick(const BlockRow& row, DType dtype) {
  switch (dtype) {
    case DType::float32:
      return row.float32;
    case DType::float64:
      return row.float64;
    case DType::int32:
      return row.int32;
    case DType::int64:
      return row.int64;
    default:
      return row.boolean;
  }
}

constexpr int kMaxOperands = kFusedMaxInputs;

// The block function of a fused instruction (float32 and float64).
BlockFn find_block(ElementwiseOp op, DType dtype);
extern const BlockRow unary_blocks[];
extern const BlockRow binary_blocks[];
extern const BlockRow activation_blocks[];  // activations, then their gradients

// Runs fn over the whole output. `temporary_bytes` per element (0 or more) of cache-sized memory are passed to fn as
// in[num_in], of which each block has kBlock elements.
constexpr int64_t kBlock = 512;  // a dozen operands of float32 fit into half of the L1 cache
void run_elementwise(const KernelArgs& args, BlockFn fn, double flops_per_element, int64_t temporary_bytes = 0);

namespace {

template <class T>
constexpr bool kIsReal = false;
template <>
constexpr bool kIsReal<float> = true;
template <>
constexpr bool kIsReal<double> = true;

template <class F, class T>
concept HasLanes = kIsReal<T> && (requires(Vec<T> v) { F::of(v); } || requires(Vec<T> v) { F::of(v, v); });

// Functors of a few instructions say `static constexpr bool cheap = true`: their loops run several vectors at a time.
template <class F>
constexpr int kVectorsAtATime = 1;
template <class F>
  requires(F::cheap)
constexpr int kVectorsAtATime<F> = 4;

// F::of(x) for vectors if F has that, else for scalars. ivdep: the output is one of the inputs or disjoint from them.
template <class F, class In, class Out>
void unary_block(const void* const* in, void* out, int64_t n, const void*) {
  const In* x = static_cast<const In*>(in[0]);
  Out* y = static_cast<Out*>(out);
  if constexpr (HasLanes<F, In>) {
    constexpr int64_t lanes = kLanes<In>, step = kVectorsAtATime<F> * lanes;
    int64_t i = 0;
    for (; i + step <= n; i += step) {
      for (int64_t k = 0; k < step; k += lanes) store(y + i + k, F::of(load(x + i + k)));
    }
    for (; step > lanes && i + lanes <= n; i += lanes) store(y + i, F::of(load(x + i)));
    const int rest = static_cast<int>(n - i);
    if (rest) store_first(y + i, F::of(load_first(x + i, rest)), rest);
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] = static_cast<Out>(F::of(x[i]));
  }
}

template <class F, class In, class Out>
void binary_block(const void* const* in, void* out, int64_t n, const void*) {
  const In* a = static_cast<const In*>(in[0]);
  const In* b = static_cast<const In*>(in[1]);
  Out* y = static_cast<Out*>(out);
  if constexpr (HasLanes<F, In> && sizeof(In) == sizeof(Out)) {
    constexpr int64_t lanes = kLanes<In>, step = kVectorsAtATime<F> * lanes;
    int64_t i = 0;
    for (; i + step <= n; i += step) {
      for (int64_t k = 0; k < step; k += lanes) store(y + i + k, F::of(load(a + i + k), load(b + i + k)));
    }
    for (; step > lanes && i + lanes <= n; i += lanes) store(y + i, F::of(load(a + i), load(b + i)));
    const int rest = static_cast<int>(n - i);
    if (rest) store_first(y + i, F::of(load_first(a + i, rest), load_first(b + i, rest)), rest);
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] = static_cast<Out>(F::of(a[i], b[i]));
  }
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
