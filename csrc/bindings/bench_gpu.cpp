// The limits of a GPU, for benchmarks, timed by its own clock.
#include <chrono>

#include "bindings/bind.h"
#include "core/backend.h"
#include "core/error.h"
#include "core/registry.h"
#include "core/tensor.h"
#include "ops/bandwidth_params.h"
#include "ops/fma_peak_params.h"

namespace pyneural {

namespace {

constexpr double kLaunchSeconds = 2e-3;  // of a launch: starting it takes some microseconds
constexpr int64_t kMostUnits = int64_t{1} << 40;
constexpr int64_t kBlocksPerMultiprocessor = 4;
constexpr int kTensorCapability = 80;  // the first with TF32 and BF16

Device gpu_named(const std::string& name) {
  const Device device = parse_device(name);
  if (device.is_cpu()) value_error("`device` must be a GPU. Received: '", name, "'");
  return device;
}

void run_kernel(const char* op, const void* params, const Tensor& in, const Tensor& out) {
  const KernelEntry* kernel = find_kernel(DeviceKind::cuda, op);
  if (!kernel) type_error("`", op, "` has no kernel on this device.");
  const View views[2] = {make_view(in.spec, in.data()), make_view(out.spec, out.data())};
  kernel->run({&views[0], &views[1], 1, 1, params, nullptr, nullptr, backend(in.device()).stream()});
}

// Units a second: launch(units) with as many as take a while, the fastest of those that fit into `seconds`.
template <class Launch>
double best_rate(Backend& gpu, double seconds, const Launch& launch) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  double best = 0;
  for (int64_t units = 1; best == 0 || Clock::now() < end;) {
    const auto start = gpu.mark();
    launch(units);
    const double taken = gpu.seconds_between(start, gpu.mark());
    if (taken >= kLaunchSeconds || units >= kMostUnits) {
      best = std::max(best, static_cast<double>(units) / taken);
    } else {
      units *= 2;
    }
  }
  return best;
}

FmaUnit unit_from_name(const std::string& name, Device device) {
  if (name == "float32") return FmaUnit::float32;
  if (name != "tf32" && name != "bf16") {
    value_error("`unit` must be 'float32', 'tf32' or 'bf16'. Received: '", name, "'");
  }
  if (cuda_devices()[device.index].compute_capability < kTensorCapability) {
    value_error("`unit` '", name, "' needs compute capability 8.0.");
  }
  return name == "tf32" ? FmaUnit::tf32 : FmaUnit::bf16;
}

double measure_gpu_peak(const std::string& name, const std::string& unit, double seconds) {
  const Device device = gpu_named(name);
  Backend& gpu = backend(device);
  const Tensor in = Tensor::empty({Shape{2}, DType::float32}, device);
  const Tensor out = Tensor::empty({Shape{2}, DType::float32}, device);
  const float operands[2] = {0.5f, 0.25f};
  gpu.upload(in.data(), operands, sizeof(operands));
  FmaPeakParams params{1, unit_from_name(unit, device), 0};
  params.blocks = kBlocksPerMultiprocessor * cuda_devices()[device.index].multiprocessors;
  const auto launch = [&](int64_t rounds) {
    params.rounds = rounds;
    run_kernel("fma_peak", &params, in, out);
  };
  launch(1);
  float millions = 0;  // of a round
  gpu.download(&millions, out.data(), sizeof(millions));
  return 1e6 * millions * best_rate(gpu, seconds, launch);
}

double measure_gpu_bandwidth(const std::string& name, int64_t bytes, const std::string& mode, double seconds) {
  const Device device = gpu_named(name);
  Backend& gpu = backend(device);
  if (mode != "read" && mode != "copy") value_error("`mode` must be 'read' or 'copy'. Received: '", mode, "'");
  bytes = bytes / kBandwidthBlock * kBandwidthBlock;
  if (bytes <= 0) value_error("`bytes` must be at least ", kBandwidthBlock, ".");
  const Spec spec{Shape{bytes / static_cast<int64_t>(sizeof(float))}, DType::float32};
  const Tensor memory = Tensor::empty(spec, device), out = Tensor::empty({Shape{1}, DType::float32}, device);
  gpu.zero(memory.data(), spec.bytes());
  const auto launch = [&](int64_t passes) {
    const BandwidthParams params{mode == "read" ? BandwidthMode::read : BandwidthMode::copy, passes};
    run_kernel("bandwidth", &params, memory, out);
  };
  return static_cast<double>(bytes) * best_rate(gpu, seconds, launch);
}

void bind_bench_gpu(py::module_& m) {
  m.def("measure_gpu_peak", &measure_gpu_peak, "device"_a, "unit"_a = "float32", "seconds"_a = 0.05,
        py::call_guard<py::gil_scoped_release>(),
        "Floating-point operations per second of a GPU: 'float32', or its tensor cores through mma.sync in 'tf32' or "
        "'bf16'. Best of several launches.");
  m.def("measure_gpu_bandwidth", &measure_gpu_bandwidth, "device"_a, "bytes"_a, "mode"_a, "seconds"_a = 0.05,
        py::call_guard<py::gil_scoped_release>(),
        "Bytes per second of a GPU that reads so many bytes of its memory again and again ('read'), or copies the "
        "first half of them to the second ('copy': bytes read and written count). Best of several launches.");
}

PN_BIND_OPS(bind_bench_gpu);

}  // namespace

}  // namespace pyneural
