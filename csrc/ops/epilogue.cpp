#include "ops/epilogue.h"

#include <unordered_map>

#include "graph/node.h"
#include "ops/binary.h"

namespace pyneural::ops {

namespace {

using Hosts = std::unordered_map<const OpDef*, EpilogueHost>;
Hosts& hosts() {
  static Hosts hosts;
  return hosts;
}

}  // namespace

bool register_epilogue_host(const OpDef& op, EpilogueHost host) { return hosts().emplace(&op, host).second; }

const EpilogueHost* epilogue_host(const FusionContext& context, const Value& value) {
  const auto found = hosts().find(value.node()->op);
  return found != hosts().end() && context.uses(value) == 1 ? &found->second : nullptr;
}

Value with_scaled_kernel(const Node& node, const Value& kernel_scale, const Value& scale, const Value& offset) {
  const Value &x = node.inputs[0], &kernel = node.inputs[1], &bias = node.inputs[2];
  if (kernel.shape().size() >= node.specs[0].shape.size()) return {};
  const Value shift = bias ? add(multiply(bias, scale), offset) : offset;
  return apply1(*node.op, node.params, {x, multiply(kernel, kernel_scale), shift});
}

}  // namespace pyneural::ops
