// Tiles of a matrix product without tensor cores.
#pragma once

#include "cuda/gemm_stage.cuh"

namespace pyneural::cuda {

// Four neighbours, in loads of at most 16 bytes.
template <class T>
__device__ __forceinline__ void load_four(const T* shared, T* to) {
  constexpr int kAtOnce = sizeof(T) > 4 ? 16 / sizeof(T) : 4;
#pragma unroll
  for (int i = 0; i < 4; i += kAtOnce) {
    const auto pack = *reinterpret_cast<const Pack<T, kAtOnce>*>(shared + i);
#pragma unroll
    for (int j = 0; j < kAtOnce; ++j) to[i + j] = pack.values[j];
  }
}

// kM x kN sums over steps of kDepth. The tile belongs to kWarpsM x kWarpsN warps and a warp's part to 4 x 8 lanes,
// which hold blocks of 4 x 4 sums each. kSlices such teams share out the depth of a step, and add up at the end: small
// tiles have warps enough to hide the latency of loads then.
template <class T, int kM, int kN, int kDepth_, int kWarpsM, int kWarpsN, int kSlices_, int kResident_>
class SimtTile {
  static constexpr int kLanesM = 4, kLanesN = 8, kBlock = 4;
  static constexpr int kWarpM = kM / kWarpsM, kWarpN = kN / kWarpsN;
  static constexpr int kBlocksM = kWarpM / (kLanesM * kBlock), kBlocksN = kWarpN / (kLanesN * kBlock);
  static_assert(kBlocksM * kLanesM * kBlock * kWarpsM == kM && kBlocksN * kLanesN * kBlock * kWarpsN == kN);
  static_assert(kDepth_ % kSlices_ == 0);
  static constexpr int kPad = 4;  // keeps packs aligned; few lanes share a bank where a tile is stored across its lines

 public:
  using Element = T;
  using Words = PlainWords<T>;
  static constexpr int kRows = kM, kColumns = kN, kDepth = kDepth_, kSlices = kSlices_, kResident = kResident_;
  static constexpr int kThreads = kWarpsM * kWarpsN * kSlices * kWarp;
  template <int kExtent, bool kAlongDepth>
  using Layout = TileLayout<1, kExtent + kPad, kDepth*(kExtent + kPad)>;

  // The sums of a thread: kSumRows rows of kRuns runs of kRun neighbours.
  static constexpr int kSumRows = kBlocksM * kBlock, kRuns = kBlocksN, kRun = kBlock;
  // Multiply-adds per cycle: few sums to a thread mean more loads from shared memory for each.
  static constexpr double kRate = 128 / (1 + 16.0 / (kSumRows * kRuns * kRun)) * 4 / sizeof(T);

  __device__ __forceinline__ SimtTile() {
    const int team =
        kSlices == 1 ? static_cast<int>(threadIdx.x) : static_cast<int>(threadIdx.x) % (kThreads / kSlices);
    const int warp = team / kWarp, lane = team % kWarp;
    row_ = warp / kWarpsN * kWarpM + lane / kLanesN * kBlock;
    column_ = warp % kWarpsN * kWarpN + lane % kLanesN * kBlock;
#pragma unroll
    for (auto& row : sums_) {
#pragma unroll
      for (auto& run : row) {
#pragma unroll
        for (T& sum : run) sum = 0;
      }
    }
  }

  static __device__ __forceinline__ int slice() { return static_cast<int>(threadIdx.x) / (kThreads / kSlices); }
  __device__ __forceinline__ int row(int i) const { return row_ + i / kBlock * kLanesM * kBlock + i % kBlock; }
  __device__ __forceinline__ int column(int run) const { return column_ + run * kLanesN * kBlock; }

  __device__ __forceinline__ T& sum(int i, int run, int j) { return sums_[i][run][j]; }

  template <class LayoutA, class LayoutB>
  __device__ __forceinline__ void multiply(const T* a_tile, const T* b_tile) {
    constexpr int kOwnDepth = kDepth / kSlices;
    const T* a_at = a_tile + row_ + slice() * kOwnDepth * LayoutA::depth_stride;
    const T* b_at = b_tile + column_ + slice() * kOwnDepth * LayoutB::depth_stride;
#pragma unroll
    for (int k = 0; k < kOwnDepth; ++k) {
      T a[kSumRows], b[kRuns * kRun];
#pragma unroll
      for (int i = 0; i < kBlocksM; ++i) {
        load_four(a_at + k * LayoutA::depth_stride + i * kLanesM * kBlock, a + i * kBlock);
      }
#pragma unroll
      for (int j = 0; j < kBlocksN; ++j) {
        load_four(b_at + k * LayoutB::depth_stride + j * kLanesN * kBlock, b + j * kBlock);
      }
#pragma unroll
      for (int i = 0; i < kSumRows; ++i) {
#pragma unroll
        for (int j = 0; j < kRuns * kRun; ++j) sums_[i][j / kRun][j % kRun] += a[i] * b[j];
      }
    }
  }

 private:
  int row_, column_;
  T sums_[kSumRows][kRuns][kRun];
};

}  // namespace pyneural::cuda
