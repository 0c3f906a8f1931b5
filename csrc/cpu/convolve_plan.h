// How a convolution is cut into gathered products, from its shape alone.
#pragma once

#include "cpu/conv_layout.h"
#include "cpu/gather_dots.h"
#include "cpu/gather_pairs.h"
#include "cpu/gather_runs.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

enum class PackWeights {
  none,      // weights are read where they lie: [tap, channel][groups * filters]
  once,      // for all blocks: [group][panel][slice][row of the depth][columns of the panel, up to whole vectors]
  by_panel,  // few blocks: a slice of a panel is packed when it is needed, and is still in the cache when it is read
};

struct ConvolvePlan {
  Window window;
  int64_t groups, channels, filters, taps;  // channels and filters of a group
  double flops;
  bool dots;    // a few filters of many channels: weights are [group][filter][tap][channel]
  bool pairs;   // at most a vector of filters: a row of the depth is a pair of channels
  bool joined;  // the taps of a row, neighbours in memory, count as channels of one tap
  bool runs;    // joined, but no pairs; of floats
  PackWeights pack;
  int64_t slice, slices;  // the channels that are summed before the next ones, so that their weights stay in L2
  LayoutSize layout;
  int64_t packed;  // elements of packed weights in the workspace
};

// What the forward pass and the gradient of the input tell about themselves.
struct ConvolveShape {
  WindowAxis h, w;
  int64_t images, groups, channels, filters;  // channels and filters of a group
  double flops;
  bool transposed;       // weights must be packed, because they do not lie as the product needs them
  int64_t row_step = 1;  // blocks have a multiple of so many rows
};

template <class T>
PN_INLINE int64_t panel_width(const ConvolvePlan& p, int64_t first) {
  const int64_t left = p.filters - first;
  return left < kGatherPanel<T> ? left : kGatherPanel<T>;
}
// Elements of a packed row of the depth.
template <class T>
PN_INLINE int64_t packed_row(const ConvolvePlan& p, int64_t columns) {
  return p.pairs ? pair_vectors<T>(columns) * kLanes<T> : round_up(columns, kLanes<T>);
}
PN_INLINE int64_t depth_rows(const ConvolvePlan& p, int64_t channels) {
  return p.taps * (p.pairs ? (channels + 1) / 2 : channels);
}

// Types of elements differ in their width only: planning is compiled once for all of them.
struct Widths {
  int64_t item;   // bytes of an element
  int64_t lanes;  // elements of a vector
  int64_t panel;  // kGatherPanel
};

// Depth and run of channels from which on pairs save more than their last halves waste.
constexpr int64_t kLeastPairedDepth = 16, kLeastRun = 5;

// Pairs and runs reach over the taps of a row where there is an odd, small number of channels: then all of these taps
// must be there, and windows that leave the image are padded.
bool joins_taps(const ConvolveShape& s, const Widths& widths) {
  const int64_t run = s.w.taps * s.channels;
  return s.filters <= widths.lanes && s.channels % 2 != 0 && s.channels <= kLeastRun && run >= kLeastRun &&
         s.h.taps * run >= kLeastPairedDepth && s.groups == 1 && s.w.dilation == 1 && !s.transposed;
}

// Chunks of panels that blocks fall into, where these are few.
PN_INLINE int64_t parts_of_block(double flops, int64_t blocks, int64_t panels) {
  constexpr double kFlopsPerPart = 2e6;
  constexpr int64_t kMostChunks = 32;
  return clamp(clamp(static_cast<int64_t>(flops / kFlopsPerPart), 1, kMostChunks) / blocks, 1, panels);
}

// How much longer than their mean the slower of two threads takes, where that is more than full tiles gain.
PN_INLINE double unevenness(const ConvolveShape& s, const Widths& widths, const Window& window) {
  constexpr int64_t kThreads = 2;
  constexpr double kFlopsPerThread = 1e6, kLittle = 1.05;
  const int64_t panels = s.groups * ((s.filters + widths.panel - 1) / widths.panel);
  const int64_t parts = parts_of_block(s.flops, window.blocks, panels);
  const int64_t threads = clamp(static_cast<int64_t>(s.flops / kFlopsPerThread), 1, kThreads);
  const int64_t turns = (window.blocks * parts + threads - 1) / threads;
  const double whole = static_cast<double>(s.images) / window.block_images * window.blocks_per_image * parts;
  const double longer = static_cast<double>(turns * threads) / whole;
  return longer > kLittle ? longer : 1;
}

// Weights that do not stay in L2.
PN_INLINE bool far_weights(const ConvolveShape& s, const Widths& widths) {
  constexpr int64_t kCache = 1 << 20;
  return s.h.taps * s.w.taps * s.channels * s.filters * s.groups * widths.item > kCache;
}

// The time of an image in pixels times taps. Eight sums hide the latency of an addition. Far weights are read again for
// each block, which takes the time of some pixels; so does starting with each class of pixels and copying rows to
// scratch, of the more pixels the fewer channels there are.
[[gnu::noinline]] double work_of(const ConvolveShape& s, const Widths& widths, const Window& window) {
  constexpr int64_t kSums = 8, kPixelsPerRead = 20;
  constexpr double kProductsPerClass = 450, kProductsPerRow = 100;  // of vectors
  const int64_t vectors = (s.filters + widths.lanes - 1) / widths.lanes, taps = s.h.taps * s.w.taps;
  const int64_t of_panel = vectors < 4 ? vectors : 4;
  const LayoutSize size = lay_out(window, OutputPitch{}, nullptr, kSums / of_panel);
  double work = static_cast<double>(size.work) + kProductsPerClass * size.calls / (s.channels * of_panel);
  if (window.padded) {
    const int64_t rows = window_span(window.h, window.block_rows) * window.blocks_per_image * window.block_images;
    work += kProductsPerRow * rows / (s.channels * vectors);
  }
  if (far_weights(s, widths)) work += static_cast<double>(window.blocks_per_image * kPixelsPerRead * taps);
  return work / window.block_images * unevenness(s, widths, window);
}

// Windows that leave the image, read where they lie. Larger blocks than `target`, most of all of whole images, fill the
// tiles of each class of pixels; they are taken where that pays and enough of them remain for the threads. Unless the
// weights are far, what a block reads stays in L2 beside them.
Window window_in_place(const ConvolveShape& s, const Widths& widths, int64_t target) {
  constexpr int64_t kMostPixels = 3200, kMostBytes = 1 << 19, kFewestChunks = 12, kEvenChunks = 8;
  constexpr double kGain = 0.99, kFlopsPerChunk = 4e6;
  const int64_t pixels = s.h.outputs * s.w.outputs, three = kGatherRowStep;
  const int64_t panels = s.groups * ((s.filters + widths.panel - 1) / widths.panel);
  const int64_t fewest = clamp(static_cast<int64_t>(s.flops / kFlopsPerChunk), 1, kFewestChunks);
  const auto cut = [&](int64_t block) __attribute__((always_inline)) {
    Window window = make_window(s.h, s.w, s.images, s.groups * s.channels, block, INT64_MAX, s.row_step);
    read_in_place(&window);
    return window;
  };
  Window best = cut(target);
  double least = work_of(s, widths, best);
  const auto take_if_better = [&](int64_t block, bool even) __attribute__((always_inline)) {
    const Window window = cut(block);
    const int64_t bytes = block * window.h.stride * window.w.stride * window.channels * widths.item;
    if (block > kMostPixels || (bytes > kMostBytes && !far_weights(s, widths))) return;
    const double work = work_of(s, widths, window);
    const int64_t chunks = window.blocks * panels;
    const bool enough = chunks >= fewest || (chunks % kEvenChunks == 0 && even);
    if (!enough || work > kGain * least) return;
    best = window;
    least = work;
  };
  for (int64_t block = 2 * target; block <= 4 * target && block < pixels; block *= 2) take_if_better(block, false);
  const int64_t candidates[] = {1, 2, three, 4, 2 * three, 3 * three, s.images / kEvenChunks, s.images};
  for (const int64_t images : candidates) {
    if (images >= 1 && images <= s.images) take_if_better(images * pixels, s.images % images == 0);
  }
  return best;
}

Window choose_window(const ConvolveShape& s, const Widths& widths, bool dots) {
  const int64_t target = block_target(s.flops, s.images * s.h.outputs * s.w.outputs);
  const int64_t weights = s.h.taps * s.w.taps * s.channels * s.filters * s.groups;
  const int64_t elements =
      widths.item == sizeof(double) ? block_elements<double>(weights) : block_elements<float>(weights);
  const Window window = make_window(s.h, s.w, s.images, s.groups * s.channels, target, elements, s.row_step);
  if (!window.padded || dots || joins_taps(s, widths) || window.blocks == 0) return window;
  const Window in_place = window_in_place(s, widths, target);
  return work_of(s, widths, in_place) <= work_of(s, widths, window) ? in_place : window;
}

// Pairs pay where few of them are half empty and no tile computes the row of a window at once.
void choose_pairs(const ConvolveShape& s, const Widths& widths, ConvolvePlan* p) {
  const bool joined = joins_taps(s, widths);
  p->runs = joined && widths.item == sizeof(float) &&
            gathers_runs(s.w.taps * s.channels, s.w.stride * s.channels, s.w.outputs);
  p->pairs = !p->runs && p->taps * p->channels >= kLeastPairedDepth &&
             (joined || s.channels % 2 == 0 || s.channels >= kLeastRun);
  if (!joined) return;
  p->joined = true;
  p->channels *= s.w.taps;
  p->taps = s.h.taps;
}

ConvolvePlan plan_convolution(const ConvolveShape& s, int64_t item) {
  const Widths widths{item, PN_VECTOR_BYTES / item, kGatherPanel<char> / item};
  ConvolvePlan p{};
  p.groups = s.groups;
  p.channels = s.channels;
  p.filters = s.filters;
  p.taps = s.h.taps * s.w.taps;
  p.flops = s.flops;
  p.dots = s.filters <= kMostDots && s.channels >= widths.lanes;
  p.window = choose_window(s, widths, p.dots);
  p.layout = lay_out(p.window, OutputPitch{}, nullptr);
  if (!p.dots && s.filters <= widths.lanes) choose_pairs(s, widths, &p);
  const int64_t depth = p.taps * p.channels;
  const int64_t longest = 4096 / item;  // a slice of a panel is 256 KB
  p.slices = p.channels > widths.lanes ? (depth + longest - 1) / longest : 1;
  p.slice = round_up((p.channels + p.slices - 1) / p.slices, p.slices > 1 ? widths.lanes : 1);
  p.slices = (p.channels + p.slice - 1) / p.slice;

  const int64_t pixels = s.images * s.h.outputs * s.w.outputs;
  constexpr int64_t kManyPixels = 256, kFewBlocks = 2;
  const bool ragged = s.filters % widths.lanes != 0;
  const bool scattered = s.groups * s.filters > widths.panel || p.slices > 1;
  if (p.dots) {
    p.pack = PackWeights::once;
    p.packed = p.groups * p.filters * depth;
  } else if (!s.transposed && !ragged && !p.pairs && !(scattered && pixels >= kManyPixels)) {
    p.pack = PackWeights::none;
  } else if (p.window.blocks <= kFewBlocks) {
    p.pack = PackWeights::by_panel;
  } else {
    p.pack = PackWeights::once;
    p.packed = p.groups * depth_rows(p, p.channels) *
               (item == sizeof(float) ? packed_row<float>(p, p.filters) : packed_row<double>(p, p.filters));
  }
  return p;
}

template <class T>
size_t convolve_workspace(const ConvolvePlan& p) {
  return round_up(p.packed * sizeof(T), 64) + p.window.blocks_per_image * sizeof(BlockKind) +
         p.layout.classes * sizeof(PixelClass) + (2 * p.layout.pixels + depth_rows(p, p.channels)) * sizeof(int64_t);
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
