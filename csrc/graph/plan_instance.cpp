#include "graph/plan_instance.h"

#include <cstring>

#include "core/error.h"
#include "graph/variable.h"

namespace pyneural {

namespace {
constexpr double kLongStep =
    2e7;  // flops or bytes: from about 0.1 ms on, next to which reading the clock costs nothing
constexpr auto kLookUpEvery = std::chrono::milliseconds(100);
}  // namespace

PlanInstance::PlanInstance(const Plan& plan)
    : plan_(plan),
      arena_(Storage::allocate(plan.arena_bytes_, plan.device_)),
      own_inputs_(plan.input_specs_.size()),
      own_outputs_(plan.output_specs_.size()),
      inputs_(plan.input_specs_.size(), nullptr),
      outputs_(plan.output_specs_.size(), nullptr) {
  for (const Buffer& buffer : plan.buffers_) {
    if (buffer.persistent && buffer.place == Place::arena) {
      zero_bytes(static_cast<char*>(arena_->data()) + buffer.offset, plan.device_, buffer.bytes);
    }
  }
  bind();
}

char* PlanInstance::address(const Slot& slot) const {
  const Buffer& buffer = plan_.buffers_[slot.buffer];
  char* base = nullptr;
  switch (buffer.place) {
    case Place::arena:
      base = static_cast<char*>(arena_->data()) + buffer.offset;
      break;
    case Place::constant:
      base = static_cast<char*>(buffer.constant.data());
      break;
    case Place::variable:
      base = static_cast<char*>(variables_[buffer.index].data());
      break;
    case Place::input:
      base = const_cast<char*>(static_cast<const char*>(inputs_[buffer.index]));
      break;
    case Place::output:
      base = static_cast<char*>(outputs_[buffer.index]);
      break;
  }
  return base ? base + slot.offset : nullptr;
}

void PlanInstance::bind() {
  const std::lock_guard lock(Variable::layout_lock());
  layout_version_ = Variable::layout_version();
  variables_.clear();
  for (const auto& variable : plan_.variables_) {
    if (!(variable->device() == plan_.device_)) {
      value_error("A variable has moved to ", device_name(variable->device()), ", but the plan that uses it runs on ",
                  device_name(plan_.device_), ". Trace the function again.");
    }
    variables_.push_back(variable->tensor());
  }
  size_t count = 0;
  for (const Step& step : plan_.steps_) count += step.inputs.size() + step.outputs.size();
  views_.clear();
  views_.reserve(count);
  bound_.clear();
  input_patches_.assign(inputs_.size(), {});
  output_patches_.assign(outputs_.size(), {});
  const auto add = [&](const Slot& slot, const Spec& spec) {
    views_.push_back(make_view(spec, address(slot)));
    const Buffer& buffer = plan_.buffers_[slot.buffer];
    if (buffer.place == Place::input) input_patches_[buffer.index].push_back({&views_.back(), slot.offset});
    if (buffer.place == Place::output) output_patches_[buffer.index].push_back({&views_.back(), slot.offset});
  };
  for (const Step& step : plan_.steps_) {
    KernelArgs args{};
    args.in = views_.data() + views_.size();
    args.num_in = static_cast<int>(step.inputs.size());
    for (size_t i = 0; i < step.inputs.size(); ++i) {
      if (step.inputs[i].buffer < 0) {
        views_.push_back(View{});
      } else {
        add(step.inputs[i], step.node->inputs[i].spec());
      }
    }
    args.out = views_.data() + views_.size();
    args.num_out = static_cast<int>(step.outputs.size());
    for (size_t i = 0; i < step.outputs.size(); ++i) add(step.outputs[i], step.node->specs[i]);
    args.params = step.node->params.data();
    args.workspace = step.workspace < 0 ? nullptr : address({step.workspace, 0});
    args.state = state_address_;
    args.step = static_cast<int32_t>(bound_.size());
    bound_.push_back({step.kernel->run, args, false});
  }
  const std::vector<Cost> costs = plan_.costs();
  for (int i = 0; i < plan_.first_write_; ++i) {
    bound_[i].look_up = costs[i].flops > kLongStep || costs[i].bytes > kLongStep;
  }
}

void PlanInstance::set_input(int index, const void* data) {
  if (inputs_[index] == data) return;
  inputs_[index] = data;
  for (const Patch& patch : input_patches_[index]) {
    patch.view->data = const_cast<char*>(static_cast<const char*>(data)) + patch.offset;
  }
}

void PlanInstance::set_output(int index, void* data) {
  if (!data) {
    if (!own_outputs_[index])
      own_outputs_[index] = Storage::allocate(plan_.output_specs_[index].bytes(), plan_.device_);
    data = own_outputs_[index]->data();
  }
  if (outputs_[index] == data) return;
  outputs_[index] = data;
  for (const Patch& patch : output_patches_[index]) patch.view->data = static_cast<char*>(data) + patch.offset;
}

void* PlanInstance::own_input(int index) {
  if (!own_inputs_[index]) own_inputs_[index] = Storage::allocate(plan_.input_specs_[index].bytes(), plan_.device_);
  return own_inputs_[index]->data();
}

void PlanInstance::throw_if_failed(const RunState& state, size_t step) const {
  if (state.status != Status::ok) throw_status(state, plan_.steps_[step].node->op->name);
}

void PlanInstance::run(const std::vector<const void*>& inputs, const std::vector<void*>& outputs) {
  for (size_t i = 0; i < inputs.size(); ++i) set_input(static_cast<int>(i), inputs[i]);
  for (size_t i = 0; i < outputs.size(); ++i) set_output(static_cast<int>(i), outputs[i]);
  run();
}

void PlanInstance::run() {
  begin_run();
  for (const Bound& step : bound_) {
    step.run(step.args);
    throw_if_failed(state_, &step - bound_.data());
    if (step.look_up) stop_if_interrupted();
  }
  end_run();
}

void PlanInstance::stop_if_interrupted() {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_up_ < kLookUpEvery) return;
  looked_up_ = now;
  const auto interrupted = kernel_hooks().interrupted;
  if (interrupted && interrupted()) throw Interrupted();
}

void PlanInstance::run_timed(const std::vector<const void*>& inputs, std::vector<std::vector<double>>* seconds) {
  for (size_t i = 0; i < inputs.size(); ++i) set_input(static_cast<int>(i), inputs[i]);
  for (size_t i = 0; i < outputs_.size(); ++i) set_output(static_cast<int>(i), nullptr);
  begin_run();
  seconds->resize(bound_.size());
  for (size_t i = 0; i < bound_.size(); ++i) {
    const auto start = std::chrono::steady_clock::now();
    bound_[i].run(bound_[i].args);
    (*seconds)[i].push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    throw_if_failed(state_, i);
  }
  end_run();
}

std::vector<double> PlanInstance::time_rounds(const std::vector<const void*>& inputs, int repeats, int rounds) {
  for (size_t i = 0; i < inputs.size(); ++i) set_input(static_cast<int>(i), inputs[i]);
  for (size_t i = 0; i < outputs_.size(); ++i) set_output(static_cast<int>(i), nullptr);
  std::vector<double> seconds;
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < repeats; ++i) run();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    seconds.push_back(taken.count() / repeats);
  }
  return seconds;
}

void PlanInstance::begin_run() {
  if (layout_version_ != Variable::layout_version()) bind();
  state_ = RunState{};
}

void PlanInstance::end_run() {
  for (const Copy& copy : plan_.copies_) {
    if (copy.bytes) std::memcpy(address(copy.to), address(copy.from), copy.bytes);
  }
}

}  // namespace pyneural
