// Rows that are read, reduced and written again: softmax, cross-entropies, normalization. One to 32 lanes or a block
// share a row and keep it in registers; only rows that are too long for that, or whose elements do not lie side by
// side, are read anew for each step.
#pragma once

#include <initializer_list>

#include "cuda/pack.cuh"
#include "cuda/reducers.cuh"
#include "cuda/units.h"

namespace pyneural::cuda {

// The lanes of a row.
struct RowLanes {
  int lane, bits;  // 2^bits lanes: at most a warp, or the block

  __device__ __forceinline__ int count() const { return 1 << bits; }

  // In all lanes of the row. All threads of the block must call it.
  template <class Op, class T>
  __device__ __forceinline__ T join(T value, T neutral) const {
    if (count() > kWarp) return reduce_block<Op, kBlockThreads>(value, neutral);
    for (int distance = count() / 2; distance > 0; distance /= 2) {
      value = Op::of(value, shuffle_xor(value, distance));
    }
    return value;
  }
};

template <class T>
struct SoftmaxRow {
  T max;
  T sum;  // of exp(x - max)
};

// kSlots packs of a lane are in registers; 0: none, elements may then be `pitch` apart.
template <class T, int kPack, int kSlots, int kOperands>
class Row {
 public:
  __device__ __forceinline__ Row(const T* a, const T* b, int64_t n, int64_t pitch, RowLanes lanes, bool aligned)
      : a_(a), b_(b), packs_(n / kPack), pitch_(pitch), lanes_(lanes), aligned_(aligned) {
#pragma unroll
    for (int s = 0; s < kSlots; ++s) {
      if (pack_of(s) < packs_) load(pack_of(s), &kept_a_[s], &kept_b_[s]);
    }
  }

  // f(a, b, column) of all elements, for those of the row.
  template <class F>
  __device__ __forceinline__ T sum(const F& f) {
    Accumulator total = 0;
    each([&](Pack<T, kPack>& a, Pack<T, kPack>& b, int64_t column) {
#pragma unroll
      for (int v = 0; v < kPack; ++v) total += f(a.values[v], b.values[v], column + v);
    });
    return static_cast<T>(lanes_.template join<Sum>(total, Accumulator(0)));
  }

  // f(a, b, gamma[column]) gives two numbers.
  template <class F>
  __device__ __forceinline__ Pair<T> sums_with(const T* gamma, const F& f) {
    Pair<Accumulator> total{0, 0};
    each([&](Pack<T, kPack>& a, Pack<T, kPack>& b, int64_t column) {
      const Pack<T, kPack> scale = vector_at(gamma, column, T(1));
#pragma unroll
      for (int v = 0; v < kPack; ++v) {
        const Pair<T> value = f(a.values[v], b.values[v], scale.values[v]);
        total.first += value.first;
        total.second += value.second;
      }
    });
    return {static_cast<T>(lanes_.template join<Sum>(total.first, Accumulator(0))),
            static_cast<T>(lanes_.template join<Sum>(total.second, Accumulator(0)))};
  }

  // The first operand must not be used otherwise afterwards: its exponentials may have taken its place.
  __device__ __forceinline__ SoftmaxRow<T> softmax() {
    if constexpr (kSlots > 0) {
      const T max = largest();
      T sum = 0;
      each([&](Pack<T, kPack>& a, Pack<T, kPack>&, int64_t) {
#pragma unroll
        for (int v = 0; v < kPack; ++v) sum += a.values[v] = std::exp(a.values[v] - max);
      });
      return {max, lanes_.template join<Sum>(sum, T(0))};
    } else {
      return statistics();
    }
  }
  // After softmax(): y = f(exp(a - max)).
  template <class F>
  __device__ __forceinline__ void write_exponentials(T* y, T max, const F& f) {
    write(y, [&](T a, T, int64_t) { return f(kSlots > 0 ? a : std::exp(a - max)); });
  }

  // The same numbers as softmax() gives; leaves the operand alone.
  __device__ __forceinline__ SoftmaxRow<T> statistics() {
    if constexpr (kSlots > 0) {
      const T max = largest();
      return {max, sum([&](T a, T, int64_t) { return std::exp(a - max); })};
    } else {
      // In one pass: the sum is relative to the largest element so far.
      T max = Largest::neutral<T>();
      Accumulator sum = 0;
      each([&](Pack<T, kPack>& a, Pack<T, kPack>&, int64_t) {
#pragma unroll
        for (int v = 0; v < kPack; ++v) {
          const T x = a.values[v];
          if (x > max) {
            sum = sum * std::exp(max - x) + 1;
            max = x;
          } else if (x != Largest::neutral<T>()) {
            sum += std::exp(x - max);
          }
        }
      });
      const T all = lanes_.template join<Max>(max, Largest::neutral<T>());
      sum = max == all ? sum : sum * std::exp(max - all);
      // An infinite maximum makes NaN of the whole row, as it does where max and sum are two steps.
      const Accumulator total = lanes_.template join<Sum>(sum, Accumulator(0)) + (all - all);
      return {all, static_cast<T>(total)};
    }
  }

  // y[column] = f(a, b, column); y may be one of the operands.
  template <class F>
  __device__ __forceinline__ void write(T* y, const F& f) {
    each([&](Pack<T, kPack>& a, Pack<T, kPack>& b, int64_t column) {
      Pack<T, kPack> result;
#pragma unroll
      for (int v = 0; v < kPack; ++v) result.values[v] = f(a.values[v], b.values[v], column + v);
      store(y + column * pitch_, result);
    });
  }

  // y[column] = f(a, b, gamma[column], beta[column]), where these are 1 and 0 if they are not there.
  template <class F>
  __device__ __forceinline__ void write_with(T* y, const T* gamma, const T* beta, const F& f) {
    each([&](Pack<T, kPack>& a, Pack<T, kPack>& b, int64_t column) {
      const Pack<T, kPack> scale = vector_at(gamma, column, T(1)), offset = vector_at(beta, column, T(0));
      Pack<T, kPack> result;
#pragma unroll
      for (int v = 0; v < kPack; ++v) result.values[v] = f(a.values[v], b.values[v], scale.values[v], offset.values[v]);
      store(y + column * pitch_, result);
    });
  }

  // body(slot, place, a, b) for the elements in registers.
  template <class Body>
  __device__ __forceinline__ void for_slots(const Body& body) const {
#pragma unroll
    for (int s = 0; s < kSlots; ++s) {
      if (pack_of(s) >= packs_) continue;
#pragma unroll
      for (int v = 0; v < kPack; ++v) body(s, v, kept_a_[s].values[v], kept_b_[s].values[v]);
    }
  }

  __device__ __forceinline__ T at(int64_t column) const { return a_[column * pitch_]; }  // of the first operand
  __device__ __forceinline__ bool leads() const { return lanes_.lane == 0; }

 private:
  // Lanes of rows that are not in registers sum over many elements.
  using Accumulator = std::conditional_t<kSlots == 0, double, T>;

  __device__ __forceinline__ int64_t pack_of(int slot) const {
    return lanes_.lane + (static_cast<int64_t>(slot) << lanes_.bits);
  }
  __device__ __forceinline__ void load(int64_t pack, Pack<T, kPack>* a, Pack<T, kPack>* b) const {
    const int64_t at = pack * kPack * pitch_;
    if (aligned_) {
      *a = load_pack<kPack, true>(a_ + at);
      if (kOperands > 1) *b = load_pack<kPack, true>(b_ + at);
    } else {
      *a = load_pack<kPack, false>(a_ + at);
      if (kOperands > 1) *b = load_pack<kPack, false>(b_ + at);
    }
  }
  __device__ __forceinline__ void store(T* to, const Pack<T, kPack>& pack) const {
    if (aligned_) {
      store_pack<true>(to, pack);
    } else {
      store_pack<false>(to, pack);
    }
  }
  __device__ __forceinline__ Pack<T, kPack> vector_at(const T* vector, int64_t column, T otherwise) const {
    if (vector && aligned_) return load_pack<kPack, true>(vector + column);
    if (vector) return load_pack<kPack, false>(vector + column);
    Pack<T, kPack> pack;
#pragma unroll
    for (int v = 0; v < kPack; ++v) pack.values[v] = otherwise;
    return pack;
  }
  template <class Body>
  __device__ __forceinline__ void each(const Body& body) {
    if constexpr (kSlots > 0) {
#pragma unroll
      for (int s = 0; s < kSlots; ++s) {
        if (pack_of(s) < packs_) body(kept_a_[s], kept_b_[s], pack_of(s) * kPack);
      }
    } else {
#pragma unroll 4
      for (int64_t pack = lanes_.lane; pack < packs_; pack += lanes_.count()) {
        Pack<T, kPack> a, b{};
        load(pack, &a, &b);
        body(a, b, pack * kPack);
      }
    }
  }
  __device__ __forceinline__ T largest() {
    T max = Largest::neutral<T>();
    each([&](Pack<T, kPack>& a, Pack<T, kPack>&, int64_t) {
#pragma unroll
      for (int v = 0; v < kPack; ++v) max = Max::of(max, a.values[v]);
    });
    return lanes_.template join<Max>(max, Largest::neutral<T>());
  }

  const T *a_, *b_;
  int64_t packs_, pitch_;
  RowLanes lanes_;
  bool aligned_;
  Pack<T, kPack> kept_a_[kSlots > 0 ? kSlots : 1], kept_b_[kSlots > 0 ? kSlots : 1];
};

// op(row, number of the row, offset of its first element, whether the row exists). A row that does not is empty, but
// its threads take part.
template <class Op, class T, int kPack, int kSlots>
__global__ void for_rows(Op op, const T* a, const T* b, int64_t rows, int64_t n, int64_t inner, Divider by_inner,
                         int lane_bits, bool aligned) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * (kBlockThreads >> lane_bits) + (threadIdx.x >> lane_bits);
  const bool real = row < rows;
  int64_t base = row * n;
  if (inner > 1) {
    int64_t outer = row;
    const int64_t column = by_inner.take_remainder(outer);
    base = outer * n * inner + column;
  }
  const RowLanes lanes{static_cast<int>(threadIdx.x) & ((1 << lane_bits) - 1), lane_bits};
  Row<T, kPack, kSlots, Op::kOperands> values(a + base, b + base, real ? n : 0, inner, lanes, aligned);
  op(values, row, base, real);
}

// Whether all that is there may be read and written in packs of 16 bytes.
inline bool are_aligned(std::initializer_list<const void*> operands) {
  for (const void* data : operands) {
    if (!is_aligned(data, 16)) return false;
  }
  return true;
}

constexpr int kFewSlots = 2, kMoreSlots = 8;

constexpr int kBlockBits = 8, kWarpBits = 5;
static_assert(1 << kBlockBits == kBlockThreads && 1 << kWarpBits == kWarp);

// The lanes of a row of `count` packs that has kFewSlots of them in each lane: up to a warp, or a block.
inline int lane_bits_for(int64_t count) {
  int bits = 0;
  while (bits < kWarpBits && (int64_t{kFewSlots} << bits) < count) ++bits;
  return (int64_t{kFewSlots} << bits) < count ? kBlockBits : bits;
}

// Lanes and slots follow from n alone: a row's bits do not depend on its neighbours.
template <class Op, class T>
void launch_rows(cudaStream_t stream, const Op& op, const T* a, const T* b, int64_t rows, int64_t n, int64_t inner,
                 bool aligned) {
  if (rows == 0) return;
  const auto start = [&](auto kernel, int bits, bool wide) {
    const int64_t blocks = ceil_div(rows, kBlockThreads >> bits);
    launch(kernel, static_cast<unsigned>(blocks), kBlockThreads, 0, stream, op, a, b, rows, n, inner, Divider(inner),
           bits, wide);
  };
  if (inner > 1) return start(for_rows<Op, T, 1, 0>, 0, true);
  constexpr int kPack = 16 / static_cast<int>(sizeof(T));
  const bool packs = n % kPack == 0;
  const int64_t count = packs ? n / kPack : n;
  const auto with_slots = [&](auto few, auto more, auto streaming) {
    const bool wide = !packs || aligned;
    const int bits = lane_bits_for(count);
    if (bits <= kWarpBits) return start(few, bits, wide);
    if ((int64_t{kMoreSlots} << kWarpBits) >= count) return start(more, kWarpBits, wide);
    if ((int64_t{kFewSlots} << kBlockBits) >= count) return start(few, kBlockBits, wide);
    if ((int64_t{kMoreSlots} << kBlockBits) >= count) return start(more, kBlockBits, wide);
    start(streaming, kBlockBits, wide);
  };
  if (packs) {
    with_slots(for_rows<Op, T, kPack, kFewSlots>, for_rows<Op, T, kPack, kMoreSlots>, for_rows<Op, T, kPack, 0>);
  } else {
    with_slots(for_rows<Op, T, 1, kFewSlots>, for_rows<Op, T, 1, kMoreSlots>, for_rows<Op, T, 1, 0>);
  }
}

}  // namespace pyneural::cuda
