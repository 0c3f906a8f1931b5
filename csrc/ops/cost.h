#pragma once

#include "graph/op.h"

namespace pyneural::ops {

// Every operand is read and every output written once; so many flops for each of `elements`.
inline Cost streaming_cost(const CostCall& call, double flops_per_element, int64_t elements) {
  Cost cost;
  for (const Value& value : call.inputs) {
    if (value) cost.bytes += static_cast<double>(value.spec().bytes());
  }
  for (const Value& value : call.outputs) cost.bytes += static_cast<double>(value.spec().bytes());
  cost.flops = flops_per_element * static_cast<double>(elements);
  return cost;
}

}  // namespace pyneural::ops
