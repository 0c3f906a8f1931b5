#include "graph/passes.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "graph/variable.h"

namespace pyneural {

namespace {

struct ValueHash {
  size_t operator()(const Value& value) const {
    return reinterpret_cast<size_t>(value.node().get()) * 31 + static_cast<size_t>(value.index());
  }
};
using Replacements = std::unordered_map<Value, Value, ValueHash>;

template <class Fn>
void for_each_root(Graph& graph, const Fn& fn) {
  for (Value& output : graph.outputs) fn(output);
  for (auto& assign : graph.assigns) fn(assign.second);
}

class UseCounts : public FusionContext {
 public:
  explicit UseCounts(Graph& graph) {
    for (const Node* node : schedule(graph)) {
      for (const Value& input : node->inputs) {
        if (input) ++counts_[input];
      }
    }
    for_each_root(graph, [this](const Value& root) { ++counts_[root]; });
  }
  int uses(const Value& value) const override {
    const auto found = counts_.find(value);
    return found == counts_.end() ? 0 : found->second;
  }
  // Whoever read the old value will read the new one.
  void replace(const Value& old_value, const Value& new_value) { counts_[new_value] += uses(old_value); }

 private:
  std::unordered_map<Value, int, ValueHash> counts_;
};

// Points every reader of a replaced value at its replacement.
void substitute(Value& value, const Replacements& replacements) {
  if (!value) return;
  for (auto found = replacements.find(value); found != replacements.end(); found = replacements.find(value)) {
    value = found->second;
  }
}

void rewrite(Graph& graph, const std::vector<Node*>& nodes, const Replacements& replacements) {
  for (Node* node : nodes) {
    for (Value& input : node->inputs) substitute(input, replacements);
  }
  for_each_root(graph, [&](Value& root) { substitute(root, replacements); });
}

size_t hash_of(const Node& node) {
  size_t hash = reinterpret_cast<size_t>(node.op);
  for (const Value& input : node.inputs) hash = hash * 1000003 + (input ? ValueHash()(input) : 7);
  const auto* words = static_cast<const uint64_t*>(node.params.data());
  for (size_t i = 0; i < Params::kBytes / sizeof(uint64_t); ++i) hash = hash * 1099511628211u + words[i];
  return hash;
}

void merge_common_subexpressions(Graph& graph) {
  const std::vector<Node*> nodes = schedule(graph);
  std::unordered_multimap<size_t, Node*> seen;
  Replacements replacements;
  for (Node* node : nodes) {
    for (Value& input : node->inputs) substitute(input, replacements);
    // A node that was computed while tracing has given its operands away: nothing tells it from another one.
    if (!node->op || node->op->effect || !node->tensors.empty()) continue;
    const size_t hash = hash_of(*node);
    Node* twin = nullptr;
    const auto [first, last] = seen.equal_range(hash);
    for (auto it = first; it != last && !twin; ++it) {
      const Node& other = *it->second;
      if (other.op == node->op && other.inputs == node->inputs && other.params == node->params &&
          other.specs == node->specs) {
        twin = it->second;
      }
    }
    if (!twin) {
      seen.emplace(hash, node);
      continue;
    }
    for (size_t i = 0; i < node->specs.size(); ++i) {
      const int index = static_cast<int>(i);
      replacements.emplace(Value(node->shared_from_this(), index), Value(twin->shared_from_this(), index));
    }
  }
  rewrite(graph, nodes, replacements);
}

void call_fusion_hooks(Graph& graph) {
  UseCounts counts(graph);
  Replacements replacements;
  const std::vector<Node*> nodes = schedule(graph);
  for (Node* node : nodes) {
    for (Value& input : node->inputs) substitute(input, replacements);
    if (!node->op || !node->op->fuse || !node->symbolic()) continue;
    const NodeIdScope scope(node->id);
    const Values fused = node->op->fuse(counts, *node);
    for (size_t i = 0; i < fused.size(); ++i) {
      if (!fused[i]) continue;
      const Value old_value(node->shared_from_this(), static_cast<int>(i));
      counts.replace(old_value, fused[i]);
      replacements.emplace(old_value, fused[i]);
    }
  }
  rewrite(graph, nodes, replacements);
}

}  // namespace

std::vector<Node*> schedule(const Graph& graph) {
  std::vector<Node*> nodes, pending;
  for (const Value& output : graph.outputs) pending.push_back(output.node().get());
  for (const auto& assign : graph.assigns) pending.push_back(assign.second.node().get());
  for (const auto& effect : graph.effects) pending.push_back(effect.get());
  // Depth first: operands come before their readers even where a fusion gave both the same id.
  std::unordered_set<Node*> done;
  while (!pending.empty()) {
    Node* node = pending.back();
    const size_t before = pending.size();
    if (!done.count(node)) {
      for (const Value& input : node->inputs) {
        if (input && !done.count(input.node().get())) pending.push_back(input.node().get());
      }
    }
    if (pending.size() > before) continue;
    pending.pop_back();
    if (done.insert(node).second) nodes.push_back(node);
  }
  std::stable_sort(nodes.begin(), nodes.end(), [](const Node* a, const Node* b) { return a->id < b->id; });
  return nodes;
}

void optimize(Graph& graph) {
  merge_common_subexpressions(graph);
  // Twice: the result of one hook may be what another looks for.
  call_fusion_hooks(graph);
  call_fusion_hooks(graph);
}

}  // namespace pyneural
