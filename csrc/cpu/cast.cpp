// Conversion between all dtypes. The 16-bit floats are converted through float.
#include "cpu/elementwise.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

using ConvertFn = void (*)(const void* x, void* y, int64_t n);

PN_INLINE uint32_t bits_of(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof(bits));
  return bits;
}
PN_INLINE float float_of(uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof(x));
  return x;
}

// Multiplying by powers of two moves the exponent, so that denormals need no case of their own.
PN_INLINE float widen(Half h) {
  const uint32_t magnitude = h.bits & 0x7fffu;
  const uint32_t sign = (h.bits & 0x8000u) << 16;
  const float finite = float_of(magnitude << 13) * 0x1p+112f;
  const float x = magnitude >= 0x7c00u ? float_of(0x7f800000u | (magnitude << 13)) : finite;
  return float_of(bits_of(x) | sign);
}
PN_INLINE Half narrow_to(float x, Half*) {
  const uint32_t sign = bits_of(x) >> 16 & 0x8000u;
  const uint32_t magnitude = bits_of(x) & 0x7fffffffu;
  // Normal results: rounds the 13 bits that go, halves to even. 65520 and more carry into infinity.
  const uint32_t rebased = magnitude - (112u << 23);
  const uint32_t normal = (rebased + 0xfffu + (rebased >> 13 & 1u)) >> 13;
  // Denormal results: an addition that rounds at the last bit of a half denormal.
  const uint32_t denormal = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
  uint32_t y = magnitude < (113u << 23) ? denormal : normal;
  y = y > 0x7c00u ? 0x7c00u : y;
  y = magnitude > 0x7f800000u ? 0x7e00u : y;
  return Half{static_cast<uint16_t>(y | sign)};
}
PN_INLINE float widen(BFloat16 b) { return float_of(static_cast<uint32_t>(b.bits) << 16); }
PN_INLINE BFloat16 narrow_to(float x, BFloat16*) {
  const uint32_t bits = bits_of(x);
  const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  return BFloat16{static_cast<uint16_t>(x != x ? (bits >> 16) | 0x40u : rounded)};
}

template <class T>
constexpr bool kIsHalf = false;
template <>
constexpr bool kIsHalf<Half> = true;
template <>
constexpr bool kIsHalf<BFloat16> = true;

template <class From, class To>
void convert(const void* in, void* out, int64_t n) {
  const From* x = static_cast<const From*>(in);
  if constexpr (kIsHalf<From>) {
    float* y = static_cast<float*>(out);
    for (int64_t i = 0; i < n; ++i) y[i] = widen(x[i]);
  } else if constexpr (kIsHalf<To>) {
    To* y = static_cast<To*>(out);
    for (int64_t i = 0; i < n; ++i) y[i] = narrow_to(x[i], static_cast<To*>(nullptr));
  } else if constexpr (sizeof(From) == sizeof(To) && !kIsReal<From> && !kIsReal<To>) {
    __builtin_memcpy(out, in, n * sizeof(To));
  } else {
    To* y = static_cast<To*>(out);
    for (int64_t i = 0; i < n; ++i) y[i] = static_cast<To>(x[i]);
  }
}
template <class From>
void convert_to_boolean(const void* in, void* out, int64_t n) {
  const From* x = static_cast<const From*>(in);
  uint8_t* y = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] != 0;
}

template <class From>
ConvertFn convert_from(DType to) {
  switch (to) {
    case DType::boolean:
      return convert_to_boolean<From>;
    case DType::uint8:
      return convert<From, uint8_t>;
    case DType::int8:
      return convert<From, int8_t>;
    case DType::int16:
      return convert<From, int16_t>;
    case DType::int32:
      return convert<From, int32_t>;
    case DType::int64:
      return convert<From, int64_t>;
    case DType::float64:
      return convert<From, double>;
    default:
      return convert<From, float>;
  }
}

// Neither type is a 16-bit float.
ConvertFn converter(DType from, DType to) {
  switch (from) {
    case DType::boolean:
    case DType::uint8:
      return convert_from<uint8_t>(to);
    case DType::int8:
      return convert_from<int8_t>(to);
    case DType::int16:
      return convert_from<int16_t>(to);
    case DType::int32:
      return convert_from<int32_t>(to);
    case DType::int64:
      return convert_from<int64_t>(to);
    case DType::float64:
      return convert_from<double>(to);
    default:
      return convert_from<float>(to);
  }
}

bool is_half(DType dtype) { return dtype == DType::float16 || dtype == DType::bfloat16; }

void convert_block(const void* x, void* y, int64_t n, DType from, DType to) {
  float wide[kBlock];
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t count = n - i < kBlock ? n - i : kBlock;
    const void* source = static_cast<const char*>(x) + i * dtype_size(from);
    void* target = static_cast<char*>(y) + i * dtype_size(to);
    if (from == DType::float16) convert<Half, float>(source, wide, count);
    if (from == DType::bfloat16) convert<BFloat16, float>(source, wide, count);
    if (is_half(from)) source = wide;
    const DType plain = is_half(from) ? DType::float32 : from;
    if (!is_half(to)) {
      converter(plain, to)(source, target, count);
      continue;
    }
    if (plain != DType::float32) converter(plain, DType::float32)(source, wide, count);
    const float* narrowed = plain == DType::float32 ? static_cast<const float*>(source) : wide;
    if (to == DType::float16) convert<float, Half>(narrowed, target, count);
    if (to == DType::bfloat16) convert<float, BFloat16>(narrowed, target, count);
  }
}

void run_cast(const KernelArgs& args) {
  const View &x = args.in[0], &y = args.out[0];
  const int64_t from_size = dtype_size(x.dtype), to_size = dtype_size(y.dtype);
  constexpr int64_t kGrain = 32 * 1024;
  const double bytes = static_cast<double>(x.size * (from_size + to_size));
  parallel_range(x.size, kGrain, threads_for(0, bytes), [&](int64_t begin, int64_t end) {
    convert_block(x.as<char>() + begin * from_size, y.as<char>() + begin * to_size, end - begin, x.dtype, y.dtype);
  });
}

}  // namespace

PN_KERNELS(cast, {"cast", run_cast, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
