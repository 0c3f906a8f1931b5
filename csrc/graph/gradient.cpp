// The gradient walk: the same code for tapes and traces, because gradient rules only call ops.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "graph/node.h"
#include "graph/op.h"
#include "graph/variable.h"
#include "ops/promote.h"

namespace pyneural {

namespace {

Value filled_ones(const Spec& spec) {
  Tensor tensor = Tensor::empty(spec);
  const int64_t size = spec.shape.size();
  if (spec.dtype == DType::float32) {
    std::fill_n(tensor.as<float>(), size, 1.0f);
  } else if (spec.dtype == DType::float64) {
    std::fill_n(tensor.as<double>(), size, 1.0);
  } else {
    type_error("Gradients are taken of float32 and float64 tensors. Received a target of dtype ",
               dtype_name(spec.dtype), ".");
  }
  return Value(std::move(tensor));
}

// Nodes from which a target can be reached, newest first.
std::vector<Node*> history(const Values& targets) {
  std::vector<Node*> nodes, pending;
  std::unordered_set<Node*> seen;
  const auto visit = [&](const Value& value) {
    if (value && value.node()->tracked && seen.insert(value.node().get()).second) pending.push_back(value.node().get());
  };
  for (const Value& target : targets) visit(target);
  while (!pending.empty()) {
    Node* node = pending.back();
    pending.pop_back();
    nodes.push_back(node);
    for (const Value& input : node->inputs) visit(input);
  }
  std::sort(nodes.begin(), nodes.end(), [](const Node* a, const Node* b) { return a->id > b->id; });
  return nodes;
}

}  // namespace

Values gradients(const Values& targets, const Values& sources, const Values& seeds) {
  for (const Values* values : {&targets, &sources}) {
    for (const Value& value : *values) value.spec();  // throws if empty
  }
  // A variable may have been read through several leaves: they count as one.
  std::unordered_set<const Node*> source_nodes;
  std::unordered_set<const Variable*> source_variables;
  for (const Value& source : sources) {
    source_nodes.insert(source.node().get());
    if (source.node()->variable) source_variables.insert(source.node()->variable.get());
  }
  const auto is_source = [&](const Node* node) {
    return source_nodes.count(node) || (node->variable && source_variables.count(node->variable.get()));
  };

  std::vector<Node*> nodes = history(targets);
  // Oldest first: which nodes lie between a source and the targets?
  std::unordered_set<const Node*> relevant;
  for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) {
    bool found = is_source(*it);
    for (const Value& input : (*it)->inputs) found |= input && relevant.count(input.node().get());
    if (found) relevant.insert(*it);
  }

  std::unordered_map<const Node*, Values> grads;
  const auto add = [&](const Value& value, const Value& grad) {
    Values& slots = grads[value.node().get()];
    slots.resize(value.node()->specs.size());
    Value& slot = slots[value.index()];
    slot = slot ? accumulate(slot, grad) : grad;
  };
  for (size_t i = 0; i < targets.size(); ++i) {
    if (!relevant.count(targets[i].node().get())) continue;
    const Value seed = i < seeds.size() && seeds[i] ? seeds[i] : filled_ones(targets[i].spec());
    if (seed.shape() != targets[i].shape()) {
      value_error("The output gradient has shape ", seed.shape(), ", but its target has shape ", targets[i].shape(),
                  ".");
    }
    // Kernels rely on operands of one dtype.
    add(targets[i], ops::cast_to(seed, targets[i].dtype()));
  }

  for (Node* node : nodes) {
    const auto found = grads.find(node);
    if (found == grads.end() || !node->op || !relevant.count(node)) continue;
    std::vector<bool> needed;
    bool any = false;
    for (const Value& input : node->inputs) {
      needed.push_back(input && is_floating(input.dtype()) && relevant.count(input.node().get()));
      any |= needed.back();
    }
    if (!any) continue;
    if (!node->op->grad) {
      type_error("`", node->op->name,
                 "` has no gradient rule, but the gradient of something that depends on it was asked for. ",
                 "Put `stop_gradient` around it if it should count as a constant.");
    }
    Values outputs;
    for (size_t i = 0; i < node->specs.size(); ++i) outputs.emplace_back(node->shared_from_this(), static_cast<int>(i));
    const Values output_grads = found->second;
    const Values input_grads =
        node->op->grad(GradCall{*node->op, node->params, node->inputs, outputs, output_grads, needed});
    for (size_t i = 0; i < node->inputs.size() && i < input_grads.size(); ++i) {
      if (!needed[i] || !input_grads[i]) continue;
      if (input_grads[i].shape() != node->inputs[i].shape()) {
        throw std::logic_error(concat("The gradient rule of `", node->op->name, "` gives shape ",
                                      input_grads[i].shape(), " for an input of shape ", node->inputs[i].shape(), "."));
      }
      add(node->inputs[i], input_grads[i]);
    }
    if (!is_source(node)) grads.erase(node);
  }

  Values result;
  for (const Value& source : sources) {
    Value total;
    for (const Node* node : nodes) {
      const bool same_variable = source.node()->variable && node->variable == source.node()->variable;
      const auto found = grads.find(node);
      if (found == grads.end() || (node != source.node().get() && !same_variable)) continue;
      const Value& slot = found->second[same_variable ? 0 : source.index()];
      if (slot) total = total ? accumulate(total, slot) : slot;
    }
    result.push_back(total);
  }
  return result;
}

}  // namespace pyneural
