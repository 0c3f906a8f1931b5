// Windows of two columns that tile images of few channels: vectors run along the rows of the image, and permutations
// separate the even pixels from the odd ones, or repeat pixels.
#pragma once

#include "cpu/vec.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// Other levels have no permutation of two vectors: for them no number of channels is few enough.
#if defined(__AVX512F__)
template <class T>
constexpr int64_t kPairedChannels = sizeof(T) == sizeof(float) ? kLanes<float> / 2 : 0;
#else
template <class T>
constexpr int64_t kPairedChannels = 0;
#endif

struct ColumnPairs {
  int64_t elements;  // of the whole pixels that a vector holds
#if defined(__AVX512F__)
  __m512i even, odd;
#endif

  PN_INLINE ColumnPairs of(int64_t channels) {
    ColumnPairs pairs;
    pairs.elements = kLanes<float> / channels * channels;
#if defined(__AVX512F__)
    alignas(64) int32_t lanes[kLanes<float>];
    for (int32_t lane = 0; lane < kLanes<float>; ++lane) {
      const int32_t c = static_cast<int32_t>(channels);
      lanes[lane] = lane < pairs.elements ? lane / c * 2 * c + lane % c : 0;
    }
    pairs.even = _mm512_load_si512(lanes);
    pairs.odd = _mm512_add_epi32(pairs.even, _mm512_set1_epi32(static_cast<int>(channels)));
#endif
    return pairs;
  }

  // join(even pixels, odd pixels) of the neighbours in `low` and `high`, which hold twice as many.
  template <class Join>
  __attribute__((always_inline)) Vec<float> join(Vec<float> low, Vec<float> high, const Join& join) const {
#if defined(__AVX512F__)
    return join((Vec<float>)_mm512_permutex2var_ps((__m512)low, even, (__m512)high),
                (Vec<float>)_mm512_permutex2var_ps((__m512)low, odd, (__m512)high));
#else
    return join(low, high);
#endif
  }
};

// Each pixel of a row twice, side by side: vector k of a period takes its lanes from the elements begin[k] and on.
struct RepeatedPixels {
  static constexpr int kMaxPeriod = 7;  // vectors after which the pattern repeats: most with 7 channels
  int period;
  int64_t begin[kMaxPeriod];
  alignas(PN_VECTOR_BYTES) int32_t lanes[kMaxPeriod][kLanes<float>];

  PN_INLINE RepeatedPixels of(int64_t channels) {
    RepeatedPixels pixels;
    int64_t odd = channels;  // the factor of the channels that vectors do not have
    while (odd % 2 == 0) odd /= 2;
    pixels.period = static_cast<int>(odd);
    int64_t pixel = 0, c = 0;  // twice the pixel, or its repetition
    for (int k = 0; k < pixels.period; ++k) {
      pixels.begin[k] = pixel / 2 * channels;
      for (int32_t& lane : pixels.lanes[k]) {
        lane = static_cast<int32_t>(pixel / 2 * channels + c - pixels.begin[k]);
        if (++c == channels) c = 0, ++pixel;
      }
    }
    return pixels;
  }
  __attribute__((always_inline)) Vec<float> repeat(int k, Vec<float> from) const {
#if defined(__AVX512F__)
    return (Vec<float>)_mm512_permutexvar_ps(_mm512_load_si512(lanes[k]), (__m512)from);
#else
    (void)k;
    return from;
#endif
  }
};

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
