// The kernel of all element-wise ops: each thread computes packs of up to 16 bytes. Operands are broadcast while they
// are read.
#pragma once

#include <algorithm>
#include <utility>

#include "cuda/broadcast.h"
#include "cuda/pack.cuh"

namespace pyneural::cuda {

// An operand with the shape of the output, or of one element.
struct DenseOperand {
  using Index = int64_t;
  static constexpr int kPacks = 2;  // of a thread: so many accesses in flight fill the queues of the memory

  const void* data;
  bool scalar, aligned;

  // The `count` elements from `first` on; what is left of the pack is zero.
  template <class T, int kPack>
  __device__ __forceinline__ void load(Index first, int count, T (&to)[kPack]) const {
    const T* from = static_cast<const T*>(data);
    if (scalar) {
      const T value = *from;
#pragma unroll
      for (int k = 0; k < kPack; ++k) to[k] = value;
    } else {
      read_pack(from + first, count, aligned, to);
    }
  }
};

// The same for all shapes that are broadcast.
struct AnyOperand : BroadcastOperand {
  using Index = uint32_t;
  static constexpr int kPacks = 1;  // the divisions take registers

  template <class T, int kPack>
  __device__ __forceinline__ void load(Index first, int count, T (&to)[kPack]) const {
    const T* from = static_cast<const T*>(data);
    if (walk == Walk::same) {
      const T value = from[offset_of(first)];
#pragma unroll
      for (int k = 0; k < kPack; ++k) to[k] = value;
    } else if (walk == Walk::run && count == kPack) {
      read_pack(from + offset_of(first), to);
    } else {
#pragma unroll
      for (int k = 0; k < kPack; ++k) to[k] = k < count ? from[offset_of(first + k)] : T();
    }
  }

  // Where element i of the output lies.
  __device__ __forceinline__ uint32_t offset_of(uint32_t i) const {
    auto rest = static_cast<int>(i);
    uint32_t offset = 0;
#pragma unroll 1
    for (int axis = rank - 1; axis > 0; --axis) {
      int index;
      rest = dims[axis].divide(rest, &index);
      offset += static_cast<uint32_t>(index) * strides[axis];
    }
    return offset + static_cast<uint32_t>(rest) * strides[0];
  }
};

// What a thread has read of operand number I.
template <size_t I, class T, int kPacks, int kPack>
struct Loaded {
  T values[kPacks][kPack];
};

// out[i] = fn.of(in0[i], in1[i], ...) for elements of types Out and In.
template <class Source, class F, class Out, class... In>
struct Elementwise {
  using Index = typename Source::Index;
  static constexpr int kMostElements = 8;  // of a pack: each takes a register, however narrow it is
  static constexpr int kPack =
      std::min(kMostElements, kPackBytes / static_cast<int>(std::max({sizeof(Out), sizeof(In)...})));
  static constexpr int kPacks = Source::kPacks;
  static constexpr int kTile = kBlockThreads * kPacks * kPack;

  F fn;
  Out* out;
  Index size;
  bool aligned;
  Source in[sizeof...(In)];

  __device__ __forceinline__ void run() const { run(std::index_sequence_for<In...>()); }

 private:
  template <size_t... I>
  __device__ __forceinline__ void run(std::index_sequence<I...>) const {
    struct : Loaded<I, In, kPacks, kPack>... {
    } loaded;
    // All reads come before the first write: the output may be an operand.
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      const int count = count_from(begin_of(p));
      if (count > 0) {
        (in[I].load(begin_of(p), count, static_cast<Loaded<I, In, kPacks, kPack>&>(loaded).values[p]), ...);
      }
    }
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      const int count = count_from(begin_of(p));
      if (count == 0) return;
      Out results[kPack];
#pragma unroll
      for (int k = 0; k < kPack; ++k) {
        results[k] = static_cast<Out>(fn.of(static_cast<Loaded<I, In, kPacks, kPack>&>(loaded).values[p][k]...));
      }
      write_pack(out + begin_of(p), count, aligned, results);
    }
  }
  __device__ __forceinline__ Index begin_of(int p) const {
    return static_cast<Index>(blockIdx.x) * kTile + (p * kBlockThreads + threadIdx.x) * kPack;
  }
  __device__ __forceinline__ int count_from(Index begin) const {
    return begin >= size ? 0 : size - begin >= kPack ? kPack : static_cast<int>(size - begin);
  }
};

template <class Source, class F, class Out, class... In>
__global__ void __launch_bounds__(kBlockThreads) elementwise_kernel(Elementwise<Source, F, Out, In...> work) {
  work.run();
}

template <class Source, class Out, class... In, class F, class MakeOperand>
void launch_elementwise(const KernelArgs& args, const View* in, const View& out, F fn, const MakeOperand& make) {
  using Work = Elementwise<Source, F, Out, In...>;
  Work work{fn,
            out.as<Out>(),
            static_cast<typename Source::Index>(out.size),
            is_aligned(out.data, sizeof(Out) * Work::kPack),
            {}};
  for (size_t i = 0; i < sizeof...(In); ++i) work.in[i] = make(in[i], Work::kPack);
  launch(elementwise_kernel<Source, F, Out, In...>, static_cast<unsigned>(ceil_div(out.size, Work::kTile)),
         kBlockThreads, 0, stream_of(args), work);
}

template <class Out, class... In, class F>
void run_elementwise(const KernelArgs& args, F fn) {
  const View& out = args.out[0];
  if (out.size == 0) return;
  bool dense = true;
  for (size_t i = 0; i < sizeof...(In); ++i) dense &= args.in[i].size == out.size || args.in[i].size == 1;
  if (dense) {
    return launch_elementwise<DenseOperand, Out, In...>(args, args.in, out, fn, [](const View& in, int pack) {
      const size_t bytes = static_cast<size_t>(pack) * dtype_size(in.dtype);
      return DenseOperand{in.data, in.size == 1, is_aligned(in.data, bytes)};
    });
  }
  if constexpr (sizeof...(In) > 1) {
    for_small_parts(args.in, sizeof...(In), out, [&](const View* in, const View& part) {
      launch_elementwise<AnyOperand, Out, In...>(args, in, part, fn, [&](const View& operand, int pack) {
        return AnyOperand{make_operand(operand, part, pack)};
      });
    });
  }
}

}  // namespace pyneural::cuda
