// The Op interface: what an op *is*. csrc/ops/ defines ops; graph/ runs, differentiates and compiles them.
#pragma once

#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

#include "core/error.h"
#include "core/tensor.h"

namespace pyneural {

struct Node;
struct OpDef;
class Variable;

// One output of a node. Empty (false) where an optional operand was left out or a gradient is zero.
class Value {
 public:
  Value() = default;
  Value(std::shared_ptr<Node> node, int index) : node_(std::move(node)), index_(index) {}
  explicit Value(Tensor tensor);  // a constant

  explicit operator bool() const { return node_ != nullptr; }
  const std::shared_ptr<Node>& node() const { return node_; }
  int index() const { return index_; }
  const Spec& spec() const;  // throws TypeError if empty
  const Shape& shape() const { return spec().shape; }
  DType dtype() const { return spec().dtype; }
  bool symbolic() const;         // inside a trace: has a shape but no value yet
  const Tensor& tensor() const;  // throws ValueError if symbolic
  bool operator==(const Value& other) const { return node_ == other.node_ && index_ == other.index_; }

 private:
  const Node& require_node() const;

  std::shared_ptr<Node> node_;
  int index_ = 0;
};

using Values = std::vector<Value>;
using Specs = std::vector<Spec>;

// The parameters of one application of an op: a trivially copyable struct, shared with the kernel.
class Params {
 public:
  static constexpr size_t kBytes = 192;
  Params() { std::memset(bytes_, 0, kBytes); }
  template <class P>
  Params(const P& params) : Params() {  // NOLINT: implicit on purpose, apply(op, {.axis = 1}, ...)
    static_assert(std::is_trivially_copyable_v<P> && sizeof(P) <= kBytes);
    std::memcpy(bytes_, &params, sizeof(P));
  }
  template <class P>
  const P& as() const {
    return *reinterpret_cast<const P*>(bytes_);
  }
  template <class P>
  P& as() {
    return *reinterpret_cast<P*>(bytes_);
  }
  const void* data() const { return bytes_; }
  bool operator==(const Params& other) const { return std::memcmp(bytes_, other.bytes_, kBytes) == 0; }

 private:
  alignas(16) unsigned char bytes_[kBytes];
};

// Shape rule. `in[i].spec` of an operand that was left out is meaningless: check `present(i)`.
struct InferCall {
  const OpDef& op;
  const Params& params;
  const Values& inputs;
  bool present(size_t i) const { return i < inputs.size() && static_cast<bool>(inputs[i]); }
  const Spec& in(size_t i) const { return inputs[i].spec(); }
};

// Gradient rule: grads[i] belongs to outputs[i] (empty if nothing flows there). Returns one Value per input; compute
// only those with needs(i), leave the others empty.
struct GradCall {
  const OpDef& op;
  const Params& params;
  const Values& inputs;
  const Values& outputs;
  const Values& grads;
  const std::vector<bool>& needed;
  bool needs(size_t i) const { return i < needed.size() && needed[i]; }
};

struct Cost {
  double flops = 0;
  double bytes = 0;
};

struct CostCall {
  const Params& params;
  const Values& inputs;
  const Values& outputs;
};

// What a fusion hook may look at: how often a value is read, in a graph that is being compiled.
class FusionContext {
 public:
  virtual ~FusionContext() = default;
  virtual int uses(const Value& value) const = 0;  // readers, graph outputs and effects included
};

constexpr uint64_t in_place(int output, int input) { return uint64_t{1} << (8 * output + input); }

struct OpDef {
  const char* name;
  Specs (*infer)(const InferCall&);
  Values (*grad)(const GradCall&) = nullptr;  // nullptr: asking for a gradient through it is an error
  Cost (*cost)(const CostCall&) = nullptr;    // nullptr: one flop per output element, bytes of all operands
  // Compile time: called for each node of this op, operands first. Returns values that replace the node's outputs
  // (built with apply), or nothing.
  Values (*fuse)(const FusionContext&, const Node&) = nullptr;
  bool view = false;     // output 0 is input 0 with another shape: no kernel, no copy
  bool effect = false;   // must run even if nobody reads its outputs (a guard)
  bool reports = false;  // its kernel may set the run's state: an index out of range, a value that is not finite
  // Its kernel may write into variables on a GPU, where a failure is known to kernels only: it does nothing after one.
  bool writes_variables = false;
  // Output 0 is its inputs laid end to end at byte offsets, which the last input holds (a constant int64 tensor):
  // operands may be computed in place, and the kernel copies only those that were not.
  bool pack = false;
  // Byte i, bit j: output i may occupy the memory of input j (of the same size); see in_place(). The kernel reads
  // element k of that input before it writes element k of the output.
  uint64_t in_place = 0;
  bool (*in_place_when)(const Params&) = nullptr;             // nullptr: whatever the parameters are
  mutable const KernelEntry* kernels[kDeviceKindCount] = {};  // found at first use
};

// Applies an op: runs its kernel if all inputs have values, else adds a node to the trace.
Values apply(const OpDef& op, const Params& params, const Values& inputs);
Value apply1(const OpDef& op, const Params& params, const Values& inputs);  // the only output

// Sums two gradients of one value (defined by ops/binary.cpp).
Value accumulate(const Value& a, const Value& b);

// Gradients of the sum of targets (weighted by seeds, if given) with respect to sources; empty where there is no path.
Values gradients(const Values& targets, const Values& sources, const Values& seeds = {});

}  // namespace pyneural
