// Trace: records what a function does with symbolic tensors and variables, to be compiled into a Plan.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "graph/node.h"

namespace pyneural {

class Plan;

// What compile() works on.
struct Graph {
  std::vector<Value> inputs;
  std::vector<Value> outputs;
  std::vector<std::pair<std::shared_ptr<Variable>, Value>>
      assigns;                                 // final values, in the order of the last assignments
  std::vector<std::shared_ptr<Node>> effects;  // guards
};

class Trace : public std::enable_shared_from_this<Trace> {
 public:
  static Trace* current();  // of this thread; nullptr outside
  // Throws ValueError: a symbolic tensor has escaped its trace.
  static void require_current(const char* op);

  void enter();
  void leave();

  Value input(const Spec& spec);
  Value read(const std::shared_ptr<Variable>& variable);
  void assign(const std::shared_ptr<Variable>& variable, const Value& value);
  void add_effect(const std::shared_ptr<Node>& node) { graph_.effects.push_back(node); }

  std::shared_ptr<Plan> compile(const Values& outputs);

 private:
  Value read_window(const Variable& variable, const Value& flat);
  Value read_flat(const Variable& variable);
  void forget_assignment(const Variable* variable);

  Graph graph_;
  std::unordered_map<Variable*, Value> current_values_;  // read or assigned so far
  std::unordered_set<const Variable*> newer_windows_;    // assigned since their flat variable was read or assigned
  std::shared_ptr<Trace> self_;                          // while entered: it outlives its block
  Trace* outer_ = nullptr;
  bool compiled_ = false;
};

}  // namespace pyneural
