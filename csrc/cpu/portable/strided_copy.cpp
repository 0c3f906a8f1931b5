#include "cpu/portable/strided_copy.h"

#include <algorithm>
#include <cstring>

#include "threads/parallel.h"

namespace pyneural::cpu::portable {

namespace {

constexpr int64_t kChunkBytes = 128 << 10;  // of a parallel chunk
constexpr int64_t kTileColumns = 128;       // of the source: a transposed tile has no more
constexpr int64_t kTileElements = 8192;     // 32 KB of four-byte elements fit into L1
constexpr int64_t kTileRows = 256;          // a tile has no more

// Whole vectors of rows, so that the next tile begins with one.
int64_t tile_rows(int64_t columns) {
  constexpr int64_t kVectorRows = 16;
  return std::min(kTileRows, kTileElements / columns / kVectorRows * kVectorRows);
}

void move_axis_last(StridedCopy& copy, int axis) {
  const int last = copy.rank - 1;
  for (int64_t* list : {copy.dims, copy.from, copy.to}) std::rotate(list + axis, list + axis + 1, list + last + 1);
}

// row(from_offset, to_offset) for positions [begin, end) of the first `rank` axes, counted row-major.
template <class Row>
void for_each_row(const StridedCopy& copy, int rank, int64_t begin, int64_t end, const Row& row) {
  int64_t position[kMaxRank] = {}, from = 0, to = 0;
  int64_t rest = begin;
  for (int i = rank - 1; i >= 0; --i) {
    position[i] = rest % copy.dims[i];
    rest /= copy.dims[i];
    from += position[i] * copy.from[i];
    to += position[i] * copy.to[i];
  }
  for (int64_t index = begin; index < end; ++index) {
    row(from, to);
    for (int i = rank - 1; i >= 0; --i) {
      from += copy.from[i];
      to += copy.to[i];
      if (++position[i] < copy.dims[i]) break;
      from -= copy.dims[i] * copy.from[i];
      to -= copy.dims[i] * copy.to[i];
      position[i] = 0;
    }
  }
}

int64_t rows_of(const StridedCopy& copy, int rank) {
  int64_t rows = 1;
  for (int i = 0; i < rank; ++i) rows *= copy.dims[i];
  return rows;
}

// The tile function that works for any element, a line of the source's columns at a time.
template <class T>
void transpose_any_tile(T* to, int64_t to_stride, const T* from, int64_t from_stride, int64_t rows, int64_t columns) {
  constexpr int64_t kLine = 64 / sizeof(T);
  for (int64_t c = 0; c < columns; c += kLine) {
    const int64_t end = std::min(c + kLine, columns);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t i = c; i < end; ++i) to[i * to_stride + r] = from[r * from_stride + i];
    }
  }
}

// The last axis is contiguous in the destination, the one before it in the source.
template <class T>
void copy_transposed(T* to, const T* from, const StridedCopy& copy, TileFunctions tile) {
  const int a = copy.rank - 2, b = copy.rank - 1;
  const int64_t columns = copy.dims[a], rows = copy.dims[b];  // of the source
  const int64_t strips = (columns + kTileColumns - 1) / kTileColumns, cells = rows_of(copy, a) * strips;
  const double bytes = 2.0 * sizeof(T) * rows_of(copy, copy.rank);
  const int64_t strip_bytes = rows * std::min(columns, kTileColumns) * static_cast<int64_t>(sizeof(T));
  parallel_range(cells, kChunkBytes / (strip_bytes + 1) + 1, threads_for(0, bytes), [&](int64_t begin, int64_t end) {
    for (int64_t cell = begin; cell < end;) {
      const int64_t outer = cell / strips, stop = std::min(end, (outer + 1) * strips);
      for_each_row(copy, a, outer, outer + 1, [&](int64_t from_offset, int64_t to_offset) {
        for (; cell < stop; ++cell) {
          const int64_t column = cell % strips * kTileColumns, width = std::min(kTileColumns, columns - column);
          const int64_t step = tile_rows(width);
          for (int64_t row = 0; row < rows; row += step) {
            T* tile_to = to + to_offset + column * copy.to[a] + row;
            const T* tile_from = from + from_offset + row * copy.from[b] + column;
            const int64_t height = std::min(step, rows - row);
            if (tile.turn) {
              tile.turn(tile_to, copy.to[a], tile_from, copy.from[b], height, width);
            } else {
              transpose_any_tile(tile_to, copy.to[a], tile_from, copy.from[b], height, width);
            }
          }
        }
      });
    }
    if (tile.finish) tile.finish();
  });
}

template <class T>
void copy_rows(T* to, const T* from, const StridedCopy& copy) {
  const int inner = copy.rank - 1;
  const int64_t n = copy.dims[inner], from_stride = copy.from[inner], to_stride = copy.to[inner];
  const int64_t rows = rows_of(copy, inner), row_bytes = n * static_cast<int64_t>(sizeof(T));
  const int threads = threads_for(0, 2.0 * rows * row_bytes);
  parallel_range(rows, kChunkBytes / (row_bytes + 1) + 1, threads, [&](int64_t begin, int64_t end) {
    for_each_row(copy, inner, begin, end, [&](int64_t from_offset, int64_t to_offset) {
      const T* x = from + from_offset;
      T* y = to + to_offset;
      if (to_stride == 1 && from_stride == 1) {
        if (n * sizeof(T) >= 64) {
          std::memcpy(y, x, n * sizeof(T));
        } else {
          for (int64_t i = 0; i < n; ++i) y[i] = x[i];
        }
      } else if (to_stride == 1 && from_stride == 0) {
        std::fill_n(y, n, *x);
      } else {
        for (int64_t i = 0; i < n; ++i) y[i * to_stride] = x[i * from_stride];
      }
    });
  });
}

template <class T>
void copy_as(void* to, const void* from, StridedCopy copy, TileFunctions tile = {}) {
  const int inner = copy.rank - 1;
  // A single long row is cut so that it can be shared.
  if (copy.rank == 1 && copy.dims[0] * static_cast<int64_t>(sizeof(T)) > 2 * kChunkBytes) {
    const int64_t piece = kChunkBytes / static_cast<int64_t>(sizeof(T)), whole = copy.dims[0] / piece * piece;
    StridedCopy pieces, rest;
    pieces.add(whole / piece, copy.from[0] * piece, copy.to[0] * piece);
    pieces.add(piece, copy.from[0], copy.to[0]);
    copy_rows(static_cast<T*>(to), static_cast<const T*>(from), pieces);
    rest.add(copy.dims[0] - whole, copy.from[0], copy.to[0]);
    return copy_rows(static_cast<T*>(to) + whole * copy.to[0], static_cast<const T*>(from) + whole * copy.from[0],
                     rest);
  }
  if (copy.to[inner] == 1 && copy.from[inner] != 1 && copy.from[inner] != 0) {
    for (int i = 0; i < inner; ++i) {
      if (copy.from[i] != 1) continue;
      move_axis_last(copy, i);
      std::swap(copy.dims[inner - 1], copy.dims[inner]);
      std::swap(copy.from[inner - 1], copy.from[inner]);
      std::swap(copy.to[inner - 1], copy.to[inner]);
      return copy_transposed(static_cast<T*>(to), static_cast<const T*>(from), copy, tile);
    }
  }
  copy_rows(static_cast<T*>(to), static_cast<const T*>(from), copy);
}

}  // namespace

StridedCopy simplify(const StridedCopy& copy) {
  StridedCopy out;
  for (int i = 0; i < copy.rank; ++i) {
    if (copy.dims[i] == 1) continue;
    const int last = out.rank - 1;
    if (last >= 0 && out.from[last] == copy.from[i] * copy.dims[i] && out.to[last] == copy.to[i] * copy.dims[i]) {
      out.dims[last] *= copy.dims[i];
      out.from[last] = copy.from[i];
      out.to[last] = copy.to[i];
    } else {
      out.add(copy.dims[i], copy.from[i], copy.to[i]);
    }
  }
  if (out.rank == 0) out.add(1, 1, 1);
  return out;
}

void strided_copy(void* to, const void* from, StridedCopy copy, size_t element_size, TileFunctions tile32) {
  for (int i = 0; i < copy.rank; ++i) {
    if (copy.dims[i] == 0) return;
  }
  copy = simplify(copy);
  switch (element_size) {
    case 1:
      return copy_as<uint8_t>(to, from, copy);
    case 2:
      return copy_as<uint16_t>(to, from, copy);
    case 4:
      return copy_as<uint32_t>(to, from, copy, tile32);
    default:
      return copy_as<uint64_t>(to, from, copy);
  }
}

void fill(void* to, int64_t count, const void* value, size_t element_size) {
  StridedCopy copy;
  copy.add(count, 0, 1);
  strided_copy(to, value, copy, element_size);
}

}  // namespace pyneural::cpu::portable
