// Chains of element-wise ops as one op: fuse_elementwise() is the hook by which the graph builds them, from their last
// op backwards.
#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "graph/node.h"
#include "ops/elementwise.h"

namespace pyneural::ops {

namespace {

Specs infer_fused(const InferCall& call) {
  Shape shape;
  for (size_t i = 0; i < call.inputs.size(); ++i) shape = broadcast_shapes(shape, call.in(i).shape, call.op.name);
  return {{shape, call.in(0).dtype}};
}

Cost cost_fused(const CostCall& call) {
  const Spec& out = call.outputs[0].spec();
  Cost cost{static_cast<double>(out.shape.size()) * call.params.as<FusedParams>().num_instructions,
            static_cast<double>(out.bytes())};
  for (const Value& input : call.inputs) cost.bytes += static_cast<double>(input.spec().bytes());
  return cost;
}

const OpDef kFusedElementwise{
    .name = "fused_elementwise", .infer = infer_fused, .cost = cost_fused, .fuse = fuse_elementwise, .in_place = 1};

struct Operand {
  bool is_step;  // the result of an earlier step, else an input
  int index;
  bool operator==(const Operand& other) const { return is_step == other.is_step && index == other.index; }
};

struct Step {
  ElementwiseOp op;
  std::vector<Operand> operands;
};

// What a chain computes; the last step is the result.
struct Program {
  Values inputs;
  std::vector<Step> steps;

  Operand input(const Value& value) {
    const auto found = std::find(inputs.begin(), inputs.end(), value);
    const int index = static_cast<int>(found - inputs.begin());
    if (found == inputs.end()) inputs.push_back(value);
    return {false, index};
  }
  int reads(const Operand& operand) const {
    int reads = 0;
    for (const Step& step : steps) reads += std::count(step.operands.begin(), step.operands.end(), operand);
    return reads;
  }
  bool fits() const { return inputs.size() <= kFusedMaxInputs && steps.size() <= kFusedMaxInstructions; }
};

Program program_of(const Node& node) {
  Program program;
  if (node.op != &kFusedElementwise) {
    Step step{*fused_opcode(*node.op), {}};
    for (const Value& input : node.inputs) step.operands.push_back(program.input(input));
    program.steps.push_back(std::move(step));
    return program;
  }
  const FusedParams& params = node.params.as<FusedParams>();
  program.inputs = node.inputs;
  for (int i = 0; i < params.num_instructions; ++i) {
    Step step{params.instructions[i].op, {}};
    for (int k = 0; k < operand_count(step.op); ++k) {
      const int index = params.instructions[i].operands[k];
      const bool is_step = index >= params.num_inputs;
      step.operands.push_back({is_step, is_step ? index - params.num_inputs : index});
    }
    program.steps.push_back(std::move(step));
  }
  return program;
}

// `outer` with its input number `position` computed by `inner`.
Program splice(const Program& outer, int position, const Program& inner) {
  Program merged = inner;
  const int offset = static_cast<int>(inner.steps.size());
  for (Step step : outer.steps) {
    for (Operand& operand : step.operands) {
      if (operand.is_step) {
        operand.index += offset;
      } else if (operand.index == position) {
        operand = {true, offset - 1};
      } else {
        operand = merged.input(outer.inputs[operand.index]);
      }
    }
    merged.steps.push_back(std::move(step));
  }
  return merged;
}

// Numbers the registers and gives each intermediate result a block that is free while it lives.
FusedParams encode(const Program& program) {
  FusedParams params{};
  const int num_inputs = static_cast<int>(program.inputs.size()), num_steps = static_cast<int>(program.steps.size());
  params.num_inputs = static_cast<uint8_t>(num_inputs);
  params.num_instructions = static_cast<uint8_t>(num_steps);
  std::vector<int> last_reader(num_steps, num_steps), slot_free_after;
  for (int i = 0; i < num_steps; ++i) {
    const Step& step = program.steps[i];
    params.instructions[i].op = step.op;
    for (size_t k = 0; k < step.operands.size(); ++k) {
      const Operand& operand = step.operands[k];
      if (operand.is_step) last_reader[operand.index] = i;
      params.instructions[i].operands[k] = static_cast<uint8_t>(operand.index + (operand.is_step ? num_inputs : 0));
    }
  }
  for (int i = 0; i < num_steps; ++i) {
    size_t slot = 0;  // a result may replace an operand that is read for the last time
    while (slot < slot_free_after.size() && slot_free_after[slot] > i) ++slot;
    if (slot == slot_free_after.size()) slot_free_after.push_back(0);
    slot_free_after[slot] = last_reader[i];
    params.instructions[i].slot = static_cast<uint8_t>(slot);
  }
  params.num_slots = static_cast<uint8_t>(slot_free_after.size());
  return params;
}

// A constant whose elements are all alike, as the gradient of a mean begins with: one of them; else nothing.
Value one_of_all(const Value& value) {
  const Node& node = *value.node();
  if (node.symbolic() || node.tracked || node.variable || node.input_index >= 0 || value.shape().size() < 2) return {};
  const Tensor all = value.tensor().to({});
  const char* const data = all.as<char>();
  const size_t bytes = all.spec.bytes(), item = dtype_size(all.dtype());
  if (std::memcmp(data, data + item, bytes - item) != 0) return {};
  Tensor one = Tensor::empty({{}, all.dtype()});
  std::memcpy(one.data(), data, item);
  return Value(one.to(value.tensor().device()));
}

// Such constants need not be read element by element, as long as another input tells the shape.
bool narrow_constants(Values& inputs, const Spec& spec) {
  bool narrowed = false;
  for (Value& input : inputs) {
    const bool shape_known = std::any_of(inputs.begin(), inputs.end(), [&](const Value& other) {
      return !(other == input) && other.shape() == spec.shape;
    });
    const Value one = shape_known ? one_of_all(input) : Value();
    if (!one) continue;
    input = one;
    narrowed = true;
  }
  return narrowed;
}

bool is_link(const Value& value) {
  const Node& node = *value.node();
  return node.op && node.symbolic() && (node.op == &kFusedElementwise || fused_opcode(*node.op));
}

}  // namespace

std::optional<ElementwiseOp> fused_opcode(const OpDef& op) {
  const auto search = [&op](const OpDef* table, ElementwiseOp first,
                            ElementwiseOp end) -> std::optional<ElementwiseOp> {
    const int base = static_cast<int>(first), count = static_cast<int>(end) - base;
    for (int i = 0; i < count; ++i) {
      if (&op == table + i) return static_cast<ElementwiseOp>(base + i);
    }
    return std::nullopt;
  };
  if (const auto found = search(unary_defs, ElementwiseOp::negative, ElementwiseOp::add)) return found;
  if (const auto found = search(binary_defs, ElementwiseOp::add, ElementwiseOp::relu)) return found;
  return search(activation_defs, ElementwiseOp::relu, ElementwiseOp::count);
}

Values fuse_elementwise(const FusionContext& context, const Node& node) {
  const Spec& spec = node.specs[0];
  if (!is_floating(spec.dtype)) return {};
  Program program = program_of(node);
  bool grown = false;
  for (size_t i = 0; i < program.inputs.size();) {
    const Value input = program.inputs[i];
    const int position = static_cast<int>(i++);
    // Computed inside the chain if it has the chain's shape and nobody outside reads it.
    if (!is_link(input) || !(input.spec() == spec) || program.reads({false, position}) != context.uses(input)) continue;
    Program longer = splice(program, position, program_of(*input.node()));
    if (!longer.fits()) continue;
    program = std::move(longer);
    grown = true;
    i = 0;
  }
  if (!narrow_constants(program.inputs, spec) && !grown) return {};
  return apply(kFusedElementwise, encode(program), program.inputs);
}

}  // namespace pyneural::ops
