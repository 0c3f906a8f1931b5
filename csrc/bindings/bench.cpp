// The machine's own limits, for benchmarks.
#include <chrono>

#include "bindings/bind.h"
#include "core/registry.h"
#include "ops/fma_peak_params.h"

namespace pyneural {

namespace {

double measure_fma_peak(double seconds) {
  const KernelEntry* kernel = find_kernel(DeviceKind::cpu, "fma_peak");
  float in[2] = {0.5f, 0.25f}, out[2] = {};
  const View views[2] = {make_view({Shape{2}, DType::float32}, in), make_view({Shape{2}, DType::float32}, out)};
  const FmaPeakParams params{10000};  // some 10 us: short enough to fit between interruptions
  RunState state;
  const KernelArgs args{&views[0], &views[1], 1, 1, &params, nullptr, &state};
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  double best = 0;
  while (Clock::now() < end) {
    const auto start = Clock::now();
    kernel->run(args);
    const std::chrono::duration<double> taken = Clock::now() - start;
    best = std::max(best, out[0] * 1e6 / taken.count());
  }
  return best;
}

void bind_bench(py::module_& m) {
  m.def("measure_fma_peak", &measure_fma_peak, "seconds"_a = 0.05, py::call_guard<py::gil_scoped_release>(),
        "Floating-point operations per second of one thread at the SIMD level in use, best of many short runs.");
}

PN_BIND_OPS(bind_bench);

}  // namespace

}  // namespace pyneural
