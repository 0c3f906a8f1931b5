// Tiles of a matrix product on tensor cores: operands rounded to TF32 or BF16, sums in float32.
#pragma once

#include "cuda/gemm_stage.cuh"

namespace pyneural::cuda {

// kM x kN sums over steps of kDepth. A warp has kM / kWarpsM x kN / kWarpsN of them, in fragments of 16 x 8. A word is
// one TF32 or a pair of BF16 numbers: a fragment spans 8 words of depth either way.
template <class Words_, int kM, int kN, int kDepth_, int kWarpsM, int kWarpsN, int kResident_>
class TensorTile {
  static constexpr int kFragmentM = 16, kFragmentN = 8, kFragmentWords = 8;
  static constexpr int kWarpM = kM / kWarpsM, kWarpN = kN / kWarpsN;
  static constexpr int kFragmentsM = kWarpM / kFragmentM, kFragmentsN = kWarpN / kFragmentN;
  static constexpr int kDepthWords = kDepth_ / Words_::kPair;
  static_assert(kDepthWords % kFragmentWords == 0);

 public:
  using Element = float;
  using Words = Words_;
  using Word = typename Words_::Word;
  static constexpr int kRows = kM, kColumns = kN, kDepth = kDepth_, kSlices = 1, kResident = kResident_;
  static constexpr int kThreads = kWarpsM * kWarpsN * kWarp;
  // The 32 words of 8 rows and 4 depths, which a fragment takes at a time, lie in 32 banks: lines along the depth are 4
  // modulo 8 words apart, lines along the rows 8 modulo 32.
  template <int kExtent, bool kAlongDepth>
  using Layout = std::conditional_t<kAlongDepth, TileLayout<kDepthWords + 4, 1, kExtent*(kDepthWords + 4)>,
                                    TileLayout<1, kExtent + 8, kDepthWords*(kExtent + 8)>>;

  static constexpr int kSumRows = 2 * kFragmentsM, kRuns = kFragmentsN, kRun = 2;
  // Multiply-adds per cycle: of mma.sync on a Hopper multiprocessor, less what the loads of fragments cost, a cycle for
  // each register.
  static constexpr double kRate =
      Words::kPair / (1 / 640.0 + (4 * kFragmentsM + 2 * kFragmentsN) / (1024.0 * kFragmentsM * kFragmentsN));

  __device__ __forceinline__ TensorTile() {
    const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
    group_ = lane / 4;
    place_ = lane % 4;
    row_ = warp / kWarpsN * kWarpM;
    column_ = warp % kWarpsN * kWarpN;
#pragma unroll
    for (auto& line : sums_) {
#pragma unroll
      for (auto& fragment : line) {
#pragma unroll
        for (float& sum : fragment) sum = 0;
      }
    }
  }

  static __device__ __forceinline__ int slice() { return 0; }
  __device__ __forceinline__ int row(int i) const { return row_ + group_ + i * (kFragmentM / 2); }
  __device__ __forceinline__ int column(int run) const { return column_ + run * kFragmentN + 2 * place_; }
  __device__ __forceinline__ float& sum(int i, int run, int j) { return sums_[i / 2][run][i % 2 * 2 + j]; }

  template <class LayoutA, class LayoutB>
  __device__ __forceinline__ void multiply(const Word* a_tile, const Word* b_tile) {
    const Word* a_at = a_tile + (row_ + group_) * LayoutA::outer_stride + place_ * LayoutA::depth_stride;
    const Word* b_at = b_tile + (column_ + group_) * LayoutB::outer_stride + place_ * LayoutB::depth_stride;
#pragma unroll
    for (int k = 0; k < kDepthWords; k += kFragmentWords) {
      uint32_t a[kFragmentsM][4], b[kFragmentsN][2];
#pragma unroll
      for (int i = 0; i < kFragmentsM; ++i) {
#pragma unroll
        for (int part = 0; part < 4; ++part) {
          const int row = i * kFragmentM + part % 2 * (kFragmentM / 2), word = k + part / 2 * (kFragmentWords / 2);
          a[i][part] = Words::fragment(a_at[row * LayoutA::outer_stride + word * LayoutA::depth_stride]);
        }
      }
#pragma unroll
      for (int j = 0; j < kFragmentsN; ++j) {
#pragma unroll
        for (int part = 0; part < 2; ++part) {
          const int word = k + part * (kFragmentWords / 2);
          b[j][part] = Words::fragment(b_at[j * kFragmentN * LayoutB::outer_stride + word * LayoutB::depth_stride]);
        }
      }
#pragma unroll
      for (int i = 0; i < kFragmentsM; ++i) {
#pragma unroll
        for (int j = 0; j < kFragmentsN; ++j) {
          if constexpr (Words::kPair == 2) {
            mma_bf16(sums_[i][j], a[i], b[j]);
          } else {
            mma_tf32(sums_[i][j], a[i], b[j]);
          }
        }
      }
    }
  }

 private:
  int group_, place_, row_, column_;
  float sums_[kFragmentsM][kFragmentsN][4];
};

}  // namespace pyneural::cuda
