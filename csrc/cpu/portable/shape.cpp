// Kernels of the ops that move elements.
#include <cstring>

#include "cpu/portable/strided_copy.h"
#include "ops/shape_params.h"

namespace pyneural::cpu::portable {

namespace {

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

char* at(const View& view, int64_t element) { return view.as<char>() + element * dtype_size(view.dtype); }

void broadcast_to(const KernelArgs& args) {
  const View &x = args.in[0], &y = args.out[0];
  const Strides from(x), to(y);
  const int missing = y.rank - x.rank;
  StridedCopy copy;
  for (int i = 0; i < y.rank; ++i) {
    const bool repeated = i < missing || x.dims[i - missing] == 1;
    copy.add(y.dims[i], repeated ? 0 : from.of[i - missing], to.of[i]);
  }
  strided_copy(y.data, x.data, copy, dtype_size(x.dtype));
}

void slice(const KernelArgs& args) {
  const View &x = args.in[0], &y = args.out[0];
  const SliceParams& params = args.param<SliceParams>();
  if (y.size == 0) return;
  const Strides from(x), to(y);
  StridedCopy copy;
  int64_t first = 0;
  for (int i = 0; i < y.rank; ++i) {
    first += params.begin[i] * from.of[i];
    copy.add(y.dims[i], params.step[i] * from.of[i], to.of[i]);
  }
  strided_copy(y.data, at(x, first), copy, dtype_size(x.dtype));
}

// Writes x into the positions of y that the slice had read.
void place(const View& x, const View& y, const int64_t* begin, const int64_t* step) {
  if (x.size == 0) return;
  const Strides from(x), to(y);
  StridedCopy copy;
  int64_t first = 0;
  for (int i = 0; i < y.rank; ++i) {
    first += begin[i] * to.of[i];
    copy.add(x.dims[i], from.of[i], step[i] * to.of[i]);
  }
  strided_copy(at(y, first), x.data, copy, dtype_size(x.dtype));
}

void slice_grad(const KernelArgs& args) {
  const View& y = args.out[0];
  const SliceParams& params = args.param<SliceParams>();
  const uint64_t zero = 0;
  fill(y.data, y.size, &zero, dtype_size(y.dtype));
  place(args.in[0], y, params.begin, params.step);
}

// The fill value in the tensor's own type; half types are written by the caller's cast.
uint64_t bits_of(double value, DType dtype) {
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

void pad(const KernelArgs& args) {
  const View &x = args.in[0], &y = args.out[0];
  const PadParams& params = args.param<PadParams>();
  const uint64_t value = bits_of(params.value, y.dtype);
  fill(y.data, y.size, &value, dtype_size(y.dtype));
  int64_t step[kMaxRank];
  for (int64_t& s : step) s = 1;
  place(x, y, params.before, step);
}

void concatenate(const KernelArgs& args) {
  const View& y = args.out[0];
  const int axis = static_cast<int>(args.param<ConcatenateParams>().axis);
  int64_t outer = 1, inner = 1, first = 0;
  for (int i = 0; i < axis; ++i) outer *= y.dims[i];
  for (int i = axis + 1; i < y.rank; ++i) inner *= y.dims[i];
  const int64_t row = y.dims[axis] * inner;
  for (int k = 0; k < args.num_in; ++k) {
    const View& x = args.in[k];
    const int64_t width = x.dims[axis] * inner;
    StridedCopy copy;
    copy.add(outer, width, row);
    copy.add(width, 1, 1);
    strided_copy(at(y, first), x.data, copy, dtype_size(y.dtype));
    first += width;
  }
}

// The last operand holds the byte offsets of the others. What already lies in its place is left alone.
void pack(const KernelArgs& args) {
  char* to = args.out[0].as<char>();
  const View& offsets = args.in[args.num_in - 1];
  int64_t end = 0;
  for (int k = 0; k + 1 < args.num_in; ++k) {
    const View& x = args.in[k];
    const int64_t offset = offsets.as<int64_t>()[k], bytes = x.size * static_cast<int64_t>(dtype_size(x.dtype));
    std::memset(to + end, 0, offset - end);
    if (bytes > 0 && to + offset != x.data) std::memcpy(to + offset, x.data, bytes);
    end = offset + bytes;
  }
  std::memset(to + end, 0, args.param<PackParams>().total_bytes - end);
}

}  // namespace

PN_KERNELS(shape, {"broadcast_to", broadcast_to, nullptr}, {"slice", slice, nullptr},
           {"slice_grad", slice_grad, nullptr}, {"pad", pad, nullptr}, {"concatenate", concatenate, nullptr},
           {"pack", pack, nullptr})

}  // namespace pyneural::cpu::portable
