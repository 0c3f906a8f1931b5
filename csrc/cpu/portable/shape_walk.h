// How the ops that move elements walk their tensors, on every device.
#pragma once

#include <cstring>

#include "cpu/portable/strided_copy.h"
#include "ops/shape_params.h"

namespace pyneural::cpu::portable {

// Row-major strides of a tensor, in elements.
struct Strides {
  int64_t of[kMaxRank];
  explicit Strides(const View& view) {
    int64_t stride = 1;
    for (int i = view.rank - 1; i >= 0; --i) {
      of[i] = stride;
      stride *= view.dims[i];
    }
  }
};

inline StridedCopy broadcast_walk(const View& x, const View& y) {
  const Strides from(x), to(y);
  const int missing = y.rank - x.rank;
  StridedCopy copy;
  for (int i = 0; i < y.rank; ++i) {
    const bool repeated = i < missing || x.dims[i - missing] == 1;
    copy.add(y.dims[i], repeated ? 0 : from.of[i - missing], to.of[i]);
  }
  return copy;
}

// `first` becomes the offset of the first byte that is read.
inline StridedCopy slice_walk(const View& x, const View& y, const SliceParams& params, int64_t* first) {
  const Strides from(x), to(y);
  StridedCopy copy;
  *first = 0;
  for (int i = 0; i < y.rank; ++i) {
    *first += params.begin[i] * from.of[i] * static_cast<int64_t>(dtype_size(x.dtype));
    copy.add(y.dims[i], params.step[i] * from.of[i], to.of[i]);
  }
  return copy;
}

// The bits of a value in the tensor's own type. Of float16 only zero gets here (infer of `pad`).
inline uint64_t bits_of(double value, DType dtype) {
  uint64_t bits = 0;
  const auto put = [&bits](auto typed) { std::memcpy(&bits, &typed, sizeof(typed)); };
  switch (dtype) {
    case DType::boolean:
      put(static_cast<uint8_t>(value != 0));
      break;
    case DType::float32:
      put(static_cast<float>(value));
      break;
    case DType::float64:
      put(value);
      break;
    case DType::bfloat16: {
      const float single = static_cast<float>(value);
      uint32_t word;
      std::memcpy(&word, &single, sizeof(word));
      put(static_cast<uint16_t>((word + 0x7fff + ((word >> 16) & 1)) >> 16));
      break;
    }
    default:
      put(static_cast<int64_t>(value));  // little endian: the low bytes are the narrower integer
  }
  return bits;
}

}  // namespace pyneural::cpu::portable
