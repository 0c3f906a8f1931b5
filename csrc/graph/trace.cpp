#include "graph/trace.h"

#include <algorithm>

#include "graph/plan.h"
#include "graph/variable.h"
#include "ops/shape.h"
#include "ops/stop_gradient.h"

namespace pyneural {

namespace {
thread_local Trace* active = nullptr;
}

Trace* Trace::current() { return active; }

void Trace::require_current(const char* op) {
  if (!active) {
    value_error(
        "`", op,
        "`: a symbolic tensor was used outside the function or model that it was traced in. Return the value from "
        "the traced function instead of keeping it.");
  }
}

void Trace::enter() {
  if (self_) value_error("This trace has been entered already.");
  self_ = shared_from_this();
  outer_ = active;
  active = this;
}

void Trace::leave() {
  if (active != this) value_error("Traces must be left in reverse order, on the thread that entered them.");
  active = outer_;
  const auto held = std::move(self_);
}

Value Trace::input(const Spec& spec) {
  if (compiled_) value_error("A compiled trace takes no more inputs.");
  auto node = std::make_shared<Node>();
  node->specs = {spec};
  node->input_index = static_cast<int>(graph_.inputs.size());
  node->tracked = true;
  graph_.inputs.emplace_back(node, 0);
  return graph_.inputs.back();
}

Value Trace::read(const std::shared_ptr<Variable>& variable) {
  for (const auto& window : variable->windows()) {
    if (newer_windows_.count(window.get())) return current_values_[variable.get()] = read_flat(*variable);
  }
  Value& value = current_values_[variable.get()];
  if (!value) {
    const auto flat = variable->base() ? current_values_.find(variable->base().get()) : current_values_.end();
    if (flat != current_values_.end() && flat->second.node()->op) {
      value = read_window(*variable, flat->second);
    } else {
      auto node = std::make_shared<Node>();
      node->specs = {variable->spec()};
      node->variable = variable;
      node->tracked = true;
      value = Value(node, 0);
    }
  }
  return value;
}

// The flat buffer has been updated in this trace: the window reads the new content.
Value Trace::read_window(const Variable& variable, const Value& flat) {
  const int64_t begin = static_cast<int64_t>(variable.base_offset() / dtype_size(variable.spec().dtype));
  return ops::reshape(ops::slice(flat, {begin}, {variable.spec().shape.size()}), variable.spec().shape);
}

// Windows have been assigned in this trace: the flat buffer is put together from what they hold now.
Value Trace::read_flat(const Variable& variable) {
  Values parts;
  ops::Dims offsets;
  for (const auto& window : variable.windows()) {
    parts.push_back(read(window));
    offsets.push_back(static_cast<int64_t>(window->base_offset()));
    newer_windows_.erase(window.get());
  }
  return ops::pack(parts, offsets, static_cast<int64_t>(variable.spec().bytes()));
}

void Trace::assign(const std::shared_ptr<Variable>& variable, const Value& value) {
  // What is read from now on is a new start, as it is when run at once: gradients do not flow into the update.
  current_values_[variable.get()] = ops::stop_gradient(value);
  if (variable->base()) newer_windows_.insert(variable.get());
  // A flat value replaces all that its windows hold.
  for (const auto& window : variable->windows()) {
    current_values_.erase(window.get());
    newer_windows_.erase(window.get());
    forget_assignment(window.get());
  }
  forget_assignment(variable.get());
  graph_.assigns.emplace_back(variable, value);
}

void Trace::forget_assignment(const Variable* variable) {
  auto& assigns = graph_.assigns;
  assigns.erase(
      std::remove_if(assigns.begin(), assigns.end(), [&](const auto& a) { return a.first.get() == variable; }),
      assigns.end());
}

std::shared_ptr<Plan> Trace::compile(const Values& outputs) {
  if (active != this) value_error("A trace is compiled inside its own `with` block.");
  if (compiled_) value_error("A trace can be compiled once.");
  for (const Value& output : outputs) output.spec();  // throws if empty
  compiled_ = true;
  graph_.outputs = outputs;
  return Plan::compile(std::move(graph_));
}

}  // namespace pyneural
