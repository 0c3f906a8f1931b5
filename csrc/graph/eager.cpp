// apply(): runs an op at once, or adds it to a trace.
#include "core/backend.h"
#include "graph/node.h"
#include "graph/op.h"
#include "graph/trace.h"
#include "graph/variable.h"

namespace pyneural {

namespace {

// Below this, giving up Python's lock costs more than others can gain from it.
constexpr size_t kReleaseBytes = 32 << 10;
// Views of so many operands stand on the stack.
constexpr size_t kFewOperands = 6;

// Where an op runs: on the GPU of its operands. If all of them lie in the CPU's memory, as numbers and NumPy arrays do,
// where the user wants it.
Device device_of(const OpDef& op, const Values& inputs) {
  Device found;
  for (const Value& input : inputs) {
    if (!input || input.tensor().device().is_cpu()) continue;
    const Device device = input.tensor().device();
    if (!found.is_cpu() && !(found == device)) {
      value_error("`", op.name, "`: operands on ", device_name(found), " and ", device_name(device),
                  " cannot meet. Move one of them.");
    }
    found = device;
  }
  return found.is_cpu() ? current_device() : found;
}

// The same on a GPU: launches only, and waits only for ops that may fail.
void run_kernel_on(Device device, const OpDef& op, Node& node, const Values& inputs) {
  Backend& gpu = backend(device);
  const KernelEntry& kernel = kernel_for(op, device.kind);
  std::vector<View> views;
  std::vector<Tensor> moved;
  for (const Value& input : inputs) {
    if (input) moved.push_back(input.tensor().to(device));
    views.push_back(input ? make_view(input.spec(), moved.back().data()) : View{});
  }
  for (const Spec& spec : node.specs) {
    node.tensors.push_back(Tensor::empty(spec, device));
    views.push_back(make_view(spec, node.tensors.back().data()));
  }
  KernelArgs args{};
  args.in = views.data();
  args.num_in = static_cast<int>(inputs.size());
  args.out = views.data() + inputs.size();
  args.num_out = static_cast<int>(node.specs.size());
  args.params = node.params.data();
  args.stream = gpu.stream();
  std::shared_ptr<Storage> workspace, state;
  if (op.reports) {
    state = Storage::allocate(sizeof(RunState), device);
    gpu.zero(state->data(), sizeof(RunState));
    args.state = static_cast<RunState*>(state->data());
  }
  if (kernel.workspace) {
    const size_t needed = kernel.workspace(args);
    if (needed) workspace = Storage::allocate(needed, device);
    args.workspace = workspace ? workspace->data() : nullptr;
  }
  kernel.run(args);
  if (!state) return;
  RunState result;
  gpu.download(&result, state->data(), sizeof(result));
  if (result.status != Status::ok) throw_status(result, op.name);
}

void run_kernel(const OpDef& op, Node& node, const Values& inputs) {
  const Device device = device_of(op, inputs);
  if (!device.is_cpu()) return run_kernel_on(device, op, node, inputs);
  const KernelEntry& kernel = kernel_for(op, DeviceKind::cpu);
  View few[kFewOperands];
  std::vector<View> many;
  const size_t operands = inputs.size() + node.specs.size();
  if (operands > kFewOperands) many.resize(operands);
  View* const views = operands > kFewOperands ? many.data() : few;
  View* view = views;
  size_t bytes = 0;
  for (const Value& input : inputs) {
    *view++ = input ? make_view(input.spec(), input.tensor().data()) : View{};
    if (input) bytes += input.spec().bytes();
  }
  node.tensors.reserve(node.specs.size());
  for (const Spec& spec : node.specs) {
    node.tensors.push_back(Tensor::empty(spec));
    *view++ = make_view(spec, node.tensors.back().data());
    bytes += spec.bytes();
  }
  RunState state;
  KernelArgs args{};
  args.in = views;
  args.num_in = static_cast<int>(inputs.size());
  args.out = views + inputs.size();
  args.num_out = static_cast<int>(node.specs.size());
  args.params = node.params.data();
  args.state = &state;
  std::shared_ptr<Storage> workspace;
  if (kernel.workspace) {
    const size_t needed = kernel.workspace(args);
    if (needed) workspace = Storage::allocate(needed);
    args.workspace = workspace ? workspace->data() : nullptr;
  }
  const KernelHooks& hooks = kernel_hooks();
  const bool release = hooks.enter && bytes > kReleaseBytes;
  void* token = release ? hooks.enter() : nullptr;
  kernel.run(args);
  if (release) hooks.leave(token);
  if (state.status != Status::ok) throw_status(state, op.name);
}

std::shared_ptr<Node> apply_node(const OpDef& op, const Params& params, const Values& inputs) {
  auto node = std::make_shared<Node>();
  node->op = &op;
  node->params = params;
  node->specs = op.infer(InferCall{op, params, inputs});
  bool symbolic = false, tracked = false;
  for (const Value& input : inputs) {
    if (!input) continue;
    symbolic |= input.symbolic();
    tracked |= input.node()->tracked;
  }
  if (symbolic) {
    node->inputs = inputs;
    node->tracked = tracked;
    Trace::require_current(op.name);
    if (op.effect) Trace::current()->add_effect(node);
  } else {
    if (op.view) {
      const Node& source = *inputs[0].node();
      Tensor tensor = source.shared_memory ? inputs[0].tensor().clone(inputs[0].tensor().device()) : inputs[0].tensor();
      tensor.spec = node->specs[0];
      node->tensors = {std::move(tensor)};
    } else {
      run_kernel(op, *node, inputs);
    }
    if (tracked && Recording::active()) {
      node->inputs = inputs;
      node->tracked = true;
    }
  }
  return node;
}

}  // namespace

Values apply(const OpDef& op, const Params& params, const Values& inputs) {
  const std::shared_ptr<Node> node = apply_node(op, params, inputs);
  Values outputs;
  for (size_t i = 0; i < node->specs.size(); ++i) outputs.emplace_back(node, static_cast<int>(i));
  return outputs;
}

Value apply1(const OpDef& op, const Params& params, const Values& inputs) {
  return {apply_node(op, params, inputs), 0};
}

}  // namespace pyneural
