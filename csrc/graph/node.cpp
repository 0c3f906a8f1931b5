#include "graph/node.h"

#include <atomic>

#include "core/registry.h"
#include "graph/variable.h"

namespace pyneural {

namespace {
std::atomic<uint64_t> next_id{1};
thread_local uint64_t fixed_id = 0;
thread_local int recordings = 0;
}  // namespace

Node::Node() : id(fixed_id ? fixed_id : next_id.fetch_add(1, std::memory_order_relaxed)) {}

// A long chain of nodes would recurse once per node: take the inputs apart in a loop instead.
Node::~Node() {
  Values pending = std::move(inputs);
  while (!pending.empty()) {
    const Value value = std::move(pending.back());
    pending.pop_back();
    if (value && value.node().use_count() == 1) {
      for (Value& input : value.node()->inputs) pending.push_back(std::move(input));
      value.node()->inputs.clear();
    }
  }
}

bool Recording::active() { return recordings > 0; }
void Recording::start() { ++recordings; }
void Recording::stop() {
  if (!recordings) value_error("`stop_recording` without `start_recording` on this thread.");
  --recordings;
}

NodeIdScope::NodeIdScope(uint64_t id) { fixed_id = id; }
NodeIdScope::~NodeIdScope() { fixed_id = 0; }

KernelHooks& kernel_hooks() {
  static KernelHooks hooks;
  return hooks;
}

void throw_status(const RunState& state, const char* op) {
  if (state.status == Status::index_out_of_range) {
    index_error("`", op, "`: index ", state.value, " is out of range for size ", state.limit, " (at position ",
                state.position, ").");
  }
  throw NotFiniteError(concat("`", op, "`: a value is NaN or infinite."));
}

const KernelEntry& kernel_for(const OpDef& op, DeviceKind device) {
  const KernelEntry*& slot = op.kernels[static_cast<int>(device)];
  if (!slot) slot = find_kernel(device, op.name);
  if (!slot) type_error("`", op.name, "` has no kernel on this device.");
  return *slot;
}

Value::Value(Tensor tensor) : node_(std::make_shared<Node>()) {
  node_->specs = {tensor.spec};
  node_->tensors = {std::move(tensor)};
}

const Spec& Value::spec() const { return require_node().specs[index_]; }
bool Value::symbolic() const { return require_node().symbolic(); }

const Node& Value::require_node() const {
  if (!node_) type_error("Expected an array, a tensor or a number. Received: None");
  return *node_;
}

const Tensor& Value::tensor() const {
  if (symbolic()) {
    value_error("This tensor is symbolic: it stands for a value of a traced function and has none of its own. Shape: ",
                shape(), ", dtype: ", dtype_name(dtype()), ".");
  }
  return node_->tensors[index_];
}

}  // namespace pyneural
