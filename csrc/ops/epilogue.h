// What the graph may move into the op that makes a value: an activation, or a scale and an offset per channel.
#pragma once

#include "graph/op.h"
#include "ops/activation_params.h"

namespace pyneural::ops {

// How an op takes up what follows it. Both are given a node of the op that has Activation::linear and return its
// replacement, or nothing if this node can't. Scale and offset are vectors over the last axis of the node's output.
struct EpilogueHost {
  Value (*with_activation)(const Node& node, Activation activation);
  Value (*with_affine)(const Node& node, const Value& scale, const Value& offset);
};

bool register_epilogue_host(const OpDef& op, EpilogueHost host);
// The host that makes this value and that nobody but one node reads; nullptr if there is none.
const EpilogueHost* epilogue_host(const FusionContext& context, const Value& value);

// For ops of (x, kernel, bias): the node with scale (shaped to broadcast against the kernel) and offset multiplied into
// its kernel and bias, where that kernel has fewer elements than the output.
Value with_scaled_kernel(const Node& node, const Value& kernel_scale, const Value& scale, const Value& offset);

}  // namespace pyneural::ops
