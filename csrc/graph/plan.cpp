#include "graph/plan.h"

#include <algorithm>
#include <cstring>

#include "graph/plan_instance.h"
#include "graph/variable.h"
#include "threads/parallel.h"

namespace pyneural {

namespace {

// Batches are gathered by rows in chunks of about this many bytes.
constexpr size_t kGatherChunk = 64 << 10;
constexpr int64_t kRowsAhead = 2;  // measured: one is too late, more do not help

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

// Rows lie anywhere: without a hint every one begins with a wait for memory.
void prefetch(const char* row, size_t bytes) {
  constexpr size_t kLine = 64;
  for (size_t at = 0; at < bytes; at += kLine) __builtin_prefetch(row + at);
}

void gather(char* to, const char* from, const int64_t* rows, int64_t count, size_t row_bytes) {
  const int64_t per_chunk =
      row_bytes >= kGatherChunk ? 1 : static_cast<int64_t>(kGatherChunk / (row_bytes ? row_bytes : 1));
  parallel_range(count, per_chunk, threads_for(0, 2.0 * count * row_bytes), [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (i + kRowsAhead < count && row_bytes <= kGatherChunk)
        prefetch(from + rows[i + kRowsAhead] * row_bytes, row_bytes);
      std::memcpy(to + i * row_bytes, from + rows[i] * row_bytes, row_bytes);
    }
  });
}

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
  for (size_t i = 0; i < inputs.size(); ++i) instance->set_input(static_cast<int>(i), inputs[i]);
  for (size_t i = 0; i < outputs.size(); ++i) instance->set_output(static_cast<int>(i), outputs[i]);
  instance->run();
  release(std::move(instance));
}

int64_t Plan::run_batches(const BatchRange& range, int64_t* started) {
  using Clock = std::chrono::steady_clock;
  std::unique_lock<std::mutex> exclusive(effects_, std::defer_lock);
  if (has_effects()) exclusive.lock();
  auto instance = acquire();
  const auto start = Clock::now();
  int64_t batch = 0;
  while (batch < range.batches) {
    for (size_t i = 0; i < input_specs_.size(); ++i) {
      const int64_t rows = input_specs_[i].shape[0];
      const size_t row_bytes = rows ? input_specs_[i].bytes() / rows : 0;
      const int64_t first = range.first_row + batch * rows;
      const int index = static_cast<int>(i);
      if (range.order) {
        char* to = static_cast<char*>(instance->own_input(index));
        gather(to, range.data[i], range.order + first, rows, row_bytes);
        instance->set_input(index, to);
      } else {
        instance->set_input(index, range.data[i] + first * row_bytes);
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
    if (range.max_seconds > 0 && std::chrono::duration<double>(Clock::now() - start).count() >= range.max_seconds)
      break;
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
  for (size_t i = 0; i < inputs.size(); ++i) instance->set_input(static_cast<int>(i), inputs[i]);
  for (size_t i = 0; i < output_specs_.size(); ++i) instance->set_output(static_cast<int>(i), nullptr);
  std::vector<std::vector<double>> seconds;
  for (int i = 0; i < repeats; ++i) instance->run_timed(&seconds);
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
