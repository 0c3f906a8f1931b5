// What the kernels around a plan's steps read in the memory of a GPU: which batch it is, where its rows come from and
// where its results go. Plain data, written by graph/, read by cuda/batch.cu.
#pragma once

#include "core/kernel.h"

namespace pyneural {

// The rows of one input, or the results of one output, of all batches.
struct BatchArray {
  void* data;    // nullptr: the output is dropped
  int64_t ring;  // 0: the whole array; else it holds this many batches in turn, in the epoch's order
};

struct BatchControl {
  RunState state;
  int64_t batch;         // since the start of this call
  int64_t first_row;     // of batch 0, in the epoch's order
  const int64_t* order;  // row numbers, or nullptr: rows as they lie

  // Behind the struct: those of the inputs, then those of the outputs.
  PN_MEMBER const BatchArray* arrays() const { return reinterpret_cast<const BatchArray*>(this + 1); }
};

struct BatchParams {
  int32_t index;  // of the array
  int64_t rows;
  int64_t row_bytes;
};

struct BatchCopy {
  const void* from;
  void* to;
  int64_t bytes;
};

struct CommitParams {
  int64_t count;
  int64_t largest_bytes;
};

}  // namespace pyneural
