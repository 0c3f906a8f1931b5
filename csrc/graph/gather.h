// Rows of a data set, brought together into a batch.
#pragma once

#include "core/tensor.h"

namespace pyneural {

// Of an array whose first axis counts rows; 0 if it has none.
inline size_t bytes_of_row(const Spec& spec) { return spec.shape[0] ? spec.bytes() / spec.shape[0] : 0; }

// to[i] = from[rows[i]] for i < count. `known` >= count rows are listed: memory is asked for those that come next.
void gather_rows(char* to, const char* from, const int64_t* rows, int64_t count, int64_t known, size_t row_bytes);

}  // namespace pyneural
