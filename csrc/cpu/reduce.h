// Reduction of one block of axes, [outer, reduce, inner], for float and double. Sums run in float over short runs and
// in double across them: a few ULP at any length, and an order that depends on the shape alone.
#pragma once

#include "cpu/reduce_plan.h"
#include "cpu/transpose.h"
#include "cpu/vec.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// The larger functions are kept out of line: inlined into every use they would take hundreds of kilobytes.

// A reduction: the type of totals, the neutral element, and how two partial results combine (vectors and scalars).
template <class T>
struct AddReducer {
  using Element = T;
  using Total = double;
  static constexpr T identity() { return 0; }
  template <class V>
  PN_INLINE V combine(V a, V b) {
    return a + b;
  }
};
template <class T>
struct MultiplyReducer {
  using Element = T;
  using Total = double;
  static constexpr T identity() { return 1; }
  template <class V>
  PN_INLINE V combine(V a, V b) {
    return a * b;
  }
};
// A NaN in either operand wins.
template <class T>
struct MaxReducer {
  using Element = T;
  using Total = T;
  static constexpr T identity() { return -static_cast<T>(__builtin_inf()); }
  template <class V>
  PN_INLINE V combine(V a, V b) {
    return (a > b) | (a != a) ? a : b;
  }
};
template <class T>
struct MinReducer {
  using Element = T;
  using Total = T;
  static constexpr T identity() { return static_cast<T>(__builtin_inf()); }
  template <class V>
  PN_INLINE V combine(V a, V b) {
    return (a < b) | (a != a) ? a : b;
  }
};

// What is done to an element before it is reduced. `shift` belongs to the output element.
struct Plain {
  template <class V>
  PN_INLINE V apply(V x, V) {
    return x;
  }
};
struct SquaredDifference {
  template <class V>
  PN_INLINE V apply(V x, V shift) {
    return (x - shift) * (x - shift);
  }
};

constexpr int kRun = 16;                  // elements that one float lane takes in before it is widened to a total
constexpr int64_t kTile = 256;            // columns reduced together: their totals stay in L1
constexpr int64_t kMinSegmentRows = 256;  // of a parallel chunk, however many columns it has
constexpr int64_t kSegment = 65536;       // elements of one parallel chunk: 256 KB, enough to pay for a thread

template <class R>
using LaneVec = Vec<typename R::Element>;

// Lanes at and after n become neutral.
template <class R>
PN_INLINE LaneVec<R> keep_first(LaneVec<R> v, int n) {
  using T = typename R::Element;
  T lanes[kLanes<T>];
  for (int i = 0; i < kLanes<T>; ++i) lanes[i] = static_cast<T>(i);
  return load(lanes) < broadcast<T>(static_cast<T>(n)) ? v : broadcast<T>(R::identity());
}

// A part of a vector as totals.
template <class Total, class Part>
PN_INLINE Vec<Total> widen(Part part) {
#if defined(__AVX512F__)
  // The compiler would convert quarters and join them.
  if constexpr (sizeof(Part) < sizeof(Vec<Total>)) return (Vec<Total>)_mm512_cvtps_pd((__m256)part);
#endif
  return __builtin_convertvector(part, Vec<Total>);
}

// totals[lane] <- totals[lane] (op) v[lane], widened.
template <class R>
PN_INLINE void add_to_totals(typename R::Total* totals, LaneVec<R> v) {
  using T = typename R::Element;
  using Total = typename R::Total;
  constexpr int lanes = kLanes<Total>;
  typedef T Part __attribute__((vector_size(lanes * sizeof(T))));
  Part parts[sizeof(v) / sizeof(Part)];
  __builtin_memcpy(parts, &v, sizeof(v));
  for (unsigned p = 0; p < sizeof(v) / sizeof(Part); ++p) {
    store(totals + p * lanes, R::combine(load(totals + p * lanes), widen<Total>(parts[p])));
  }
}

template <class R>
PN_INLINE typename R::Total reduce_totals(typename R::Total* totals, int64_t count) {
  typename R::Total result = totals[0];
  for (int64_t i = 1; i < count; ++i) result = R::combine(result, totals[i]);
  return result;
}

// One contiguous run of n elements, all with the same shift.
template <class R, class Map>
__attribute__((noinline)) typename R::Total reduce_row(const typename R::Element* x, int64_t n,
                                                       typename R::Element shift) {
  using T = typename R::Element;
  constexpr int V = kLanes<T>;
  const Vec<T> vshift = broadcast(shift);
  alignas(64) typename R::Total totals[V];
  for (int i = 0; i < V; ++i) totals[i] = R::identity();
  constexpr int64_t block = int64_t{kRun} * 4 * V;  // four independent chains hide the latency of an addition
  int64_t i = 0;
  for (; i + block <= n; i += block) {
    Vec<T> acc[4];
    for (int j = 0; j < 4; ++j) acc[j] = Map::apply(load(x + i + j * V), vshift);
    // Unrolled further, the compiler finishes one chain before it begins the next.
#pragma GCC unroll 1
    for (int k = 1; k < kRun; ++k) {
      for (int j = 0; j < 4; ++j) {
        acc[j] = R::combine(acc[j], Map::apply(load(x + i + (k * 4 + j) * V), vshift));
      }
    }
    add_to_totals<R>(totals, R::combine(R::combine(acc[0], acc[1]), R::combine(acc[2], acc[3])));
  }
  Vec<T> acc = broadcast<T>(R::identity());
  int run = 0;
  for (; i < n; i += V) {
    const bool whole = i + V <= n;
    const int left = whole ? V : static_cast<int>(n - i);
    Vec<T> v = Map::apply(whole ? load(x + i) : load_first(x + i, left), vshift);
    acc = R::combine(acc, whole ? v : keep_first<R>(v, left));
    if (++run == kRun) {
      add_to_totals<R>(totals, acc);
      acc = broadcast<T>(R::identity());
      run = 0;
    }
  }
  if (run > 0) add_to_totals<R>(totals, acc);
  for (int half = V / 2; half > 0; half /= 2) {
    for (int lane = 0; lane < half; ++lane) totals[lane] = R::combine(totals[lane], totals[lane + half]);
  }
  return totals[0];
}

// The total of all lanes, widened before they meet.
template <class R>
PN_INLINE typename R::Total total_of_lanes(LaneVec<R> lanes) {
  using T = typename R::Element;
  using Total = typename R::Total;
  constexpr int kParts = sizeof(Total) / sizeof(T);
  typedef T Part __attribute__((vector_size(sizeof(LaneVec<R>) / kParts)));
  Part parts[kParts];
  __builtin_memcpy(parts, &lanes, sizeof(lanes));
  Vec<Total> total = widen<Total>(parts[0]);
  if constexpr (kParts == 2) total = R::combine(total, widen<Total>(parts[1]));
  return reduce_lanes(total, [](auto a, auto b) __attribute__((always_inline)) { return R::combine(a, b); });
}

template <class T>
constexpr int64_t kShortRow = kRun * kLanes<T>;  // elements of a row whose lanes are widened once

// A row of n <= kShortRow elements, lane by lane.
template <class R, class Map>
PN_INLINE LaneVec<R> short_row_lanes(const typename R::Element* row, int64_t n, typename R::Element shift) {
  using T = typename R::Element;
  constexpr int V = kLanes<T>;
  const Vec<T> vshift = broadcast(shift);
  Vec<T> lanes = broadcast<T>(R::identity());
  int64_t i = 0;
  for (; i + V <= n; i += V) lanes = R::combine(lanes, Map::apply(load(row + i), vshift));
  const int left = static_cast<int>(n - i);
  if (left) lanes = R::combine(lanes, keep_first<R>(Map::apply(load_first(row + i, left), vshift), left));
  return lanes;
}

// totals[r] of `count` <= kLanes adjacent rows of n <= kShortRow elements, with the bits of reduce_row: the lanes of
// all rows are folded together. totals has room for a whole vector.
template <class R, class Map>
__attribute__((noinline)) void reduce_short_rows(const typename R::Element* x, int64_t n, int64_t count,
                                                 const typename R::Element* shift, typename R::Total* totals) {
  using T = typename R::Element;
  using Total = typename R::Total;
  constexpr int V = kLanes<T>, kParts = sizeof(Total) / sizeof(T);
  typedef T Part __attribute__((vector_size(sizeof(Vec<T>) / kParts)));
  Vec<T> rows[V];
  for (int64_t r = 0; r < V; ++r) rows[r] = broadcast<T>(R::identity());
  for (int64_t r = 0; r < count; ++r) rows[r] = short_row_lanes<R, Map>(x + r * n, n, shift ? shift[r] : T{});
  transpose_lanes(rows);
  for (int p = 0; p < kParts; ++p) {
    Vec<Total> lanes[V];
    for (int lane = 0; lane < V; ++lane) {
      Part parts[kParts];
      __builtin_memcpy(parts, &rows[lane], sizeof(rows[lane]));
      lanes[lane] = widen<Total>(parts[p]);
    }
    for (int half = V / 2; half > 0; half /= 2) {
      for (int lane = 0; lane < half; ++lane) lanes[lane] = R::combine(lanes[lane], lanes[lane + half]);
    }
    store(totals + p * kLanes<Total>, lanes[0]);
  }
}

// totals[c] for `width` <= kTile columns of `rows` rows that lie `stride` elements apart. `shift` (one per column) may
// be nullptr. totals has room for whole vectors.
template <class R, class Map>
__attribute__((noinline)) void reduce_columns(const typename R::Element* x, int64_t rows, int64_t stride, int64_t width,
                                              const typename R::Element* shift, typename R::Total* totals) {
  using T = typename R::Element;
  constexpr int V = kLanes<T>;
  for (int64_t c = 0; c < (width + V - 1) / V * V; ++c) totals[c] = R::identity();
  for (int64_t row = 0; row < rows; row += kRun) {
    const int64_t count = rows - row < kRun ? rows - row : kRun;
    const T* block = x + row * stride;
    int64_t c = 0;
    for (; c + 2 * V <= width; c += 2 * V) {
      const Vec<T> s0 = shift ? load(shift + c) : Vec<T>{}, s1 = shift ? load(shift + c + V) : Vec<T>{};
      Vec<T> a0 = Map::apply(load(block + c), s0), a1 = Map::apply(load(block + c + V), s1);
      for (int64_t r = 1; r < count; ++r) {
        a0 = R::combine(a0, Map::apply(load(block + r * stride + c), s0));
        a1 = R::combine(a1, Map::apply(load(block + r * stride + c + V), s1));
      }
      add_to_totals<R>(totals + c, a0);
      add_to_totals<R>(totals + c + V, a1);
    }
    for (; c < width; c += V) {
      const int left = width - c < V ? static_cast<int>(width - c) : V;
      const Vec<T> s = shift ? load_first(shift + c, left) : Vec<T>{};
      Vec<T> acc = Map::apply(load_first(block + c, left), s);
      for (int64_t r = 1; r < count; ++r)
        acc = R::combine(acc, Map::apply(load_first(block + r * stride + c, left), s));
      add_to_totals<R>(totals + c, acc);
    }
  }
}

// Few columns would leave most lanes idle: `group` rows are taken as one wide row, and its columns folded at the end.
template <class R, class Map>
__attribute__((noinline)) void reduce_narrow(const typename R::Element* x, int64_t rows, int64_t inner,
                                             const typename R::Element* shift, typename R::Total* totals) {
  using T = typename R::Element;
  using Total = typename R::Total;
  const int64_t group = kTile / inner, width = group * inner;
  T shifts[kTile];
  if (shift) {
    for (int64_t i = 0; i < width; ++i) shifts[i] = shift[i % inner];
  }
  alignas(64) Total wide[kTile];
  reduce_columns<R, Map>(x, rows / group, width, width, shift ? shifts : nullptr, wide);
  alignas(64) Total rest[kTile];
  const int64_t left = rows % group * inner;
  reduce_columns<R, Map>(x + rows / group * width, left > 0, left, left, shift ? shifts : nullptr, rest);
  for (int64_t i = 0; i < left; ++i) wide[i] = R::combine(wide[i], rest[i]);
  for (int64_t c = 0; c < inner; ++c) {
    Total total = wide[c];
    for (int64_t i = c + inner; i < width; i += inner) total = R::combine(total, wide[i]);
    totals[c] = total;
  }
}

// What one thread does at a time: `rows` rows of `width` of the `inner` columns.
template <class R, class Map>
PN_INLINE void reduce_cell(const typename R::Element* x, int64_t rows, int64_t inner, int64_t width,
                           const typename R::Element* shift, typename R::Total* totals) {
  if (inner == 1) {
    totals[0] = reduce_row<R, Map>(x, rows, shift ? shift[0] : typename R::Element{});
  } else if (inner * 2 <= kTile && rows * inner >= 2 * kTile) {
    reduce_narrow<R, Map>(x, rows, inner, shift, totals);
  } else {
    reduce_columns<R, Map>(x, rows, inner, width, shift, totals);
  }
}

// How a block is cut into parallel chunks: by the shape alone.
struct BlockCut {
  int64_t segments;      // pieces of the reduced axis; > 1 needs partial totals
  int64_t segment_rows;  // rows of a piece
  int64_t tiles;         // pieces of the inner axis
};

PN_INLINE BlockCut cut_block(ReduceBlock b) {
  BlockCut cut{1, b.reduce, b.inner > 1 ? (b.inner + kTile - 1) / kTile : 1};
  const int64_t width = b.inner < kTile ? b.inner : kTile;
  const int64_t rows = kSegment / width < kMinSegmentRows ? kMinSegmentRows : kSegment / width;
  if (b.reduce >= 2 * rows && b.outer * cut.tiles < 64) {
    cut.segments = (b.reduce + rows - 1) / rows;
    cut.segment_rows = rows;
  }
  return cut;
}

// Bytes for the partial totals of a block.
template <class R>
PN_INLINE size_t partial_bytes(ReduceBlock b) {
  const BlockCut cut = cut_block(b);
  const size_t count = cut.segments > 1 ? static_cast<size_t>(b.outer * cut.segments * b.inner) : 0;
  return (count * sizeof(typename R::Total) + 63) / 64 * 64;
}

// Where results go: as totals for a further stage, or divided and in type T.
template <class T, class Total>
struct Sink {
  Total* kept;  // nullptr in the last stage
  T* out;
  double divisor;

  __attribute__((noinline)) void put(int64_t first, const Total* totals, int64_t count) const {
    if (kept) {
      for (int64_t i = 0; i < count; ++i) kept[first + i] = totals[i];
    } else {
      const Total by = static_cast<Total>(divisor);
      if (by == 1) {
        for (int64_t i = 0; i < count; ++i) out[first + i] = static_cast<T>(totals[i]);
      } else {
        for (int64_t i = 0; i < count; ++i) out[first + i] = static_cast<T>(totals[i] / by);
      }
    }
  }
};

// Results lie in the order [outer, inner]. shift: [outer, inner], or nullptr.
template <class R, class Map, class T>
__attribute__((noinline)) void reduce_block(const typename R::Element* x, ReduceBlock b,
                                            const typename R::Element* shift, void* partial,
                                            const Sink<T, typename R::Total>& sink) {
  using E = typename R::Element;
  using Total = typename R::Total;
  const BlockCut cut = cut_block(b);
  Total* partials = static_cast<Total*>(partial);
  const double elements = static_cast<double>(b.outer) * b.reduce * b.inner;
  const int threads = threads_for(elements, elements * sizeof(E));
  if (b.inner == 1 && cut.segments == 1) {
    const int64_t grain = b.reduce >= kSegment ? 1 : kSegment / (b.reduce + 1) + 1;
    parallel_range(b.outer, grain, threads, [&](int64_t begin, int64_t end) {
      constexpr int64_t V = kLanes<E>;
      alignas(64) Total totals[V];
      for (int64_t o = begin; o < end; o += V) {
        const int64_t count = end - o < V ? end - o : V;
        const E* rows = x + o * b.reduce;
        if (b.reduce <= kShortRow<E>) {
          reduce_short_rows<R, Map>(rows, b.reduce, count, shift ? shift + o : nullptr, totals);
        } else {
          for (int64_t i = 0; i < count; ++i) {
            totals[i] = reduce_row<R, Map>(rows + i * b.reduce, b.reduce, shift ? shift[o + i] : E{});
          }
        }
        sink.put(o, totals, count);
      }
    });
    return;
  }
  const int64_t cells = b.outer * cut.segments * cut.tiles;
  const int64_t cell_size = cut.segment_rows * (b.inner < kTile ? b.inner : kTile);
  parallel_range(cells, cell_size >= kSegment ? 1 : kSegment / (cell_size + 1) + 1, threads,
                 [&](int64_t first, int64_t last) {
                   for (int64_t cell = first; cell < last; ++cell) {
                     const int64_t tile = cell % cut.tiles, segment = cell / cut.tiles % cut.segments;
                     const int64_t o = cell / (cut.tiles * cut.segments);
                     const int64_t row = segment * cut.segment_rows, column = tile * kTile;
                     const int64_t rows = b.reduce - row < cut.segment_rows ? b.reduce - row : cut.segment_rows;
                     const int64_t width = b.inner - column < kTile ? b.inner - column : kTile;
                     const E* block = x + (o * b.reduce + row) * b.inner + column;
                     const E* shifts = shift ? shift + o * b.inner + column : nullptr;
                     alignas(64) Total totals[kTile];
                     reduce_cell<R, Map>(block, rows, b.inner, width, shifts, totals);
                     if (cut.segments == 1) {
                       sink.put(o * b.inner + column, totals, width);
                     } else {
                       Total* to = partials + (o * cut.segments + segment) * b.inner + column;
                       for (int64_t c = 0; c < width; ++c) to[c] = totals[c];
                     }
                   }
                 });
  if (cut.segments == 1) return;
  for (int64_t o = 0; o < b.outer; ++o) {
    Total* from = partials + o * cut.segments * b.inner;
    for (int64_t s = 1; s < cut.segments; ++s) {
      for (int64_t c = 0; c < b.inner; ++c) from[c] = R::combine(from[c], from[s * b.inner + c]);
    }
    sink.put(o * b.inner, from, b.inner);
  }
}

// A reduction of all of x, or of its leading axes, that is a single cell: as in the training of small networks, where
// finding stages and chunks would take longer than the sums. The same bits. False: it is more than that.
template <class R>
PN_INLINE bool reduce_at_once(const View& x, const View& y, uint32_t axes, double divisor) {
  using T = typename R::Element;
  const T* from = x.as<T>();
  const Sink<T, typename R::Total> sink{nullptr, y.as<T>(), divisor};
  alignas(64) typename R::Total totals[kTile];
  if (y.size == 1) {
    if (x.size > kShortRow<T>) return false;
    totals[0] = total_of_lanes<R>(short_row_lanes<R, Plain>(from, x.size, T{}));
  } else {
    const bool leading = (axes & (axes + 1)) == 0;
    if (!leading || y.size > kTile || x.size >= 2 * kMinSegmentRows * y.size) return false;
    reduce_cell<R, Plain>(from, x.size / y.size, y.size, y.size, nullptr, totals);
  }
  sink.put(0, totals, y.size);
  return true;
}

// Bytes for all stages of a reduction: what each but the last leaves behind, and the largest set of partial totals.
template <class R>
PN_INLINE size_t reduction_bytes(const ReducePlan& plan) {
  size_t kept = 0, partials = 0;
  for (int i = 0; i < plan.stages; ++i) {
    const ReduceBlock b = plan.stage[i];
    if (i + 1 < plan.stages)
      kept += (static_cast<size_t>(b.outer * b.inner) * sizeof(typename R::Total) + 63) / 64 * 64;
    const size_t bytes = partial_bytes<R>(b);
    partials = bytes > partials ? bytes : partials;
  }
  return kept + partials;
}

// Reduces x over the plan's axes. Wide reduces what earlier stages left, in their total type.
template <class R, class Wide>
void reduce_all_stages(const typename R::Element* x, const ReducePlan& plan, void* workspace, typename R::Element* out,
                       double divisor) {
  using T = typename R::Element;
  using Total = typename R::Total;
  static_assert(sizeof(typename Wide::Element) == sizeof(Total));
  Total* kept[kMaxRank] = {};
  char* next = static_cast<char*>(workspace);
  for (int i = 0; i + 1 < plan.stages; ++i) {
    kept[i] = reinterpret_cast<Total*>(next);
    next += (static_cast<size_t>(plan.stage[i].outer * plan.stage[i].inner) * sizeof(Total) + 63) / 64 * 64;
  }
  reduce_block<R, Plain, T>(x, plan.stage[0], nullptr, next, {kept[0], out, divisor});
  for (int i = 1; i < plan.stages; ++i) {
    reduce_block<Wide, Plain, T>(kept[i - 1], plan.stage[i], nullptr, next, {kept[i], out, divisor});
  }
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
