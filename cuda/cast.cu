// Conversion between all dtypes. The 16-bit floats are converted through float.
#include "cuda/elementwise.cuh"

namespace pyneural::cuda {
namespace {

template <class T>
__device__ __forceinline__ T widen(T x) {
  return x;
}
__device__ __forceinline__ float widen(__half x) { return __half2float(x); }
__device__ __forceinline__ float widen(__nv_bfloat16 x) { return __bfloat162float(x); }

template <class To>
struct Convert {
  template <class From>
  static __device__ __forceinline__ To of(From x) {
    const auto value = widen(x);
    if constexpr (std::is_same_v<To, __half>) {
      return __float2half(static_cast<float>(value));
    } else if constexpr (std::is_same_v<To, __nv_bfloat16>) {
      return __float2bfloat16(static_cast<float>(value));
    } else if constexpr (std::is_floating_point_v<decltype(value)> && sizeof(To) < sizeof(int32_t)) {
      // Through int32, as on a processor: negative numbers wrap around, and do not become 0 in an unsigned type.
      return static_cast<To>(static_cast<int32_t>(value));
    } else {
      return static_cast<To>(value);
    }
  }
};
struct ToBoolean {
  template <class From>
  static __device__ __forceinline__ uint8_t of(From x) {
    return widen(x) != 0;
  }
};

// fn(T()) with the type in which elements are stored.
template <class Fn>
void with_storage(DType dtype, const Fn& fn) {
  if (dtype == DType::float16) return fn(__half());
  if (dtype == DType::bfloat16) return fn(__nv_bfloat16());
  with_element(dtype, fn);
}

void run_cast(const KernelArgs& args) {
  with_storage(args.in[0].dtype, [&](auto from) {
    using From = decltype(from);
    if (args.out[0].dtype == DType::boolean) return run_elementwise<uint8_t, From>(args, ToBoolean());
    with_storage(args.out[0].dtype, [&](auto to) {
      using To = decltype(to);
      run_elementwise<To, From>(args, Convert<To>());
    });
  });
}

}  // namespace

PN_KERNELS(cast, {"cast", run_cast, nullptr})

}  // namespace pyneural::cuda
