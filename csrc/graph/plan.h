// Plan: a compiled trace. A flat list of kernels with their arguments, one arena for everything in between.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "graph/trace.h"

namespace pyneural {

class PlanInstance;

// Where a buffer of the plan lives.
enum class Place : uint8_t { arena, input, constant, variable, output };

struct Buffer {
  Place place = Place::arena;
  size_t bytes = 0;
  size_t offset = 0;        // in the arena, or in its variable
  int index = -1;           // input, variable or output number
  int first = 0, last = 0;  // steps between which an arena buffer is alive
  bool persistent = false;  // zeroed when an instance is made and never reused (packed gradients keep zero padding)
  Tensor constant;
};

// A value's place: a buffer, at an offset.
struct Slot {
  int buffer = -1;
  size_t offset = 0;
};

struct Step {
  std::shared_ptr<Node> node;
  const KernelEntry* kernel;
  std::vector<Slot> inputs, outputs;
  int workspace = -1;  // a buffer
};

// A copy at the end of a run: into a variable or an output.
struct Copy {
  Slot from, to;
  size_t bytes;
};

// Which batches to run, and on what. Each batch has as many rows as the plan's inputs.
struct BatchRange {
  struct Array {
    const char* data;
    Device device;
    int64_t rows;
  };
  std::vector<Array> data;         // one array per plan input, rows first; for a plan on the CPU in its memory
  std::vector<char*> outputs;      // one array in the CPU's memory per plan output, or empty: outputs are dropped
  const int64_t* order = nullptr;  // row numbers of the epoch, or nullptr: rows as they lie
  int64_t first_row = 0;           // of the first batch, in the epoch's order
  int64_t batches = 0;
  double max_seconds = 0;  // stop after the batch that passes it; 0: never
};

class Plan {
 public:
  static std::shared_ptr<Plan> compile(Graph graph);
  ~Plan();

  const Specs& input_specs() const { return input_specs_; }
  const Specs& output_specs() const { return output_specs_; }
  Device device() const { return device_; }
  bool has_effects() const { return !written_.empty(); }
  size_t arena_bytes() const { return arena_bytes_; }
  std::string describe() const;
  // What each step computes and moves, in the order of describe().
  std::vector<Cost> costs() const;
  // Median seconds of each step over `repeats` runs on these inputs, in the order of describe(). Effects take place.
  std::vector<double> profile(const std::vector<const void*>& inputs, int repeats);
  // Seconds of one run, in `rounds` rounds of `repeats` runs in a row, without what brings in inputs and takes out
  // outputs; on a GPU a round is one recording, timed by the GPU's clock. Effects take place.
  std::vector<double> time_rounds(const std::vector<const void*>& inputs, int repeats, int rounds);

  // Variables written by this plan: the caller detaches their readers, and marks them busy while the plan runs.
  const std::vector<std::shared_ptr<Variable>>& written() const { return written_; }

  // One run, inputs and outputs in the memory of device(); throws NotFiniteError from a guard, std::out_of_range from a
  // bad index, Interrupted on Ctrl-C. Any number of threads.
  void run(const std::vector<const void*>& inputs, const std::vector<void*>& outputs);
  // Runs up to range.batches batches, as far as time allows; returns how many. *started counts them as they begin, so
  // that it names the failing one on an exception.
  int64_t run_batches(const BatchRange& range, int64_t* started);

 private:
  friend class PlanInstance;
  friend class GpuInstance;
  friend class Planner;
  Plan() = default;
  int64_t run_batches_on_cpu(const BatchRange& range, int64_t* started);
  int64_t run_batches_on_gpu(const BatchRange& range, int64_t* started);
  std::unique_ptr<PlanInstance> acquire();
  void release(std::unique_ptr<PlanInstance> instance);

  Device device_;
  Specs input_specs_, output_specs_;
  std::vector<Buffer> buffers_;
  std::vector<Step> steps_;
  std::vector<Copy> copies_;
  std::vector<std::shared_ptr<Variable>> variables_, written_;
  size_t arena_bytes_ = 0;
  int first_write_ = 0;  // the first step that writes a variable: before it a run may be given up

  std::mutex effects_;  // a plan with effects runs once at a time
  std::mutex pool_lock_;
  std::vector<std::unique_ptr<PlanInstance>> pool_;
};

}  // namespace pyneural
