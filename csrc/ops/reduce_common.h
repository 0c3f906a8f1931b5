// What the reductions share: shape rules, cost, and the typed front.
#pragma once

#include "ops/reduce.h"
#include "ops/reduce_params.h"

namespace pyneural::ops {

Specs infer_reduced(const InferCall& call);  // same dtype; float16 and bfloat16 are TypeErrors
Cost cost_reduce(const CostCall& call);
Value reduce(const OpDef& op, const Value& x, const Axes& axes, bool keepdims);
// For an op that leaves a single element as it is: over axes of length one it is a reshape, which costs no kernel.
Value reduce_elements(const OpDef& op, const Value& x, const Axes& axes, bool keepdims);
// For kernels that pass over the data twice and want the reduced axes side by side: moves them to the end if need be.
Value reduce_adjacent(const OpDef& op, const Value& x, const Axes& axes, bool keepdims);

// A reduced value with its axes kept, so that it broadcasts against a tensor of shape x.
Value keep_axes(const Value& reduced, const Shape& x, const ReduceParams& params);
Axes axes_of(const ReduceParams& params);

}  // namespace pyneural::ops
