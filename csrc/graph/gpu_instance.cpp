#include "graph/gpu_instance.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/registry.h"
#include "graph/gather.h"
#include "graph/variable.h"

namespace pyneural {

namespace {

View bytes_view(void* data, size_t bytes) {
  return make_view({Shape{static_cast<int64_t>(bytes)}, DType::uint8}, data);
}

bool overlap(const char* a, const char* b, int64_t a_bytes, int64_t b_bytes) {
  return a < b + b_bytes && b < a + a_bytes;
}

// Whether `next` must wait for one of `group`, or the other way round.
bool depends(const std::vector<BatchCopy>& group, const BatchCopy& next) {
  const auto* to = static_cast<const char*>(next.to);
  return std::any_of(group.begin(), group.end(), [&](const BatchCopy& copy) {
    const auto* written = static_cast<const char*>(copy.to);
    return overlap(written, static_cast<const char*>(next.from), copy.bytes, next.bytes) ||
           overlap(written, to, copy.bytes, next.bytes) ||
           overlap(static_cast<const char*>(copy.from), to, copy.bytes, next.bytes);
  });
}

}  // namespace

GpuInstance::GpuInstance(const Plan& plan) : PlanInstance(plan), gpu_(backend(plan.device_)) {
  const size_t arrays = plan.input_specs_.size() + plan.output_specs_.size();
  control_ = Storage::allocate(sizeof(BatchControl) + arrays * sizeof(BatchArray), plan.device_);
  state_address_ = &static_cast<BatchControl*>(control_->data())->state;
  for (size_t i = 0; i < inputs_.size(); ++i) set_input(static_cast<int>(i), own_input(static_cast<int>(i)));
  for (size_t i = 0; i < outputs_.size(); ++i) set_output(static_cast<int>(i), nullptr);
  for (const Step& step : plan.steps_) reports_ |= step.node->op->reports;
  GpuInstance::bind();
}

void GpuInstance::bind() {
  PlanInstance::bind();
  bind_services();
  single_.reset();
  batch_.reset();
  single_runs_ = batch_runs_ = 0;
}

void GpuInstance::add_service(std::vector<Service>& services, const char* name, const Params& params,
                              std::vector<View> views) {
  const KernelEntry* kernel = find_kernel(plan_.device_.kind, name);
  if (!kernel) type_error("`", name, "` has no kernel on this device.");
  services.push_back({kernel, std::move(views), params, {}});
}

void GpuInstance::bind_services() {
  gathers_.clear();
  commits_.clear();
  ends_.clear();
  const View control = bytes_view(control_->data(), control_->bytes());
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Spec& spec = plan_.input_specs_[i];
    if (spec.shape.rank() == 0 || spec.bytes() == 0) continue;
    const BatchParams params{static_cast<int32_t>(i), spec.shape[0], static_cast<int64_t>(bytes_of_row(spec))};
    add_service(gathers_, "gather_batch", params, {control, make_view(spec, const_cast<void*>(inputs_[i]))});
  }
  add_commits(commits_);
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const Spec& spec = plan_.output_specs_[i];
    if (spec.bytes() == 0) continue;
    const auto index = static_cast<int32_t>(inputs_.size() + i);
    const BatchParams params{index, 1, static_cast<int64_t>(spec.bytes())};
    add_service(ends_, "scatter_batch", params, {control, make_view(spec, outputs_[i])});
  }
  add_service(ends_, "advance_batch", {}, {control});
}

// The plan's copies, those that do not depend on each other in one launch.
void GpuInstance::add_commits(std::vector<Service>& services) {
  commit_tables_.clear();
  std::vector<BatchCopy> group;
  const auto flush = [&] {
    if (group.empty()) return;
    const size_t bytes = group.size() * sizeof(BatchCopy);
    commit_tables_.push_back(Storage::allocate(bytes, plan_.device_));
    void* table = commit_tables_.back()->data();
    gpu_.upload(table, group.data(), bytes);
    CommitParams params{static_cast<int64_t>(group.size()), 0};
    for (const BatchCopy& copy : group) params.largest_bytes = std::max(params.largest_bytes, copy.bytes);
    add_service(services, "commit_copies", params, {bytes_view(table, bytes)});
    group.clear();
  };
  for (const Copy& copy : plan_.copies_) {
    if (copy.bytes == 0) continue;
    const BatchCopy next{address(copy.from), address(copy.to), static_cast<int64_t>(copy.bytes)};
    if (depends(group, next)) flush();
    group.push_back(next);
  }
  flush();
}

void GpuInstance::launch(std::vector<Service>& services, void* stream) {
  for (Service& service : services) {
    KernelArgs args{};
    args.in = args.out = service.views.data();
    args.num_in = args.num_out = static_cast<int32_t>(service.views.size());
    args.out += args.num_in > 1;  // a service has at most one operand besides what it reads
    args.params = service.params.data();
    args.state = state_address_;
    args.stream = stream;
    service.kernel->run(args);
  }
}

void GpuInstance::launch_steps(void* stream) {
  for (Bound& step : bound_) {
    step.args.stream = stream;
    step.run(step.args);
  }
}

void GpuInstance::launch_run(void* stream) {
  launch_steps(stream);
  launch(commits_, stream);
}

// Inputs for a run, which has not failed yet.
void GpuInstance::load(const std::vector<const void*>& inputs) {
  if (layout_version_ != Variable::layout_version()) bind();
  gpu_.zero(state_address_, sizeof(RunState));
  for (size_t i = 0; i < inputs.size(); ++i) {
    copy_bytes(const_cast<void*>(inputs_[i]), plan_.device_, inputs[i], plan_.device_, plan_.input_specs_[i].bytes());
  }
}

void GpuInstance::repeat(int* runs, std::unique_ptr<Recorded>* recorded, void (*work)(void*, void*)) {
  if (*runs == 1) *recorded = gpu_.record(work, this);
  if (*recorded) {
    (*recorded)->launch();
  } else {
    work(this, gpu_.stream());
  }
  ++*runs;
}

RunState GpuInstance::fetch_state() {
  RunState state;
  gpu_.download(&state, state_address_, sizeof(state));
  return state;
}

void GpuInstance::run(const std::vector<const void*>& inputs, const std::vector<void*>& outputs) {
  load(inputs);
  repeat(&single_runs_, &single_,
         [](void* self, void* stream) { static_cast<GpuInstance*>(self)->launch_run(stream); });
  for (size_t i = 0; i < outputs.size(); ++i) {
    copy_bytes(outputs[i], plan_.device_, outputs_[i], plan_.device_, plan_.output_specs_[i].bytes());
  }
  if (!reports_) return;
  const RunState state = fetch_state();
  throw_if_failed(state, static_cast<size_t>(state.step));
}

void GpuInstance::run_timed(const std::vector<const void*>& inputs, std::vector<std::vector<double>>* seconds) {
  load(inputs);
  std::vector<std::shared_ptr<void>> marks = {gpu_.mark()};
  for (Bound& step : bound_) {
    step.args.stream = gpu_.stream();
    step.run(step.args);
    marks.push_back(gpu_.mark());
  }
  launch(commits_, gpu_.stream());
  seconds->resize(bound_.size());
  for (size_t i = 0; i < bound_.size(); ++i) {
    (*seconds)[i].push_back(gpu_.seconds_between(marks[i], marks[i + 1]));
  }
  const RunState state = fetch_state();
  throw_if_failed(state, static_cast<size_t>(state.step));
}

std::vector<double> GpuInstance::time_rounds(const std::vector<const void*>& inputs, int repeats, int rounds) {
  load(inputs);
  struct Round {
    GpuInstance* instance;
    int repeats;
  } round{this, repeats};
  const auto work = [](void* context, void* stream) {
    const auto& round = *static_cast<const Round*>(context);
    for (int i = 0; i < round.repeats; ++i) round.instance->launch_run(stream);
  };
  const std::unique_ptr<Recorded> recorded = gpu_.record(work, &round);
  recorded->launch();  // the first launch brings the recording to the GPU
  std::vector<std::shared_ptr<void>> marks = {gpu_.mark()};
  for (int i = 0; i < rounds; ++i) {
    recorded->launch();
    marks.push_back(gpu_.mark());
  }
  std::vector<double> seconds;
  for (int i = 0; i < rounds; ++i) seconds.push_back(gpu_.seconds_between(marks[i], marks[i + 1]) / repeats);
  const RunState state = fetch_state();
  throw_if_failed(state, static_cast<size_t>(state.step));
  return seconds;
}

void GpuInstance::begin_batches(const BatchControl& control, const std::vector<BatchArray>& arrays) {
  if (layout_version_ != Variable::layout_version()) bind();
  std::vector<char> bytes(sizeof(control) + arrays.size() * sizeof(BatchArray));
  std::memcpy(bytes.data(), &control, sizeof(control));
  if (!arrays.empty()) std::memcpy(bytes.data() + sizeof(control), arrays.data(), arrays.size() * sizeof(BatchArray));
  gpu_.upload(control_->data(), bytes.data(), bytes.size());
}

void GpuInstance::launch_batch() {
  repeat(&batch_runs_, &batch_, [](void* self, void* stream) {
    auto& instance = *static_cast<GpuInstance*>(self);
    instance.launch(instance.gathers_, stream);
    instance.launch_run(stream);
    instance.launch(instance.ends_, stream);
  });
}

int64_t GpuInstance::finish_batches(int64_t* started) {
  BatchControl control;
  gpu_.download(&control, control_->data(), sizeof(control));
  *started = control.batch + (control.state.status != Status::ok);
  throw_if_failed(control.state, static_cast<size_t>(control.state.step));
  return control.batch;
}

}  // namespace pyneural
