#include "graph/trace.h"

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
  outer_ = active;
  active = this;
}

void Trace::leave() { active = outer_; }

Value Trace::input(const Spec& spec) {
  auto node = std::make_shared<Node>();
  node->specs = {spec};
  node->input_index = static_cast<int>(graph_.inputs.size());
  node->tracked = true;
  graph_.inputs.emplace_back(node, 0);
  return graph_.inputs.back();
}

Value Trace::read(const std::shared_ptr<Variable>& variable) {
  Value& value = current_values_[variable.get()];
  if (!value) {
    const auto& base = variable->base();
    const auto assigned = base ? current_values_.find(base.get()) : current_values_.end();
    if (assigned != current_values_.end() && assigned->second.node()->op) {
      // The flat buffer has been updated in this trace: the window reads the new content.
      const int64_t begin = static_cast<int64_t>(variable->base_offset() / dtype_size(variable->spec().dtype));
      const Value window = ops::slice(assigned->second, {begin}, {variable->spec().shape.size()});
      value = ops::reshape(window, variable->spec().shape);
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

void Trace::assign(const std::shared_ptr<Variable>& variable, const Value& value) {
  // What is read from now on is a new start, as it is when run at once: gradients do not flow into the update.
  current_values_[variable.get()] = ops::stop_gradient(value);
  // Windows read before keep their old value only where they were read: later reads must see this one.
  for (const auto& window : variable->windows()) {
    if (auto held = window.lock()) current_values_.erase(held.get());
  }
  for (auto& assign : graph_.assigns) {
    if (assign.first == variable) {
      assign.second = value;
      return;
    }
  }
  graph_.assigns.emplace_back(variable, value);
}

std::shared_ptr<Plan> Trace::compile(const Values& outputs) {
  graph_.outputs = outputs;
  return Plan::compile(std::move(graph_));
}

}  // namespace pyneural
