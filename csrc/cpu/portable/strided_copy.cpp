#include "cpu/portable/strided_copy.h"

#include <algorithm>
#include <cstring>

#include "threads/parallel.h"

namespace pyneural::cpu::portable {

namespace {

constexpr int64_t kChunkBytes = 128 << 10;  // of a parallel chunk
constexpr int64_t kTile = 128;              // rows and columns of a transposed tile

// Drops axes of one element and merges neighbours that are one axis to both sides.
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

typedef uint32_t Quad __attribute__((vector_size(16)));

Quad load_quad(const uint32_t* p) {
  Quad v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

// to[c * to_stride + r] = from[r * from_stride + c] for 4x4 elements.
void transpose_4x4(uint32_t* to, int64_t to_stride, const uint32_t* from, int64_t from_stride) {
  const Quad a = load_quad(from), b = load_quad(from + from_stride);
  const Quad c = load_quad(from + 2 * from_stride), d = load_quad(from + 3 * from_stride);
  const Quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const Quad columns[4] = {
      __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
      __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5), __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};
  for (int i = 0; i < 4; ++i) std::memcpy(to + i * to_stride, &columns[i], sizeof(Quad));
}

// Elements of a cache line of the source, as many columns as are turned together.
template <class T>
constexpr int64_t kLine = sizeof(T) >= 4 ? 64 / sizeof(T) : 16;

// to[c * to_stride + r] = from[r * from_stride + c] for kLine columns. Strides are often powers of two, whose lines all
// fall into the same few cache sets, and short writes to many rows wait for memory: the columns are turned in a buffer
// and written in long runs.
template <class T>
void transpose_columns(T* to, int64_t to_stride, const T* from, int64_t from_stride, int64_t rows) {
  constexpr int64_t n = kLine<T>;
  alignas(64) T turned[n * kTile];
  int64_t r = 0;
  if constexpr (sizeof(T) == 4) {
    for (; r + 4 <= rows; r += 4) {
      for (int64_t c = 0; c < n; c += 4) {
        transpose_4x4(turned + c * kTile + r, kTile, from + r * from_stride + c, from_stride);
      }
    }
  }
  for (; r < rows; ++r) {
    for (int64_t c = 0; c < n; ++c) turned[c * kTile + r] = from[r * from_stride + c];
  }
  for (int64_t c = 0; c < n; ++c) std::memcpy(to + c * to_stride, turned + c * kTile, rows * sizeof(T));
}

// to[c * to_stride + r] = from[r * from_stride + c], rows <= kTile by columns of the source.
template <class T>
void transpose_tile(T* to, int64_t to_stride, const T* from, int64_t from_stride, int64_t rows, int64_t columns) {
  int64_t c = 0;
  for (; c + kLine<T> <= columns; c += kLine<T>) {
    transpose_columns(to + c * to_stride, to_stride, from + c, from_stride, rows);
  }
  for (; c < columns; ++c) {
    for (int64_t r = 0; r < rows; ++r) to[c * to_stride + r] = from[r * from_stride + c];
  }
}

// The last axis is contiguous in the destination, the one before it in the source.
template <class T>
void copy_transposed(T* to, const T* from, const StridedCopy& copy) {
  const int a = copy.rank - 2, b = copy.rank - 1;
  const int64_t columns = copy.dims[a], rows = copy.dims[b];  // of the source
  const int64_t strips = (columns + kTile - 1) / kTile, cells = rows_of(copy, a) * strips;
  const double bytes = 2.0 * sizeof(T) * rows_of(copy, copy.rank);
  const int64_t strip_bytes = rows * std::min(columns, kTile) * static_cast<int64_t>(sizeof(T));
  parallel_range(cells, kChunkBytes / (strip_bytes + 1) + 1, threads_for(0, bytes), [&](int64_t begin, int64_t end) {
    for (int64_t cell = begin; cell < end;) {
      const int64_t outer = cell / strips, stop = std::min(end, (outer + 1) * strips);
      for_each_row(copy, a, outer, outer + 1, [&](int64_t from_offset, int64_t to_offset) {
        for (; cell < stop; ++cell) {
          const int64_t column = cell % strips * kTile, width = std::min(kTile, columns - column);
          for (int64_t row = 0; row < rows; row += kTile) {
            transpose_tile(to + to_offset + column * copy.to[a] + row, copy.to[a],
                           from + from_offset + row * copy.from[b] + column, copy.from[b], std::min(kTile, rows - row),
                           width);
          }
        }
      });
    }
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
void copy_as(void* to, const void* from, StridedCopy copy) {
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
      return copy_transposed(static_cast<T*>(to), static_cast<const T*>(from), copy);
    }
  }
  copy_rows(static_cast<T*>(to), static_cast<const T*>(from), copy);
}

}  // namespace

void strided_copy(void* to, const void* from, StridedCopy copy, size_t element_size) {
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
      return copy_as<uint32_t>(to, from, copy);
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
