// sort, argsort and top_k along the last axis. Tiles are sorted in shared memory; longer rows are then merged, runs of
// twice the length with each launch.
#include "ops/index_params.h"

#include "cuda/scratch.h"
#include "cuda/units.h"

namespace pyneural::cuda {
namespace {

constexpr int kTile = 2048;
constexpr int32_t kNothing = INT32_MAX;  // the index of what fills up a tile

template <class T>
struct Item {
  T value;
  int32_t index;
};

// Ascending, NaN last, or the other way round; equal elements in the order of their positions. What fills up is last.
template <bool kDescending, class T>
__device__ __forceinline__ bool before(const Item<T>& a, const Item<T>& b) {
  if (a.index == kNothing || b.index == kNothing) return a.index < b.index;
  const auto less = [](T x, T y) { return x < y || (y != y && x == x); };
  const bool first = kDescending ? less(b.value, a.value) : less(a.value, b.value);
  const bool second = kDescending ? less(a.value, b.value) : less(b.value, a.value);
  return first || (!second && a.index < b.index);
}

// Where sorted items go: the first `count` of each row, values, indices or both.
template <class T>
struct Sorted {
  T* values;
  int32_t* indices;
  int64_t count;

  __device__ __forceinline__ void put(int64_t row, int64_t place, const Item<T>& item) const {
    if (place >= count) return;
    if (values) values[row * count + place] = item.value;
    if (indices) indices[row * count + place] = item.index;
  }
};

// Bitonic sort (Batcher 1968) of `size` items each, a power of two, several of them side by side in a block.
template <bool kDescending, class T>
__global__ void sort_tiles(const T* x, int64_t rows, int64_t n, int size_bits, Divider by_tiles, Sorted<T> to) {
  PN_SHARED(values, T[kTile]);
  PN_SHARED(indices, int32_t[kTile]);
  const int size = 1 << size_bits, items = size > kBlockThreads ? size : kBlockThreads;
  const int64_t tiles_per_block = items >> size_bits;
  const auto tile_of = [&](int i) { return blockIdx.x * tiles_per_block + (i >> size_bits); };
  for (int i = threadIdx.x; i < items; i += kBlockThreads) {
    int64_t row = tile_of(i);
    const int64_t position = by_tiles.take_remainder(row) * size + (i & (size - 1));
    const bool real = row < rows && position < n;
    values[i] = real ? x[row * n + position] : T{};
    indices[i] = real ? static_cast<int32_t>(position) : kNothing;
  }
  __syncthreads();
  for (int run = 2; run <= size; run *= 2) {
    for (int distance = run / 2; distance > 0; distance /= 2) {
      for (int k = threadIdx.x; k < items / 2; k += kBlockThreads) {
        const int i = 2 * k - (k & (distance - 1)), j = i + distance;
        const Item<T> a{values[i], indices[i]}, b{values[j], indices[j]};
        const bool ascending = ((i & (size - 1)) & run) == 0;
        if (ascending ? before<kDescending>(b, a) : before<kDescending>(a, b)) {
          values[i] = b.value;
          indices[i] = b.index;
          values[j] = a.value;
          indices[j] = a.index;
        }
      }
      __syncthreads();
    }
  }
  for (int i = threadIdx.x; i < items; i += kBlockThreads) {
    int64_t row = tile_of(i);
    const int64_t position = by_tiles.take_remainder(row) * size + (i & (size - 1));
    if (row < rows && position < n) to.put(row, position, {values[i], indices[i]});
  }
}

// Pairs of sorted runs become one: an item moves by as many places as items of the other run come before it.
template <bool kDescending, class T>
__global__ void merge_runs(const T* values, const int32_t* indices, int64_t size, int64_t n, int64_t run, Divider by_n,
                           Sorted<T> to) {
  for (int64_t i = first_item(); i < size; i += item_stride()) {
    int64_t row = i;
    const int64_t position = by_n.take_remainder(row), base = row * n;
    const Item<T> own{values[i], indices[i]};
    const int64_t pair = position / (2 * run) * (2 * run);
    const bool second = position - pair >= run;
    const int64_t other = second ? pair : pair + run;
    int64_t low = other < n ? other : n, high = other + run < n ? other + run : n;
    const int64_t first = low;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (before<kDescending>(Item<T>{values[base + middle], indices[base + middle]}, own)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    to.put(row, (second ? position - run : position) + (low - first), own);
  }
}

int64_t length_of(const View& x) { return x.rank == 0 ? 1 : x.dim(-1); }

template <bool kDescending, class T>
void sort_rows(const KernelArgs& args, const Sorted<T>& result, Scratch& scratch) {
  const View& x = args.in[0];
  if (x.size == 0) return;
  const int64_t n = length_of(x), rows = x.size / n;
  int bits = 1;
  while ((1 << bits) < kTile && (1 << bits) < n) ++bits;
  const int64_t tiles = ceil_div(n, 1 << bits);
  const int items = 1 << bits > kBlockThreads ? 1 << bits : kBlockThreads;
  // Runs go back and forth between two copies.
  Sorted<T> copies[2];
  for (Sorted<T>& copy : copies) {
    copy = tiles > 1 ? Sorted<T>{scratch.take<T>(x.size), scratch.take<int32_t>(x.size), n} : Sorted<T>{};
  }
  if (scratch.measures()) return;
  const Sorted<T>* from = tiles > 1 ? &copies[0] : &result;
  launch(sort_tiles<kDescending, T>, static_cast<unsigned>(ceil_div(rows * tiles, items >> bits)), kBlockThreads, 0,
         stream_of(args), x.as<const T>(), rows, n, bits, Divider(tiles), *from);
  for (int64_t run = kTile; run < n; run *= 2) {
    const Sorted<T>* to = 2 * run >= n ? &result : from == &copies[0] ? &copies[1] : &copies[0];
    launch(merge_runs<kDescending, T>, grid_for(x.size), kBlockThreads, 0, stream_of(args), from->values, from->indices,
           x.size, n, run, Divider(n), *to);
    from = to;
  }
}

void sort(const KernelArgs& args, Scratch& scratch) {
  with_element(args.in[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    sort_rows<false>(args, Sorted<T>{args.out[0].as<T>(), nullptr, length_of(args.in[0])}, scratch);
  });
}
void argsort(const KernelArgs& args, Scratch& scratch) {
  with_element(args.in[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    sort_rows<false>(args, Sorted<T>{nullptr, args.out[0].as<int32_t>(), length_of(args.in[0])}, scratch);
  });
}
void top_k(const KernelArgs& args, Scratch& scratch) {
  with_element(args.in[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    const Sorted<T> result{args.out[0].as<T>(), args.out[1].as<int32_t>(), args.param<TopKParams>().k};
    sort_rows<true>(args, result, scratch);
  });
}

}  // namespace

PN_KERNELS(sort, {"sort", run_with_scratch<sort>, scratch_bytes<sort>},
           {"argsort", run_with_scratch<argsort>, scratch_bytes<argsort>},
           {"top_k", run_with_scratch<top_k>, scratch_bytes<top_k>})
}  // namespace pyneural::cuda
