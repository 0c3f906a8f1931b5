#include "graph/gather.h"

#include <algorithm>
#include <cstring>

#include "threads/parallel.h"

namespace pyneural {

namespace {

// Batches are gathered by rows in chunks of about this many bytes.
constexpr size_t kGatherChunk = 64 << 10;
constexpr size_t kLine = 64;
// Rows lie anywhere: without a hint every one begins with a wait for memory. Measured: with less under way memory is
// not busy, and more does not help. Of rows from kLongRow on the hardware foresees enough by itself.
constexpr size_t kBytesAhead = 8 << 10;
constexpr int64_t kMaxRowsAhead = 64;
constexpr size_t kLongRow = 16 << 10;

// Copies a row and asks for another one meanwhile, line by line: that keeps more requests under way than to ask for
// all of it first.
void copy_row(char* to, const char* from, const char* coming, size_t bytes) {
  size_t at = 0;
  for (; at + kLine <= bytes; at += kLine) {
    __builtin_prefetch(coming + at);
    std::memcpy(to + at, from + at, kLine);
  }
  if (at == bytes) return;
  __builtin_prefetch(coming + bytes - 1);
  std::memcpy(to + at, from + at, bytes - at);
}

template <class CopyRow>
void gather(char* to, const char* from, const int64_t* rows, int64_t begin, int64_t end, int64_t known,
            size_t row_bytes, const CopyRow& copy) {
  const int64_t ahead = std::clamp<int64_t>(kBytesAhead / row_bytes, 1, kMaxRowsAhead);
  for (int64_t i = begin; i < end; ++i) {
    const int64_t coming = rows[std::min(i + ahead, known - 1)];
    copy(to + i * row_bytes, from + rows[i] * row_bytes, from + coming * row_bytes);
  }
}

// A call of memcpy would take longer than to copy so little.
template <size_t kBytes>
void copy_short_row(char* to, const char* from, const char* coming) {
  __builtin_prefetch(coming);
  std::memcpy(to, from, kBytes);
}

void gather_part(char* to, const char* from, const int64_t* rows, int64_t begin, int64_t end, int64_t known,
                 size_t row_bytes) {
  if (row_bytes == 4) return gather(to, from, rows, begin, end, known, 4, copy_short_row<4>);
  if (row_bytes == 8) return gather(to, from, rows, begin, end, known, 8, copy_short_row<8>);
  if (row_bytes < kLongRow) {
    return gather(to, from, rows, begin, end, known, row_bytes,
                  [=](char* row, const char* source, const char* coming) { copy_row(row, source, coming, row_bytes); });
  }
  for (int64_t i = begin; i < end; ++i) std::memcpy(to + i * row_bytes, from + rows[i] * row_bytes, row_bytes);
}

}  // namespace

void gather_rows(char* to, const char* from, const int64_t* rows, int64_t count, int64_t known, size_t row_bytes) {
  const size_t bytes = count * row_bytes;
  if (bytes == 0) return;
  if (bytes <= kGatherChunk) return gather_part(to, from, rows, 0, count, known, row_bytes);
  const int64_t per_chunk = std::max<int64_t>(kGatherChunk / row_bytes, 1);
  parallel_range(count, per_chunk, threads_for(0, 2.0 * bytes),
                 [=](int64_t begin, int64_t end) { gather_part(to, from, rows, begin, end, known, row_bytes); });
}

}  // namespace pyneural
