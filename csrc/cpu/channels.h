// Sums over all axes but the channels, and loops with per-channel coefficients, for x seen as [outer, channels, inner].
// What is added to what follows from the shape alone.
#pragma once

#include "cpu/lanes.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

constexpr int64_t kBlockElements = 8192;  // of x per block: 32 KB of float32, the second look comes from L1
constexpr int64_t kMinBlockRows = 32;
constexpr int64_t kSpan = 1024;   // columns of a chunk
constexpr int64_t kPiece = 4096;  // elements of a contiguous run that are summed in one go
// Columns of vectors that are summed side by side: three sums or means of each fit the registers.
constexpr int kColumnVectors = PN_VECTOR_REGISTERS / 4;

PN_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
PN_INLINE int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }

// A sum over the channels' elements is split into `parts`; their sums lie as [parts, channels].
struct ChannelSplit {
  int64_t outer = 1, channels = 1, inner = 1;
  // inner == 1: `repeat` rows of x are read as one of `width` columns, so that few channels fill whole vectors. The
  // rows left over are a part of their own.
  int64_t repeat = 1, width = 1, rows = 0, rest = 0, block_rows = 1, blocks = 0;
  // inner > 1: each run of `inner` elements is cut into pieces.
  int64_t pieces = 0;
  int64_t parts = 0;

  // Elements of one channel in a part.
  int64_t count(int64_t part) const {
    if (inner > 1) {
      const int64_t begin = part % pieces * kPiece;
      return begin + kPiece < inner ? kPiece : inner - begin;
    }
    const int64_t block = part / repeat;
    if (block == blocks) return rest;
    return block + 1 < blocks ? block_rows : rows - block * block_rows;
  }
  int64_t per_channel() const { return outer * inner; }
  double elements() const { return static_cast<double>(outer) * static_cast<double>(channels * inner); }
};

template <class T>
ChannelSplit split_channels(const View& x, int64_t axis) {
  ChannelSplit s;
  for (int64_t i = 0; i < axis; ++i) s.outer *= x.dims[i];
  for (int64_t i = axis + 1; i < x.rank; ++i) s.inner *= x.dims[i];
  s.width = s.channels = x.dims[axis];
  if (x.size == 0) return s;
  if (s.inner > 1) {
    s.pieces = ceil_div(s.inner, kPiece);
    s.parts = s.outer * s.pieces;
    return s;
  }
  constexpr int64_t group = kColumnVectors * kLanes<T>;
  if (s.channels < 4 * group) {
    int64_t repeat = group;
    while (repeat > 1 && s.channels * (repeat / 2) % group == 0) repeat /= 2;
    if (s.outer >= kMinBlockRows * repeat) s.repeat = repeat;
  }
  s.width = s.channels * s.repeat;
  s.rows = s.outer / s.repeat;
  s.rest = s.outer % s.repeat;
  s.block_rows = at_least(kBlockElements / s.width, kMinBlockRows);
  s.blocks = ceil_div(s.rows, s.block_rows);
  s.parts = s.blocks * s.repeat + (s.rest > 0);
  return s;
}

// columns(vectors, lanes, first, rows, stride, sum): vectors.count adjacent vectors of columns whose first elements are
// at `first`; the sums over `rows` rows that are `stride` elements apart go to position `sum` of [parts, channels].
// run(first, count, sum): a contiguous run of one channel.
template <class T, class Columns, class Run>
PN_INLINE void for_channel_parts(const ChannelSplit& s, int threads, const Columns& columns, const Run& run) {
  if (s.parts == 0) return;
  constexpr int64_t lanes = kLanes<T>;
  if (s.inner > 1) {
    const int64_t piece = s.inner < kPiece ? s.inner : kPiece;
    parallel_range(s.parts * s.channels, at_least(kBlockElements / piece, 1), threads, [&](int64_t begin, int64_t end) {
      for (int64_t sum = begin; sum < end; ++sum) {
        const int64_t part = sum / s.channels, channel = sum % s.channels;
        const int64_t offset = part % s.pieces * kPiece;
        run((part / s.pieces * s.channels + channel) * s.inner + offset, s.count(part), sum);
      }
    });
    return;
  }
  const int64_t spans = ceil_div(s.width, kSpan);
  parallel_range(s.blocks * spans, 1, threads, [&](int64_t chunk, int64_t) {
    const int64_t block = chunk / spans, begin = chunk % spans * kSpan;
    const int64_t end = begin + kSpan < s.width ? begin + kSpan : s.width;
    const int64_t rows = s.count(block * s.repeat), first = block * s.block_rows * s.width, sum = block * s.width;
    int64_t j = begin;
    for (; j + kColumnVectors * lanes <= end; j += kColumnVectors * lanes) {
      columns(Vectors<kColumnVectors>{}, AllLanes{}, first + j, rows, s.width, sum + j);
    }
    for_lanes<T>(j, end, [&](int64_t i, auto some) PN_LAMBDA {
      columns(Vectors<1>{}, some, first + i, rows, s.width, sum + i);
    });
  });
  if (s.rest == 0) return;
  for_lanes<T>(0, s.channels, [&](int64_t i, auto some) PN_LAMBDA {
    columns(Vectors<1>{}, some, s.rows * s.width + i, s.rest, s.channels, s.blocks * s.width + i);
  });
}

// The coefficients of channel c lie in table[k * width + c], repeated `repeat` times if inner == 1.
template <class T>
void repeat_coefficients(const ChannelSplit& s, T* table, int count) {
  for (int k = 0; k < count; ++k) {
    T* row = table + k * s.width;
    for (int64_t i = s.channels; i < s.width; ++i) row[i] = row[i - s.channels];
  }
}

// body(i, lanes, coefficients) for all elements of x, where coefficients[k] are the kCount of their channels.
template <class T, int kCount, class Body>
PN_INLINE void for_channel_elements(const ChannelSplit& s, int threads, const T* table, const Body& body) {
  if (s.outer * s.channels * s.inner == 0) return;
  if (s.inner > 1) {
    const int64_t grain = at_least(kBlockElements / s.inner, 1);
    parallel_range(s.outer * s.channels, grain, threads, [&](int64_t begin, int64_t end) {
      for (int64_t run = begin; run < end; ++run) {
        Vec<T> coefficients[kCount];
        for (int k = 0; k < kCount; ++k) coefficients[k] = broadcast(table[k * s.width + run % s.channels]);
        for_lanes<T>(run * s.inner, (run + 1) * s.inner,
                     [=](int64_t i, auto lanes) PN_LAMBDA { body(i, lanes, coefficients); });
      }
    });
    return;
  }
  const int64_t stride = s.width;
  const auto row = [=](int64_t first, int64_t width) PN_LAMBDA {
    for_lanes<T>(0, width, [=](int64_t j, auto lanes) PN_LAMBDA {
      Vec<T> coefficients[kCount];
      for (int k = 0; k < kCount; ++k) coefficients[k] = lanes.load(table + k * stride + j);
      body(first + j, lanes, coefficients);
    });
  };
  parallel_range(s.rows, at_least(kBlockElements / s.width, 1), threads, [=](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) row(r * stride, stride);
  });
  if (s.rest > 0) row(s.rows * s.width, s.rest * s.channels);
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
