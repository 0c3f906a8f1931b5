// Node: one application of an op, or a leaf (constant, plan input, variable).
#pragma once

#include <cstdint>

#include "graph/op.h"

namespace pyneural {

struct Node : std::enable_shared_from_this<Node> {
  Node();
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  const OpDef* op = nullptr;  // nullptr: a leaf
  Params params;
  Values inputs;                // kept in traces, and eagerly while a tape records
  Specs specs;                  // one per output
  std::vector<Tensor> tensors;  // one per output; empty while symbolic
  uint64_t id;                  // creation order, which is a topological order
  bool tracked = false;         // gradients may flow through here: recorded, watched, or a variable
  bool shared_memory = false;   // the tensor is a window on memory that others may write: views of it must copy

  std::shared_ptr<Variable> variable;  // leaf: the variable that was read
  int input_index = -1;                // leaf: the plan input

  bool symbolic() const { return tensors.empty(); }
};

// Eager ops remember their inputs while at least one recording is open on this thread.
class Recording {
 public:
  static bool active();
  static void start();
  static void stop();
};

// Nodes made while it lives take this id: they stand where the node that they replace stood.
class NodeIdScope {
 public:
  explicit NodeIdScope(uint64_t id);
  ~NodeIdScope();
};

// What the bindings put in: Python's lock is released around kernels, and Ctrl-C is looked for during long runs.
struct KernelHooks {
  void* (*enter)() = nullptr;
  void (*leave)(void*) = nullptr;
  bool (*interrupted)() = nullptr;
};
KernelHooks& kernel_hooks();

// Turns a kernel's failure into an exception that names the op.
[[noreturn]] void throw_status(const RunState& state, const char* op);

// The kernel of an op on the CPU. Throws TypeError if there is none.
const KernelEntry& kernel_for(const OpDef& op, DeviceKind device);

}  // namespace pyneural
