// Operands that are broadcast, as kernels see them: a collapsed shape and strides in the order of the output.
#pragma once

#include <climits>
#include <cstdint>

#include "cuda/units.h"

namespace pyneural::cuda {

// How the elements of a pack, which follow each other in the output, lie in an operand.
enum class Walk : int32_t {
  run,     // in a row, aligned to the size of the pack
  same,    // all of them are one element
  single,  // each on its own
};

struct BroadcastOperand {
  const void* data;
  Walk walk;
  int32_t rank;
  uint32_t strides[kMaxRank];
  Divider dims[kMaxRank];  // what is left for the first one is its index
};

// `in` as it is read for `out`, in packs of `pack` elements. `out` has at most kMaxBroadcast elements.
constexpr int64_t kMaxBroadcast = INT_MAX;
BroadcastOperand make_operand(const View& in, const View& out, int pack);

// Cuts off the first half of an output along its first axis longer than one, with what it reads of its operands:
// `out` and `in` become the second half.
void split_half(View* in, int num_in, View& out, View* first_in, View& first_out);

// fn(in, out) for parts of the output that are small enough for kernels that broadcast.
template <class Fn>
void for_small_parts(const View* in, int num_in, const View& out, const Fn& fn) {
  if (out.size <= kMaxBroadcast) return fn(in, out);
  constexpr int kMaxOperands = 16;
  View first_in[kMaxOperands], rest_in[kMaxOperands], first = out, rest = out;
  for (int i = 0; i < num_in; ++i) first_in[i] = rest_in[i] = in[i];
  split_half(rest_in, num_in, rest, first_in, first);
  for_small_parts(first_in, num_in, first, fn);
  for_small_parts(rest_in, num_in, rest, fn);
}

}  // namespace pyneural::cuda
