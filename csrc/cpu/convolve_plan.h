// How a convolution is cut into gathered products, from its shape alone.
#pragma once

#include "cpu/conv_layout.h"
#include "cpu/gather_dots.h"
#include "cpu/gather_pairs.h"

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

// Pairs reach over the taps of a row where there is an odd, small number of channels: then all of these taps must be
// there, and windows that leave the image are padded.
bool joins_taps(const ConvolveShape& s, const Widths& widths) {
  const int64_t run = s.w.taps * s.channels;
  return s.filters <= widths.lanes && s.channels % 2 != 0 && s.channels <= kLeastRun && run >= kLeastRun &&
         s.h.taps * run >= kLeastPairedDepth && s.groups == 1 && s.w.dilation == 1 && !s.transposed;
}

// The time of an image in pixels times taps. Eight sums hide the latency of an addition; weights that do not stay in L2
// are read again for each block, which takes the time of some pixels.
[[gnu::noinline]] double work_of(const ConvolveShape& s, const Widths& widths, const Window& window) {
  constexpr int64_t kSums = 8, kCache = 1 << 20, kPixelsPerRead = 20;
  const int64_t vectors = (s.filters + widths.lanes - 1) / widths.lanes, taps = s.h.taps * s.w.taps;
  int64_t work = lay_out(window, OutputPitch{}, nullptr, kSums / (vectors < 4 ? vectors : 4)).work;
  const bool large = taps * s.channels * s.filters * s.groups * widths.item > kCache;
  if (large) work += window.blocks_per_image * kPixelsPerRead * taps;
  return static_cast<double>(work) / window.block_images;
}

// Windows that leave the image, read where they lie. Blocks of whole images, three or a multiple, fill the tiles of
// each class of pixels; they are taken where that pays and enough of them remain for the threads.
Window window_in_place(const ConvolveShape& s, const Widths& widths, int64_t target) {
  constexpr int64_t kMostPixels = 3200, kFewestChunks = 12, kEvenChunks = 8;
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
  const int64_t candidates[] = {1, three, 2 * three, 3 * three, s.images / kEvenChunks, s.images};
  for (const int64_t images : candidates) {
    if (images < 1 || images > s.images || images * pixels > kMostPixels) continue;
    const Window window = cut(images * pixels);
    const double work = work_of(s, widths, window);
    const int64_t chunks = window.blocks * panels;
    const bool enough = chunks >= fewest || (chunks % kEvenChunks == 0 && s.images % images == 0);
    if (!enough || work > kGain * least) continue;
    best = window;
    least = work;
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

// Pairs pay where few of them are half empty.
void choose_pairs(const ConvolveShape& s, const Widths& widths, ConvolvePlan* p) {
  const bool joined = joins_taps(s, widths);
  p->pairs = p->taps * p->channels >= kLeastPairedDepth && (joined || s.channels % 2 == 0 || s.channels >= kLeastRun);
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
