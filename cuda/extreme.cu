// argmax and argmin along any axis, for every dtype.
#include "cuda/reduce.cuh"
#include "ops/reduce_params.h"

namespace pyneural::cuda {
namespace {

template <class T>
struct alignas(sizeof(T) < 4 ? 4 : sizeof(T)) Candidate {
  T value;
  int32_t index;  // none: that of the neutral element
};
constexpr int32_t kNone = INT32_MAX;

// The first of equals wins; the first NaN wins over numbers.
template <bool kMax, class T>
struct ArgExtreme {
  using Value = Candidate<T>;
  using Run = Candidate<T>;
  using Total = Candidate<T>;
  using Next = ArgExtreme;
  template <class A>
  static __device__ __forceinline__ A neutral() {
    return {T{}, kNone};
  }
  template <class A>
  static __device__ __forceinline__ A join(A a, A b) {
    if (a.index == kNone) return b;
    if (b.index == kNone) return a;
    const bool better = (kMax ? b.value > a.value : b.value < a.value) || (b.value != b.value && a.value == a.value);
    const bool worse = (kMax ? b.value < a.value : b.value > a.value) || (a.value != a.value && b.value == b.value);
    return better || (!worse && b.index < a.index) ? b : a;
  }
  static __device__ __forceinline__ Run one(Value x) { return x; }
  static __device__ __forceinline__ Total widen(Run run) { return run; }
};

template <class T>
struct IndexedElements {
  using Element = T;
  const T* x;

  bool is_aligned_to(size_t bytes) const { return is_aligned(x, bytes); }
  template <int kPack>
  __device__ __forceinline__ IndexedElements cursor(int64_t, int64_t) const {
    return *this;
  }
  template <int kPack, bool kAligned, int kAlong>
  __device__ __forceinline__ Pack<Candidate<T>, kPack> load(int64_t at, int64_t i) const {
    const Pack<T, kPack> elements = load_pack<kPack, kAligned>(x + at);
    Pack<Candidate<T>, kPack> result;
#pragma unroll
    for (int v = 0; v < kPack; ++v) result.values[v] = {elements.values[v], static_cast<int32_t>(i) + kAlong * v};
    return result;
  }
};

struct WriteIndex {
  int32_t* y;
  template <class Total>
  __device__ __forceinline__ void operator()(int64_t i, Total total) const {
    y[i] = total.index;
  }
};

template <bool kMax>
void arg_reduce(const KernelArgs& args, Scratch& scratch) {
  const View &x = args.in[0], &y = args.out[0];
  with_element(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    reduce_axes<ArgExtreme<kMax, T>>(stream_of(args), x, IndexedElements<T>{x.as<const T>()},
                                     1u << args.param<ArgReduceParams>().axis, y.size, WriteIndex{y.as<int32_t>()},
                                     scratch);
  });
}

}  // namespace

PN_KERNELS(extreme, {"argmax", run_with_scratch<arg_reduce<true>>, scratch_bytes<arg_reduce<true>>},
           {"argmin", run_with_scratch<arg_reduce<false>>, scratch_bytes<arg_reduce<false>>})
}  // namespace pyneural::cuda
