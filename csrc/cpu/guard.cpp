// guard_finite, all_finite, in_range: one read of the operands, and a search for the culprit only if there is one.
#include "ops/guard_params.h"

#include "cpu/lanes.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

constexpr int64_t kGrain = 16384;  // elements a chunk reads

// x * 0 is zero for finite x and NaN otherwise: one FMA per vector, no integer tricks.
template <class T>
bool block_is_finite(const T* x, int64_t begin, int64_t end) {
  const T zeros = sum_lanes<T>(begin, end, [=](int64_t i, auto lanes) PN_LAMBDA { return lanes.load(x + i) * T(0); });
  return zeros == T(0);
}

// Half and bfloat16: the exponent is all ones.
template <uint16_t kExponent>
bool block_is_finite(const uint16_t* bits, int64_t begin, int64_t end) {
  int bad = 0;
  for (int64_t i = begin; i < end; ++i) bad |= (bits[i] & kExponent) == kExponent;
  return !bad;
}

bool range_is_finite(const View& x, int64_t begin, int64_t end) {
  switch (x.dtype) {
    case DType::float32:
      return block_is_finite(x.as<float>(), begin, end);
    case DType::float64:
      return block_is_finite(x.as<double>(), begin, end);
    case DType::float16:
      return block_is_finite<0x7c00>(x.as<uint16_t>(), begin, end);
    case DType::bfloat16:
      return block_is_finite<0x7f80>(x.as<uint16_t>(), begin, end);
    default:
      return true;
  }
}

bool is_finite(const View& x) {
  if (!is_floating(x.dtype)) return true;
  int bad = 0;
  const double bytes = static_cast<double>(x.size) * dtype_size(x.dtype);
  parallel_range(x.size, kGrain, threads_for(0, bytes), [&](int64_t begin, int64_t end) {
    if (!range_is_finite(x, begin, end)) __atomic_store_n(&bad, 1, __ATOMIC_RELAXED);
  });
  return bad == 0;
}

template <class T>
T sum_of_sizes(const View& x) {
  const T* p = x.as<T>();
  return sum_lanes<T>(0, x.size, [=](int64_t i, auto lanes) PN_LAMBDA {
    const Vec<T> v = lanes.load(p + i);
    return vmax(v, -v);  // of NaN: NaN
  });
}

// No element of a matrix product, nor any sum on the way to it, exceeds the product of the sums of its factors' sizes
// by more than rounding: where that is far from the largest number, the product is finite. False says nothing.
template <class T>
bool bounded(const View& a, const View& b, T limit) {
  return sum_of_sizes<T>(a) * sum_of_sizes<T>(b) < limit;
}

bool product_is_bounded(const View& a, const View& b) {
  if (a.dtype == DType::float32) return bounded<float>(a, b, __FLT_MAX__ / 2);
  if (a.dtype == DType::float64) return bounded<double>(a, b, __DBL_MAX__ / 2);
  return false;
}

void guard_finite(const KernelArgs& args) {
  const auto& params = args.param<GuardFiniteParams>();
  bool finite = true;
  const View* factors = args.in + params.values;
  for (int input = 0; input < params.values; ++input) {
    const View& x = args.in[input];
    if (input < 64 && (params.products >> input & 1)) {
      factors += 2;
      if (product_is_bounded(factors[-2], factors[-1])) continue;
    }
    if (is_finite(x)) continue;
    int64_t position = 0;
    while (range_is_finite(x, position, position + 1)) ++position;
    args.state->status = Status::not_finite;
    args.state->value = input;
    args.state->limit = params.values;
    args.state->position = position;
    finite = false;
    break;
  }
  *args.out[0].as<bool>() = finite;
}

void all_finite(const KernelArgs& args) { *args.out[0].as<bool>() = is_finite(args.in[0]); }

// Narrow integers are compared as int64: a bound beyond the type's range must not wrap.
template <class Bound, class T>
int64_t first_outside(const View& view, Bound lo, Bound hi) {
  const T* x = view.as<T>();
  const auto outside = [=](int64_t i)
                           PN_LAMBDA { return !(static_cast<Bound>(x[i]) >= lo && static_cast<Bound>(x[i]) < hi); };
  for (int64_t begin = 0; begin < view.size; begin += kGrain) {
    const int64_t end = begin + kGrain < view.size ? begin + kGrain : view.size;
    int bad = 0;
    for (int64_t i = begin; i < end; ++i) bad |= outside(i);
    for (int64_t i = begin; bad && i < end; ++i) {
      if (outside(i)) return i;
    }
  }
  return -1;
}

int64_t first_outside(const View& x, int64_t lo, int64_t hi) {
  switch (x.dtype) {
    case DType::float32:
      return first_outside<float, float>(x, static_cast<float>(lo), static_cast<float>(hi));
    case DType::float64:
      return first_outside<double, double>(x, static_cast<double>(lo), static_cast<double>(hi));
    case DType::int64:
      return first_outside<int64_t, int64_t>(x, lo, hi);
    case DType::int32:
      return first_outside<int64_t, int32_t>(x, lo, hi);
    case DType::int16:
      return first_outside<int64_t, int16_t>(x, lo, hi);
    case DType::int8:
      return first_outside<int64_t, int8_t>(x, lo, hi);
    default:  // bool and uint8
      return first_outside<int64_t, uint8_t>(x, lo, hi);
  }
}

void in_range(const KernelArgs& args) {
  const auto& p = args.param<InRangeParams>();
  *args.out[0].as<int64_t>() = first_outside(args.in[0], p.lo, p.hi);
}

}  // namespace

PN_KERNELS(guard, {"guard_finite", guard_finite, nullptr}, {"all_finite", all_finite, nullptr},
           {"in_range", in_range, nullptr})
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
