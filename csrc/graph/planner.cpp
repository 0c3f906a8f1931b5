// From a graph to a plan: the order of steps, where every value lives, and the memory in between.
#include <algorithm>
#include <unordered_map>

#include "core/error.h"
#include "core/registry.h"
#include "graph/passes.h"
#include "graph/plan.h"
#include "graph/plan_instance.h"
#include "graph/variable.h"

namespace pyneural {

namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kMaxArena = size_t{1} << 60;  // sums of two cannot overflow
size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

bool overlaps(const Variable& a, const Variable& b) { return &a == &b || a.base().get() == &b || b.base().get() == &a; }

}  // namespace

class Planner {
 public:
  Planner(Plan& plan, Graph& graph) : plan_(plan), graph_(graph) {}

  void build() {
    for (const Value& input : graph_.inputs) plan_.input_specs_.push_back(input.spec());
    for (const Value& output : graph_.outputs) plan_.output_specs_.push_back(output.spec());
    const std::vector<Node*> nodes = schedule(graph_);
    plan_.device_ = device_of(nodes);
    for (Node* node : nodes) add_node(*node);
    end_ = static_cast<int>(plan_.steps_.size());
    find_last_uses();
    place_packed();
    place_assigned();
    place_outputs();
    share_in_place();
    add_workspaces();
    allocate();
    find_first_write();
  }

 private:
  // Where the variables are; without any, where the user wants the plan.
  Device device_of(const std::vector<Node*>& nodes) const {
    const Variable* first = nullptr;
    const auto meet = [&](const Variable& variable) {
      if (first && !(first->device() == variable.device())) {
        value_error("A traced function uses variables on different devices, ", device_name(first->device()), " and ",
                    device_name(variable.device()), ". Move them to one.");
      }
      first = &variable;
    };
    for (const Node* node : nodes) {
      if (node->variable) meet(*node->variable);
    }
    for (const auto& assign : graph_.assigns) meet(*assign.first);
    return first ? first->device() : current_device();
  }

  int add_buffer(Place place, size_t bytes, int index = -1) {
    Buffer buffer;
    buffer.place = place;
    buffer.bytes = bytes;
    buffer.index = index;
    plan_.buffers_.push_back(buffer);
    producer_.push_back(-1);
    return static_cast<int>(plan_.buffers_.size()) - 1;
  }

  int variable_index(const std::shared_ptr<Variable>& variable) {
    auto& variables = plan_.variables_;
    const auto found = std::find(variables.begin(), variables.end(), variable);
    if (found != variables.end()) return static_cast<int>(found - variables.begin());
    variables.push_back(variable);
    return static_cast<int>(variables.size()) - 1;
  }

  Slot& slot_of(const Value& value) { return slots_[value.node().get()][value.index()]; }

  void add_node(Node& node) {
    std::vector<Slot>& slots = slots_[&node];
    slots.resize(node.specs.size());
    if (!node.tensors.empty()) {
      for (size_t i = 0; i < node.tensors.size(); ++i) {
        slots[i].buffer = add_buffer(Place::constant, node.specs[i].bytes());
        plan_.buffers_.back().constant = node.tensors[i].to(plan_.device_);
      }
      return;
    }
    if (node.variable) {
      slots[0].buffer = add_buffer(Place::variable, node.specs[0].bytes(), variable_index(node.variable));
      return;
    }
    if (node.input_index >= 0) {
      const size_t index = static_cast<size_t>(node.input_index);
      if (index >= graph_.inputs.size() || graph_.inputs[index].node().get() != &node) {
        value_error("A traced function used a symbolic tensor of another trace.");
      }
      slots[0].buffer = add_buffer(Place::input, node.specs[0].bytes(), node.input_index);
      return;
    }
    if (!node.op) value_error("A traced function used a symbolic tensor of another trace.");
    if (node.op->view) {
      slots[0] = slot_of(node.inputs[0]);
      return;
    }
    Step step;
    step.node = node.shared_from_this();
    step.kernel = &kernel_for(*node.op, plan_.device_.kind);
    for (const Value& input : node.inputs) step.inputs.push_back(input ? slot_of(input) : Slot{});
    for (size_t i = 0; i < node.specs.size(); ++i) {
      slots[i].buffer = add_buffer(Place::arena, node.specs[i].bytes());
      producer_.back() = static_cast<int>(plan_.steps_.size());
      plan_.buffers_.back().first = producer_.back();
      step.outputs.push_back(slots[i]);
    }
    if (node.op->effect) last_guard_ = static_cast<int>(plan_.steps_.size());
    plan_.steps_.push_back(std::move(step));
  }

  void find_last_uses() {
    auto& buffers = plan_.buffers_;
    for (Buffer& buffer : buffers) buffer.last = buffer.first;
    for (int i = 0; i < end_; ++i) {
      for (const Slot& slot : plan_.steps_[i].inputs) {
        if (slot.buffer >= 0) buffers[slot.buffer].last = i;
      }
    }
    // Alive to the end: what is copied after the last step.
    for (const Value& output : graph_.outputs) buffers[slot_of(output).buffer].last = end_;
    for (const auto& assign : graph_.assigns) buffers[slot_of(assign.second).buffer].last = end_;
    moved_.resize(buffers.size(), false);
  }

  // A buffer that a step computes, still free to be put elsewhere.
  bool movable(const Slot& slot, size_t bytes) const {
    const Buffer& buffer = plan_.buffers_[slot.buffer];
    return buffer.place == Place::arena && !moved_[slot.buffer] && slot.offset == 0 && buffer.bytes == bytes &&
           !buffer.persistent;
  }

  // Lets buffer `from` live inside buffer `to`.
  void move(int from, int to, size_t offset) {
    moved_[from] = true;
    alias_[from] = Slot{to, offset};
    Buffer& target = plan_.buffers_[to];
    target.first = std::min(target.first, plan_.buffers_[from].first);
    target.last = std::max(target.last, plan_.buffers_[from].last);
  }

  // Operands of a pack are computed where they will lie: gradients go straight into the flat buffer.
  void place_packed() {
    for (Step& step : plan_.steps_) {
      if (!step.node->op->pack) continue;
      const int flat = step.outputs[0].buffer;
      plan_.buffers_[flat].persistent = true;
      const std::vector<int64_t> offsets = pack_offsets(*step.node);
      for (size_t i = 0; i < offsets.size(); ++i) {
        const Slot& slot = step.inputs[i];
        if (slot.buffer < 0 || !movable(slot, step.node->inputs[i].spec().bytes())) continue;
        move(slot.buffer, flat, static_cast<size_t>(offsets[i]));
      }
    }
  }

  static std::vector<int64_t> pack_offsets(const Node& node) {
    const Tensor offsets = node.inputs.back().tensor().to({});
    return {offsets.as<int64_t>(), offsets.as<int64_t>() + node.inputs.size() - 1};
  }

  // An assigned value is computed in the variable's own memory if it comes after every guard, so that a failing run
  // leaves the variable alone, and after every other read of the variable.
  void place_assigned() {
    for (const auto& [variable, value] : graph_.assigns) {
      const int index = variable_index(variable);
      if (std::find(plan_.written_.begin(), plan_.written_.end(), variable) == plan_.written_.end()) {
        plan_.written_.push_back(variable);
      }
      const Slot slot = slot_of(value);
      const size_t bytes = variable->spec().bytes();
      const int to = add_buffer(Place::variable, bytes, index);
      moved_.push_back(false);
      const Buffer& source = plan_.buffers_[slot.buffer];
      if (source.place == Place::variable) {
        if (source.index == index) continue;
        // The other variable may be assigned too: its old value is saved before any variable is written.
        const int saved = add_buffer(Place::arena, bytes);
        moved_.push_back(false);
        plan_.buffers_[saved].first = plan_.buffers_[saved].last = end_;
        plan_.copies_.insert(plan_.copies_.begin(), {slot, Slot{saved, 0}, bytes});
        plan_.copies_.push_back({Slot{saved, 0}, Slot{to, 0}, bytes});
      } else if (movable(slot, bytes) && may_overwrite(*variable, slot.buffer)) {
        move(slot.buffer, to, 0);
      } else {
        plan_.copies_.push_back({slot, Slot{to, 0}, bytes});
      }
    }
  }

  bool may_overwrite(const Variable& variable, int buffer) const {
    const int step = producer_[buffer];
    if (step <= last_guard_) return false;
    // On a GPU the host does not stop a failing run: only kernels that look at its state may write a variable.
    if (!plan_.device_.is_cpu() && !plan_.steps_[step].node->op->writes_variables) return false;
    const auto reads = [&](const Slot& slot) {
      if (slot.buffer < 0 || plan_.buffers_[slot.buffer].place != Place::variable) return false;
      return overlaps(*plan_.variables_[plan_.buffers_[slot.buffer].index], variable);
    };
    for (int i = step + 1; i < end_; ++i) {
      if (std::any_of(plan_.steps_[i].inputs.begin(), plan_.steps_[i].inputs.end(), reads)) return false;
    }
    for (const Copy& copy : plan_.copies_) {
      if (reads(copy.from)) return false;
    }
    for (const Value& output : graph_.outputs) {
      if (reads(slots_.at(output.node().get())[output.index()])) return false;
    }
    for (const auto& assign : graph_.assigns) {
      if (reads(slots_.at(assign.second.node().get())[assign.second.index()])) return false;
    }
    const Step& own = plan_.steps_[step];
    for (size_t input = 0; input < own.inputs.size(); ++input) {
      if (reads(own.inputs[input]) && !in_place_allowed(own, buffer, input)) return false;
    }
    // The value itself may be read later (by outputs or other assigns): it stays readable in the variable.
    return true;
  }

  static bool in_place_allowed(const Step& step, int buffer, size_t input) {
    const OpDef& op = *step.node->op;
    if (op.in_place_when && !op.in_place_when(step.node->params)) return false;
    for (size_t output = 0; output < step.outputs.size() && output < 8; ++output) {
      if (step.outputs[output].buffer == buffer) {
        return input < 8 && (op.in_place & in_place(static_cast<int>(output), static_cast<int>(input)));
      }
    }
    return false;
  }

  // Outputs are computed in the caller's memory where possible.
  void place_outputs() {
    for (size_t i = 0; i < graph_.outputs.size(); ++i) {
      const Slot slot = slot_of(graph_.outputs[i]);
      const size_t bytes = graph_.outputs[i].spec().bytes();
      const int to = add_buffer(Place::output, bytes, static_cast<int>(i));
      moved_.push_back(false);
      if (movable(slot, bytes)) {
        move(slot.buffer, to, 0);
      } else {
        // First of all copies: an output may be the old value of a variable.
        plan_.copies_.insert(plan_.copies_.begin(), {slot, Slot{to, 0}, bytes});
      }
    }
  }

  void share_in_place() {
    for (int i = 0; i < end_; ++i) {
      Step& step = plan_.steps_[i];
      for (const Slot& output : step.outputs) {
        if (moved_[output.buffer] || plan_.buffers_[output.buffer].persistent) continue;
        for (size_t input = 0; input < step.inputs.size() && input < 8; ++input) {
          const Slot& slot = step.inputs[input];
          if (slot.buffer < 0 || slot.offset || !in_place_allowed(step, output.buffer, input)) continue;
          const int root = root_of(slot.buffer);
          const Buffer& buffer = plan_.buffers_[root];
          if (buffer.place != Place::arena || buffer.persistent || root == root_of(output.buffer) || buffer.last != i ||
              buffer.bytes != plan_.buffers_[output.buffer].bytes || taken_by_sibling(step, root)) {
            continue;
          }
          move(output.buffer, root, 0);
          break;
        }
      }
    }
  }

  bool taken_by_sibling(const Step& step, int root) const {
    return std::any_of(step.outputs.begin(), step.outputs.end(),
                       [&](const Slot& slot) { return moved_[slot.buffer] && root_of(slot.buffer) == root; });
  }

  int root_of(int buffer) const {
    for (auto found = alias_.find(buffer); found != alias_.end(); found = alias_.find(buffer)) {
      buffer = found->second.buffer;
    }
    return buffer;
  }

  Slot resolve(Slot slot) const {
    for (auto found = alias_.find(slot.buffer); found != alias_.end(); found = alias_.find(slot.buffer)) {
      slot = {found->second.buffer, slot.offset + found->second.offset};
    }
    return slot;
  }

  void add_workspaces() {
    for (int i = 0; i < end_; ++i) {
      Step& step = plan_.steps_[i];
      if (!step.kernel->workspace) continue;
      std::vector<View> views;
      for (const Value& input : step.node->inputs) views.push_back(input ? make_view(input.spec(), nullptr) : View{});
      for (const Spec& spec : step.node->specs) views.push_back(make_view(spec, nullptr));
      KernelArgs args{};
      args.in = views.data();
      args.num_in = static_cast<int>(step.node->inputs.size());
      args.out = views.data() + args.num_in;
      args.num_out = static_cast<int>(step.node->specs.size());
      args.params = step.node->params.data();
      const size_t bytes = step.kernel->workspace(args);
      if (!bytes) continue;
      step.workspace = add_buffer(Place::arena, bytes);
      plan_.buffers_.back().first = plan_.buffers_.back().last = i;
      moved_.push_back(false);
    }
  }

  // Greedy by size: the largest buffers first, each at the lowest offset where nothing alive at the same time lies.
  void allocate() {
    auto& buffers = plan_.buffers_;
    std::vector<int> order;
    for (int i = 0; i < static_cast<int>(buffers.size()); ++i) {
      if (buffers[i].place == Place::arena && !moved_[i]) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return buffers[a].bytes > buffers[b].bytes; });
    std::vector<int> placed;  // by offset
    for (int i : order) {
      Buffer& buffer = buffers[i];
      if (buffer.persistent) {
        buffer.first = 0;
        buffer.last = end_;
      }
      size_t offset = 0;
      for (int other : placed) {
        const Buffer& neighbour = buffers[other];
        if (neighbour.last < buffer.first || buffer.last < neighbour.first) continue;
        if (offset + buffer.bytes <= neighbour.offset) break;
        offset = std::max(offset, aligned(neighbour.offset + neighbour.bytes));
      }
      if (buffer.bytes > kMaxArena || offset > kMaxArena) throw OutOfMemory(buffer.bytes);
      buffer.offset = offset;
      placed.insert(std::upper_bound(placed.begin(), placed.end(), i,
                                     [&](int a, int b) { return buffers[a].offset < buffers[b].offset; }),
                    i);
      plan_.arena_bytes_ = std::max(plan_.arena_bytes_, aligned(offset + buffer.bytes));
    }
    for (Step& step : plan_.steps_) {
      for (Slot& slot : step.inputs) slot = resolve(slot);
      for (Slot& slot : step.outputs) slot = resolve(slot);
    }
    for (Copy& copy : plan_.copies_) {
      copy.from = resolve(copy.from);
      copy.to = resolve(copy.to);
    }
  }

  void find_first_write() {
    const auto writes = [&](const Step& step) {
      return std::any_of(step.outputs.begin(), step.outputs.end(),
                         [&](const Slot& slot) { return plan_.buffers_[slot.buffer].place == Place::variable; });
    };
    const auto first = std::find_if(plan_.steps_.begin(), plan_.steps_.end(), writes);
    plan_.first_write_ = static_cast<int>(first - plan_.steps_.begin());
  }

  Plan& plan_;
  Graph& graph_;
  int end_ = 0;
  int last_guard_ = -1;
  std::unordered_map<const Node*, std::vector<Slot>> slots_;
  std::vector<int> producer_;  // step that computes a buffer, or -1
  std::vector<bool> moved_;
  std::unordered_map<int, Slot> alias_;
};

std::shared_ptr<Plan> Plan::compile(Graph graph) {
  optimize(graph);
  std::shared_ptr<Plan> plan(new Plan);
  Planner(*plan, graph).build();
  return plan;
}

}  // namespace pyneural
