#include "cuda/strided_copy.h"

#include <algorithm>

#include "cuda/units.h"

namespace pyneural::cuda {
namespace {

constexpr int64_t kPackBytes = 16;
// Below so many rows or columns most of a tile would be empty: caches serve such a transpose better.
constexpr int64_t kTileMinimum = 16;

struct CopyPlan {
  int rank = 0;
  Divider dims[kMaxRank];
  int64_t from[kMaxRank], to[kMaxRank];

  // `shared` axes from the slowest on.
  CopyPlan(const StridedCopy& copy, int shared) : rank(shared) {
    for (int i = 0; i < rank; ++i) {
      dims[i] = Divider(copy.dims[i]);
      from[i] = copy.from[i];
      to[i] = copy.to[i];
    }
  }
  __device__ __forceinline__ void find(int64_t item, int64_t* from_offset, int64_t* to_offset) const {
    *from_offset = *to_offset = 0;
    for (int i = rank - 1; i >= 0; --i) {
      const int64_t position = dims[i].take_remainder(item);
      *from_offset += position * from[i];
      *to_offset += position * to[i];
    }
  }
};

// Items are packs of kPack elements, contiguous in the destination and `step` apart in the source.
template <class T, int kPack>
__global__ void copy_packs(T* to, const T* from, int64_t items, int64_t step, CopyPlan plan) {
  for (int64_t i = first_item(); i < items; i += item_stride()) {
    int64_t source, target;
    plan.find(i, &source, &target);
    Pack<T, kPack> pack;
#pragma unroll
    for (int k = 0; k < kPack; ++k) pack.values[k] = from[source + k * step];
    *reinterpret_cast<Pack<T, kPack>*>(to + target) = pack;
  }
}

// Tiles are as wide as a warp can load and store 128 bytes, or for narrow elements 64 of them.
template <class T>
constexpr int kTileSize = sizeof(T) <= 2 ? 64 : 32;

template <class T>
__global__ void copy_transposed(T* to, const T* from, int64_t tiles, int64_t columns, int64_t rows, int64_t to_stride,
                                int64_t from_stride, Divider tile_columns, Divider tile_rows, CopyPlan plan) {
  constexpr int kTile = kTileSize<T>, kStep = kBlockThreads / kTile;
  constexpr int kPadding = sizeof(T) < 4 ? 4 / sizeof(T) : 1;  // an odd number of words: a column meets all banks
  PN_SHARED(tile, T[kTile][kTile + kPadding]);
  const int x = threadIdx.x % kTile, y = threadIdx.x / kTile;
  for (int64_t i = blockIdx.x; i < tiles; i += gridDim.x) {
    int64_t outer = i;
    const int64_t row = tile_rows.take_remainder(outer) * kTile;
    const int64_t column = tile_columns.take_remainder(outer) * kTile;
    int64_t source, target;
    plan.find(outer, &source, &target);
    source += row * from_stride + column;
    target += column * to_stride + row;
#pragma unroll
    for (int r = y; r < kTile; r += kStep) {
      if (row + r < rows && column + x < columns) tile[r][x] = from[source + r * from_stride + x];
    }
    __syncthreads();
#pragma unroll
    for (int c = y; c < kTile; c += kStep) {
      if (column + c < columns && row + x < rows) to[target + c * to_stride + x] = tile[x][c];
    }
    __syncthreads();
  }
}

int64_t count_of(const StridedCopy& copy) {
  int64_t count = 1;
  for (int i = 0; i < copy.rank; ++i) count *= copy.dims[i];
  return count;
}

template <class T, int kPack>
void launch_packs(cudaStream_t stream, void* to, const void* from, StridedCopy copy) {
  const int inner = copy.rank - 1;
  const int64_t step = copy.from[inner];
  copy.dims[inner] /= kPack;
  copy.from[inner] *= kPack;
  copy.to[inner] *= kPack;
  const int64_t items = count_of(copy);
  launch(copy_packs<T, kPack>, grid_for(items), kBlockThreads, 0, stream, static_cast<T*>(to),
         static_cast<const T*>(from), items, step, CopyPlan(copy, copy.rank));
}

// Runs that are contiguous on both sides, in the widest units.
void copy_runs(cudaStream_t stream, void* to, const void* from, StridedCopy copy, int64_t size) {
  const int inner = copy.rank - 1;
  uint64_t bits = address_bits(to) | address_bits(from) | static_cast<uint64_t>(copy.dims[inner] * size);
  for (int i = 0; i < inner; ++i) bits |= static_cast<uint64_t>(copy.from[i] * size | copy.to[i] * size);
  with_unit(bits, [&](auto zero) {
    using Unit = decltype(zero);
    const auto in_units = [size](int64_t elements) { return elements * size / static_cast<int64_t>(sizeof(Unit)); };
    copy.dims[inner] = in_units(copy.dims[inner]);
    for (int i = 0; i < inner; ++i) {
      copy.from[i] = in_units(copy.from[i]);
      copy.to[i] = in_units(copy.to[i]);
    }
    launch_packs<Unit, 1>(stream, to, from, copy);
  });
}

// The last axis is contiguous in the destination, `axis` in the source.
template <class T>
void transpose_tiles(cudaStream_t stream, void* to, const void* from, StridedCopy copy, int axis) {
  const int last = copy.rank - 1;
  constexpr int kTile = kTileSize<T>;
  const int64_t columns = copy.dims[axis], rows = copy.dims[last];
  const int64_t to_stride = copy.to[axis], from_stride = copy.from[last];
  for (int64_t* list : {copy.dims, copy.from, copy.to}) std::rotate(list + axis, list + axis + 1, list + last);
  copy.rank -= 2;
  const int64_t tiles = count_of(copy) * ceil_div(columns, kTile) * ceil_div(rows, kTile);
  launch(copy_transposed<T>, grid_for(tiles, 1), kBlockThreads, 0, stream, static_cast<T*>(to),
         static_cast<const T*>(from), tiles, columns, rows, to_stride, from_stride, Divider(ceil_div(columns, kTile)),
         Divider(ceil_div(rows, kTile)), CopyPlan(copy, copy.rank));
}

template <class T>
void copy_elements(cudaStream_t stream, void* to, const void* from, const StridedCopy& copy) {
  constexpr int64_t kPack = kPackBytes / static_cast<int64_t>(sizeof(T));
  const int inner = copy.rank - 1;
  const int64_t step = copy.from[inner];
  for (int i = 0; i < inner && copy.to[inner] == 1 && step != 0; ++i) {
    if (copy.from[i] == 1 && copy.dims[i] >= kTileMinimum && copy.dims[inner] >= kTileMinimum) {
      return transpose_tiles<T>(stream, to, from, copy, i);
    }
  }
  // A pack of one element repeated or of neighbours in reverse; strided elements are loaded side by side by a warp.
  bool packs = (step == 0 || step == -1) && copy.to[inner] == 1 && copy.dims[inner] % kPack == 0;
  for (int i = 0; i < inner; ++i) packs &= copy.to[i] % kPack == 0;
  if (packs && is_aligned(to, kPackBytes)) return launch_packs<T, kPack>(stream, to, from, copy);
  launch_packs<T, 1>(stream, to, from, copy);
}

}  // namespace

void strided_copy(cudaStream_t stream, void* to, const void* from, const StridedCopy& given, size_t element_size) {
  const StridedCopy copy = cpu::portable::simplify(given);
  if (count_of(copy) == 0) return;
  const int inner = copy.rank - 1;
  if (copy.from[inner] == 1 && copy.to[inner] == 1) {
    return copy_runs(stream, to, from, copy, static_cast<int64_t>(element_size));
  }
  switch (element_size) {
    case 1:
      return copy_elements<uint8_t>(stream, to, from, copy);
    case 2:
      return copy_elements<uint16_t>(stream, to, from, copy);
    case 4:
      return copy_elements<uint32_t>(stream, to, from, copy);
    default:
      return copy_elements<uint64_t>(stream, to, from, copy);
  }
}

}  // namespace pyneural::cuda
