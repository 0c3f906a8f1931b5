#include "graph/plan.h"

#include <algorithm>

#include "graph/gather.h"
#include "graph/gpu_instance.h"
#include "graph/variable.h"

namespace pyneural {

namespace {

// What reading the clock before and after a step adds to its time.
double clock_seconds() {
  using Clock = std::chrono::steady_clock;
  std::chrono::duration<double> least{1};
  for (int i = 0; i < 100; ++i) {
    const Clock::time_point start = Clock::now();
    least = std::min<std::chrono::duration<double>>(least, Clock::now() - start);
  }
  return least.count();
}

// Whether a time is over. Of short turns many are taken between two looks at the clock, each of which costs 20 to 30
// ns.
class Deadline {
 public:
  explicit Deadline(double seconds) : limited_(seconds > 0) {
    if (limited_) end_ = last_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }
  // To be asked after each turn.
  bool passed() {
    if (!limited_ || --left_ > 0) return false;
    const Clock::time_point now = Clock::now();
    turns_ = now - last_ < kLookEvery ? 2 * turns_ : std::max<int64_t>(turns_ / 2, 1);
    left_ = turns_;
    last_ = now;
    return now >= end_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr auto kLookEvery = std::chrono::microseconds(100);
  bool limited_;
  int64_t turns_ = 1, left_ = 1;  // between two looks, and until the next one
  Clock::time_point last_ = Clock::now(), end_;
};

}  // namespace

Plan::~Plan() = default;

std::unique_ptr<PlanInstance> Plan::acquire() {
  {
    const std::lock_guard lock(pool_lock_);
    if (!pool_.empty()) {
      auto instance = std::move(pool_.back());
      pool_.pop_back();
      return instance;
    }
  }
  if (!device_.is_cpu()) return std::make_unique<GpuInstance>(*this);
  return std::make_unique<PlanInstance>(*this);
}

void Plan::release(std::unique_ptr<PlanInstance> instance) {
  const std::lock_guard lock(pool_lock_);
  pool_.push_back(std::move(instance));
}

void Plan::run(const std::vector<const void*>& inputs, const std::vector<void*>& outputs) {
  std::unique_lock<std::mutex> exclusive(effects_, std::defer_lock);
  if (has_effects()) exclusive.lock();
  auto instance = acquire();
  instance->run(inputs, outputs);
  release(std::move(instance));
}

int64_t Plan::run_batches(const BatchRange& range, int64_t* started) {
  std::unique_lock<std::mutex> exclusive(effects_, std::defer_lock);
  if (has_effects()) exclusive.lock();
  return device_.is_cpu() ? run_batches_on_cpu(range, started) : run_batches_on_gpu(range, started);
}

int64_t Plan::run_batches_on_cpu(const BatchRange& range, int64_t* started) {
  auto instance = acquire();
  Deadline deadline(range.max_seconds);
  int64_t batch = 0;
  while (batch < range.batches) {
    for (size_t i = 0; i < input_specs_.size(); ++i) {
      const int64_t rows = input_specs_[i].shape[0];
      const size_t row_bytes = bytes_of_row(input_specs_[i]);
      const int64_t first = range.first_row + batch * rows;
      const int index = static_cast<int>(i);
      if (range.order) {
        char* to = static_cast<char*>(instance->own_input(index));
        const int64_t known = (range.batches - batch) * rows;
        gather_rows(to, range.data[i].data, range.order + first, rows, known, row_bytes);
        instance->set_input(index, to);
      } else {
        instance->set_input(index, range.data[i].data + first * row_bytes);
      }
    }
    for (size_t i = 0; i < output_specs_.size(); ++i) {
      char* to = nullptr;
      if (!range.outputs.empty()) to = range.outputs[i] + batch * output_specs_[i].bytes();
      instance->set_output(static_cast<int>(i), to);
    }
    *started = batch + 1;
    instance->run();
    ++batch;
    if (deadline.passed()) break;
  }
  release(std::move(instance));
  return batch;
}

std::vector<Cost> Plan::costs() const {
  std::vector<Cost> costs;
  for (const Step& step : steps_) {
    const Node& node = *step.node;
    Values outputs;
    for (size_t i = 0; i < node.specs.size(); ++i) outputs.emplace_back(step.node, static_cast<int>(i));
    if (node.op->cost) {
      costs.push_back(node.op->cost(CostCall{node.params, node.inputs, outputs}));
      continue;
    }
    Cost cost;
    for (const Value& input : node.inputs) cost.bytes += input ? static_cast<double>(input.spec().bytes()) : 0;
    for (const Value& output : outputs) {
      cost.bytes += static_cast<double>(output.spec().bytes());
      cost.flops += static_cast<double>(output.shape().size());
    }
    costs.push_back(cost);
  }
  return costs;
}

std::vector<double> Plan::profile(const std::vector<const void*>& inputs, int repeats) {
  std::unique_lock<std::mutex> exclusive(effects_, std::defer_lock);
  if (has_effects()) exclusive.lock();
  auto instance = acquire();
  std::vector<std::vector<double>> seconds;
  for (int i = 0; i < repeats; ++i) instance->run_timed(inputs, &seconds);
  release(std::move(instance));
  constexpr double kResolution = 1e-9;
  const double clock = clock_seconds();
  std::vector<double> medians;
  for (auto& times : seconds) {
    std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
    medians.push_back(std::max(times[times.size() / 2] - clock, kResolution));
  }
  return medians;
}

std::vector<double> Plan::time_rounds(const std::vector<const void*>& inputs, int repeats, int rounds) {
  std::unique_lock<std::mutex> exclusive(effects_, std::defer_lock);
  if (has_effects()) exclusive.lock();
  auto instance = acquire();
  std::vector<double> seconds = instance->time_rounds(inputs, repeats, rounds);
  release(std::move(instance));
  return seconds;
}

std::string Plan::describe() const {
  const char* places[] = {"arena", "input", "constant", "variable", "output"};
  std::string text;
  const auto slot_text = [&](const Slot& slot, const Spec& spec) {
    const Buffer& buffer = buffers_[slot.buffer];
    const size_t number =
        buffer.place == Place::arena ? buffer.offset + slot.offset : static_cast<size_t>(buffer.index);
    return concat(places[static_cast<int>(buffer.place)], "[", number, "]", dtype_name(spec.dtype), spec.shape);
  };
  for (const Step& step : steps_) {
    text += concat(step.node->op->name, ":");
    for (size_t i = 0; i < step.inputs.size(); ++i) {
      text += " " + (step.inputs[i].buffer < 0 ? "-" : slot_text(step.inputs[i], step.node->inputs[i].spec()));
    }
    text += " ->";
    for (size_t i = 0; i < step.outputs.size(); ++i) text += " " + slot_text(step.outputs[i], step.node->specs[i]);
    text += "\n";
  }
  for (const Copy& copy : copies_) text += concat("copy: ", copy.bytes, " bytes\n");
  return text + concat("arena: ", arena_bytes_, " bytes\n");
}

}  // namespace pyneural
