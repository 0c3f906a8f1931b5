#include "graph/gather.h"

#include <cstring>

#include "threads/parallel.h"

namespace pyneural {

namespace {

// Batches are gathered by rows in chunks of about this many bytes.
constexpr size_t kGatherChunk = 64 << 10;
constexpr int64_t kRowsAhead = 2;  // measured: one is too late, more do not help

// Rows lie anywhere: without a hint every one begins with a wait for memory.
void prefetch(const char* row, size_t bytes) {
  constexpr size_t kLine = 64;
  for (size_t at = 0; at < bytes; at += kLine) __builtin_prefetch(row + at);
}

}  // namespace

void gather_rows(char* to, const char* from, const int64_t* rows, int64_t count, size_t row_bytes) {
  const int64_t per_chunk =
      row_bytes >= kGatherChunk ? 1 : static_cast<int64_t>(kGatherChunk / (row_bytes ? row_bytes : 1));
  parallel_range(count, per_chunk, threads_for(0, 2.0 * count * row_bytes), [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (i + kRowsAhead < count && row_bytes <= kGatherChunk)
        prefetch(from + rows[i + kRowsAhead] * row_bytes, row_bytes);
      std::memcpy(to + i * row_bytes, from + rows[i] * row_bytes, row_bytes);
    }
  });
}

}  // namespace pyneural
