// where and clip.
#include "cpu/elementwise.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// Moves elements, whatever they mean.
template <class T>
void where_block(const void* const* in, void* out, int64_t n, const void*) {
  const uint8_t* condition = static_cast<const uint8_t*>(in[0]);
  const T* yes = static_cast<const T*>(in[1]);
  const T* no = static_cast<const T*>(in[2]);
  T* y = static_cast<T*>(out);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const T a = yes[i], b = no[i];  // both are read, so that the choice needs no branch
    y[i] = condition[i] ? a : b;
  }
}

// NaN stays; bounds that cross give the upper one, as in NumPy.
template <class T>
void clip_block(const void* const* in, void* out, int64_t n, const void*) {
  const T* x = static_cast<const T*>(in[0]);
  const T* low = static_cast<const T*>(in[1]);
  const T* high = static_cast<const T*>(in[2]);
  T* y = static_cast<T*>(out);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const T a = x[i], l = low[i], h = high[i];
    const T raised = a < l || l != l ? l : a;
    y[i] = raised > h || h != h ? h : raised;
  }
}

constexpr BlockRow kClip = {clip_block<float>, clip_block<double>, clip_block<int32_t>, clip_block<int64_t>, nullptr};

void run_where(const KernelArgs& args) {
  switch (dtype_size(args.out[0].dtype)) {
    case 1:
      return run_elementwise(args, where_block<uint8_t>, 1);
    case 2:
      return run_elementwise(args, where_block<uint16_t>, 1);
    case 4:
      return run_elementwise(args, where_block<uint32_t>, 1);
    default:
      return run_elementwise(args, where_block<uint64_t>, 1);
  }
}

void run_clip(const KernelArgs& args) { run_elementwise(args, pick(kClip, args.out[0].dtype), 2); }

}  // namespace

PN_KERNELS(select, {"where", run_where, nullptr}, {"clip", run_clip, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
