// broadcast_to, slice and its gradient, pad, concatenate, pack.
#include <algorithm>
#include <cstring>

#include "cpu/portable/shape_walk.h"
#include "cuda/strided_copy.h"
#include "cuda/units.h"

namespace pyneural::cuda {
namespace {

using cpu::portable::bits_of;

void broadcast_to(const KernelArgs& args) {
  const View &x = args.in[0], &y = args.out[0];
  strided_copy(stream_of(args), y.data, x.data, cpu::portable::broadcast_walk(x, y), dtype_size(x.dtype));
}

void slice(const KernelArgs& args) {
  const View &x = args.in[0], &y = args.out[0];
  if (y.size == 0) return;
  int64_t first;
  const StridedCopy copy = cpu::portable::slice_walk(x, y, args.param<SliceParams>(), &first);
  strided_copy(stream_of(args), y.data, x.as<char>() + first, copy, dtype_size(x.dtype));
}

// ---- a tensor inside a larger one: each element of the large one looks whether an element of the small one lies there

// Along an axis of `dim` positions the small tensor has `count`, at begin + i * step.
struct PlacedAxis {
  int64_t dim, begin, step, count;
};

struct Placement {
  int rank = 0;
  PlacedAxis axes[kMaxRank];

  // A whole axis is one with that before it.
  void add(const PlacedAxis& axis) {
    const bool whole = axis.begin == 0 && axis.count == axis.dim && (axis.step == 1 || axis.dim == 1);
    if (whole && rank > 0 && axes[rank - 1].step == 1) {
      PlacedAxis& outer = axes[rank - 1];
      outer.dim *= axis.dim;
      outer.begin *= axis.dim;
      outer.count *= axis.dim;
    } else {
      axes[rank++] = axis;
    }
  }
};

struct PlacePlan {
  int rank;
  Divider dims[kMaxRank];
  int64_t begin[kMaxRank], step[kMaxRank], count[kMaxRank];

  explicit PlacePlan(const Placement& p) : rank(p.rank) {
    for (int i = 0; i < rank; ++i) {
      dims[i] = Divider(p.axes[i].dim);
      begin[i] = p.axes[i].begin;
      step[i] = p.axes[i].step;
      count[i] = p.axes[i].count;
    }
  }
  // Where in the small tensor, or -1.
  __device__ __forceinline__ int64_t find(int64_t item) const {
    int64_t source = 0, stride = 1;
    bool inside = true;
    for (int i = rank - 1; i >= 0; --i) {
      int64_t position = dims[i].take_remainder(item) - begin[i];
      if (step[i] != 1) {
        const int64_t steps = position / step[i];
        inside &= steps * step[i] == position;
        position = steps;
      }
      inside &= position >= 0 && position < count[i];
      source += position * stride;
      stride *= count[i];
    }
    return inside ? source : -1;
  }
};

template <class Unit>
__global__ void place_units(const Unit* x, Unit* y, int64_t units, Unit outside, PlacePlan plan) {
  for (int64_t i = first_item(); i < units; i += item_stride()) {
    const int64_t source = plan.find(i);
    y[i] = source < 0 ? outside : x[source];
  }
}

// `outside` holds the bits of one element.
void place(const KernelArgs& args, Placement placement, uint64_t outside) {
  const View &x = args.in[0], &y = args.out[0];
  if (y.size == 0) return;
  const int64_t size = static_cast<int64_t>(dtype_size(y.dtype));
  if (placement.rank == 0) placement.add({1, 0, 1, x.size});
  PlacedAxis& inner = placement.axes[placement.rank - 1];
  uint64_t bits = static_cast<uint64_t>((inner.dim | inner.begin | inner.count) * size);
  if (inner.step != 1) bits = static_cast<uint64_t>(size);
  unsigned char repeated[16];
  for (int64_t i = 0; i < 16; i += size) std::memcpy(repeated + i, &outside, static_cast<size_t>(size));
  with_unit(bits | address_bits(x.data) | address_bits(y.data), [&](auto unit) {
    using Unit = decltype(unit);
    std::memcpy(&unit, repeated, sizeof(unit));
    const auto in_units = [size](int64_t elements) { return elements * size / static_cast<int64_t>(sizeof(Unit)); };
    if (static_cast<int64_t>(sizeof(Unit)) > size) {
      inner = {in_units(inner.dim), in_units(inner.begin), 1, in_units(inner.count)};
    }
    const int64_t units = in_units(y.size);
    launch(place_units<Unit>, grid_for(units), kBlockThreads, 0, stream_of(args), x.as<const Unit>(), y.as<Unit>(),
           units, unit, PlacePlan(placement));
  });
}

void slice_grad(const KernelArgs& args) {
  const View &x = args.in[0], &y = args.out[0];
  const SliceParams& params = args.param<SliceParams>();
  Placement placement;
  for (int i = 0; i < y.rank; ++i) placement.add({y.dims[i], params.begin[i], params.step[i], x.dims[i]});
  place(args, placement, 0);
}

void pad(const KernelArgs& args) {
  const View &x = args.in[0], &y = args.out[0];
  const PadParams& params = args.param<PadParams>();
  Placement placement;
  for (int i = 0; i < y.rank; ++i) placement.add({y.dims[i], params.before[i], 1, x.dims[i]});
  place(args, placement, bits_of(params.value, y.dtype));
}

// ---- concatenate

constexpr int kPieces = 64;  // of a launch: their table fits into the parameters of a kernel

template <class Unit>
struct Pieces {
  int count = 0;
  const Unit* data[kPieces];
  int64_t begin[kPieces + 1];  // in the part of a row that the launch writes
};

template <class Unit>
__global__ void join_pieces(Unit* y, int64_t units, int64_t row, Divider width, Pieces<Unit> pieces) {
  for (int64_t i = first_item(); i < units; i += item_stride()) {
    int64_t outer = i;
    const int64_t column = width.take_remainder(outer);
    int low = 0, high = pieces.count - 1;
    while (low < high) {
      const int middle = (low + high + 1) / 2;
      if (pieces.begin[middle] <= column) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    const int64_t begin = pieces.begin[low], own = pieces.begin[low + 1] - begin;
    y[outer * row + column] = pieces.data[low][outer * own + column - begin];
  }
}

void concatenate(const KernelArgs& args) {
  const View& y = args.out[0];
  if (y.size == 0) return;
  const Around around(y.dims, y.rank, args.param<ConcatenateParams>().axis);
  const int axis = static_cast<int>(args.param<ConcatenateParams>().axis);
  const int64_t row_bytes = around.inner * static_cast<int64_t>(dtype_size(y.dtype));
  uint64_t bits = address_bits(y.data);
  for (int k = 0; k < args.num_in; ++k) {
    bits |= static_cast<uint64_t>(args.in[k].dims[axis] * row_bytes) | address_bits(args.in[k].data);
  }
  with_unit(bits, [&](auto zero) {
    using Unit = decltype(zero);
    constexpr int64_t kUnit = sizeof(Unit);
    Unit* to = y.as<Unit>();
    for (int k = 0; k < args.num_in;) {
      Pieces<Unit> pieces;
      int64_t end = 0;
      for (; k < args.num_in && pieces.count < kPieces; ++k) {
        if (args.in[k].size == 0) continue;
        pieces.data[pieces.count] = args.in[k].as<const Unit>();
        pieces.begin[pieces.count++] = end;
        end += args.in[k].dims[axis] * row_bytes / kUnit;
      }
      if (pieces.count == 0) continue;
      pieces.begin[pieces.count] = end;
      const int64_t units = around.outer * end;
      launch(join_pieces<Unit>, grid_for(units), kBlockThreads, 0, stream_of(args), to, units,
             around.count * row_bytes / kUnit, Divider(end), pieces);
      to += end;
    }
  });
}

// ---- pack

struct PackedPieces {
  const void* data[kPieces];
  int64_t bytes[kPieces];
};

template <class Word>
__device__ void copy_words(void* to, const void* from, int64_t bytes) {
  const int64_t words = bytes / static_cast<int64_t>(sizeof(Word));
  for (int64_t i = first_item(); i < words; i += item_stride()) {
    static_cast<Word*>(to)[i] = static_cast<const Word*>(from)[i];
  }
}

// A row of blocks per piece. It copies the piece, unless that lies at its place already, and clears what is between it
// and its neighbour: behind the last one up to `end`, before the others up to the piece before.
__global__ void pack_pieces(char* to, const int64_t* offsets, int first, int64_t before_bytes, int64_t total, bool last,
                            PackedPieces pieces) {
  const int piece = blockIdx.y, k = first + piece;
  const int64_t begin = offsets[k], bytes = pieces.bytes[piece];
  const int64_t before = k == 0 ? 0 : offsets[k - 1] + (piece == 0 ? before_bytes : pieces.bytes[piece - 1]);
  for (int64_t i = before + first_item(); i < begin; i += item_stride()) to[i] = 0;
  if (last && piece + 1 == static_cast<int>(gridDim.y)) {
    for (int64_t i = begin + bytes + first_item(); i < total; i += item_stride()) to[i] = 0;
  }
  const void* from = pieces.data[piece];
  if (bytes == 0 || to + begin == from) return;
  const uint64_t bits = reinterpret_cast<uintptr_t>(to + begin) | reinterpret_cast<uintptr_t>(from) | bytes;
  if (bits % 16 == 0) return copy_words<Bytes16>(to + begin, from, bytes);
  if (bits % 4 == 0) return copy_words<uint32_t>(to + begin, from, bytes);
  copy_words<uint8_t>(to + begin, from, bytes);
}

// The last operand holds the byte offsets of the others.
void pack(const KernelArgs& args) {
  const int count = args.num_in - 1;
  const int64_t total = args.param<PackParams>().total_bytes;
  int64_t before_bytes = 0;
  for (int first = 0; first < count; first += kPieces) {
    const int pieces = std::min(kPieces, count - first);
    PackedPieces table{};
    int64_t largest = 0;
    for (int k = 0; k < pieces; ++k) {
      const View& x = args.in[first + k];
      table.data[k] = x.data;
      table.bytes[k] = x.size * static_cast<int64_t>(dtype_size(x.dtype));
      largest = std::max(largest, table.bytes[k]);
    }
    const dim3 grid(grid_for(largest / 16), static_cast<unsigned>(pieces));
    launch(pack_pieces, grid, kBlockThreads, 0, stream_of(args), args.out[0].as<char>(),
           args.in[count].as<const int64_t>(), first, before_bytes, total, first + pieces == count, table);
    before_bytes = table.bytes[pieces - 1];
  }
}

}  // namespace

PN_KERNELS(shape, {"broadcast_to", broadcast_to, nullptr}, {"slice", slice, nullptr},
           {"slice_grad", slice_grad, nullptr}, {"pad", pad, nullptr}, {"concatenate", concatenate, nullptr},
           {"pack", pack, nullptr})
}  // namespace pyneural::cuda
