// Kernels of the ops that move elements.
#include "cpu/portable/shape_walk.h"

namespace pyneural::cpu::portable {

namespace {

char* at(const View& view, int64_t element) { return view.as<char>() + element * dtype_size(view.dtype); }

void broadcast_to(const KernelArgs& args) {
  const View &x = args.in[0], &y = args.out[0];
  strided_copy(y.data, x.data, broadcast_walk(x, y), dtype_size(x.dtype));
}

void slice(const KernelArgs& args) {
  const View &x = args.in[0], &y = args.out[0];
  if (y.size == 0) return;
  int64_t first;
  const StridedCopy copy = slice_walk(x, y, args.param<SliceParams>(), &first);
  strided_copy(y.data, x.as<char>() + first, copy, dtype_size(x.dtype));
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
