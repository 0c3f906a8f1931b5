// where and clip.
#include "cuda/elementwise.cuh"

namespace pyneural::cuda {
namespace {

struct Where {
  template <class T>
  static __device__ __forceinline__ T of(uint8_t condition, T yes, T no) {
    return condition ? yes : no;
  }
};

// NaN stays; bounds that cross give the upper one, as in NumPy.
struct Clip {
  template <class T>
  static __device__ __forceinline__ T of(T x, T low, T high) {
    const T raised = x < low || low != low ? low : x;
    return raised > high || high != high ? high : raised;
  }
};

void run_where(const KernelArgs& args) {
  with_width(args.out[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    run_elementwise<T, uint8_t, T, T>(args, Where());
  });
}

void run_clip(const KernelArgs& args) {
  with_number(args.out[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    run_elementwise<T, T, T, T>(args, Clip());
  });
}

}  // namespace

PN_KERNELS(select, {"where", run_where, nullptr}, {"clip", run_clip, nullptr})

}  // namespace pyneural::cuda
