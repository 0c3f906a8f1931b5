// One runnable copy of a plan: its arena, and every kernel's arguments with pointers filled in.
#pragma once

#include "graph/plan.h"

namespace pyneural {

class PlanInstance {
 public:
  explicit PlanInstance(const Plan& plan);
  virtual ~PlanInstance() = default;

  void set_input(int index, const void* data);
  void set_output(int index, void* data);  // nullptr: memory of the instance's own
  void* own_input(int index);              // memory of the instance's own, for a gathered batch
  void run();                              // on the CPU, with the inputs and outputs that were set
  virtual void run(const std::vector<const void*>& inputs, const std::vector<void*>& outputs);
  // Appends the time of each step; outputs are dropped.
  virtual void run_timed(const std::vector<const void*>& inputs, std::vector<std::vector<double>>* seconds);
  // As Plan's.
  virtual std::vector<double> time_rounds(const std::vector<const void*>& inputs, int repeats, int rounds);

 protected:
  struct Bound {
    KernelFn run;
    KernelArgs args;
    bool look_up;  // after this step it is worth asking whether the user wants to stop
  };
  virtual void bind();
  void begin_run();
  void throw_if_failed(const RunState& state, size_t step) const;
  void stop_if_interrupted();
  void end_run();
  char* address(const Slot& slot) const;

  const Plan& plan_;
  uint64_t layout_version_ = 0;
  std::vector<Tensor> variables_;  // their memory when it was looked up: it stays while a run uses it
  std::shared_ptr<Storage> arena_;
  std::vector<std::shared_ptr<Storage>> own_inputs_, own_outputs_;
  std::vector<const void*> inputs_;
  std::vector<void*> outputs_;
  std::vector<View> views_;  // of all steps, inputs before outputs
  std::vector<Bound> bound_;
  struct Patch {
    View* view;
    size_t offset;
  };
  std::vector<std::vector<Patch>> input_patches_, output_patches_;
  RunState state_;
  RunState* state_address_ = &state_;
  std::chrono::steady_clock::time_point looked_up_;
};

}  // namespace pyneural
