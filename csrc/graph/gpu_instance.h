// A runnable copy of a plan on a GPU. Inputs and outputs have memory of their own, so that every pointer stays: the
// first run is launched kernel by kernel, the second is recorded, later ones repeat the recording.
#pragma once

#include "core/backend.h"
#include "core/batch_control.h"
#include "graph/plan_instance.h"

namespace pyneural {

class GpuInstance : public PlanInstance {
 public:
  explicit GpuInstance(const Plan& plan);

  void run(const std::vector<const void*>& inputs, const std::vector<void*>& outputs) override;
  void run_timed(const std::vector<const void*>& inputs, std::vector<std::vector<double>>* seconds) override;
  std::vector<double> time_rounds(const std::vector<const void*>& inputs, int repeats, int rounds) override;

  // A stretch of batches: begin once, then launch as often as there are batches; nothing waits until finish(), which
  // says how many went well and throws what the first failing one reported.
  void begin_batches(const BatchControl& control, const std::vector<BatchArray>& arrays);
  void launch_batch();
  int64_t finish_batches(int64_t* started);

 private:
  // A kernel that belongs to no step.
  struct Service {
    const KernelEntry* kernel;
    std::vector<View> views;
    Params params;
    KernelArgs args;
  };
  void bind() override;
  void bind_services();
  void add_commits(std::vector<Service>& services);
  void add_service(std::vector<Service>& services, const char* name, const Params& params, std::vector<View> views);
  void launch(std::vector<Service>& services, void* stream);
  void launch_steps(void* stream);
  void launch_run(void* stream);
  void load(const std::vector<const void*>& inputs);
  void repeat(int* runs, std::unique_ptr<Recorded>* recorded, void (*work)(void* context, void* stream));
  RunState fetch_state();

  Backend& gpu_;
  std::shared_ptr<Storage> control_;
  std::vector<std::shared_ptr<Storage>> commit_tables_;
  std::vector<Service> gathers_, commits_, ends_;  // before the steps, after them, after those of a batch
  int single_runs_ = 0, batch_runs_ = 0;
  std::unique_ptr<Recorded> single_, batch_;
  bool reports_ = false;  // a step can fail
};

}  // namespace pyneural
