// The machine's own limits, for benchmarks.
#include <pybind11/numpy.h>

#include <chrono>

#include "bindings/bind.h"
#include "core/error.h"
#include "cpu/dispatch.h"
#include "ops/bandwidth_params.h"
#include "ops/fma_peak_params.h"
#include "threads/parallel.h"

namespace pyneural {

namespace {

constexpr int kMaxThreads = 256;
constexpr int64_t kCacheLine = 64;
constexpr int64_t kFmaRounds = 10000;     // some 10 us: short enough to fit between interruptions
constexpr double kFmaRoundsOfMany = 10;   // times that for several threads, so that starting them does not count
constexpr double kBandwidthBytes = 64e6;  // moved between two looks at the clock, by each thread

using Clock = std::chrono::steady_clock;

// fn(thread) on `threads` threads at once, again and again until `seconds` are over; the shortest time of one turn.
template <class Fn>
double best_turn(double seconds, int threads, const Fn& fn) {
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  double best = 0;
  do {
    const auto start = Clock::now();
    parallel_chunks(threads, threads, 0, [&](int64_t thread, void*) { fn(thread); });
    const std::chrono::duration<double> taken = Clock::now() - start;
    if (best == 0 || taken.count() < best) best = taken.count();
  } while (Clock::now() < end);
  return best;
}

void check_threads(int threads) {
  if (threads < 1 || threads > kMaxThreads) {
    value_error("`threads` must be between 1 and ", kMaxThreads, ". Received: ", threads);
  }
}

double measure_fma_peak(double seconds, const std::optional<std::string>& level, int threads) {
  check_threads(threads);
  const KernelEntry& kernel = cpu::kernel_of_level(level.value_or(cpu::simd_level()), "fma_peak");
  const FmaPeakParams params{threads == 1 ? kFmaRounds : static_cast<int64_t>(kFmaRounds * kFmaRoundsOfMany)};
  std::vector<float> millions(threads);
  const double taken = best_turn(seconds, threads, [&](int64_t thread) {
    float in[2] = {0.5f, 0.25f}, out[2] = {};
    const View views[2] = {make_view({Shape{2}, DType::float32}, in), make_view({Shape{2}, DType::float32}, out)};
    RunState state;
    kernel.run({&views[0], &views[1], 1, 1, &params, nullptr, &state});
    millions[thread] = out[0];
  });
  return threads * millions[0] * 1e6 / taken;
}

BandwidthMode mode_from_name(const std::string& name) {
  if (name == "read") return BandwidthMode::read;
  if (name == "copy") return BandwidthMode::copy;
  if (name == "streaming") return BandwidthMode::streaming;
  value_error("`mode` must be 'read', 'copy' or 'streaming'. Received: '", name, "'");
}

using Memory = py::array_t<float, py::array::c_style>;

double measure_bandwidth(const Memory& memory, const std::string& mode_name, double seconds,
                         const std::optional<std::string>& level, int threads) {
  check_threads(threads);
  const BandwidthMode mode = mode_from_name(mode_name);
  const KernelEntry& kernel = cpu::kernel_of_level(level.value_or(cpu::simd_level()), "bandwidth");
  // The threads' parts start on a cache line and have equal lengths.
  Memory writable = memory;
  char* begin = reinterpret_cast<char*>(writable.mutable_data());
  const int64_t skipped = -reinterpret_cast<intptr_t>(begin) & (kCacheLine - 1);
  const int64_t bytes = (memory.nbytes() - skipped) / threads / kBandwidthBlock * kBandwidthBlock;
  if (bytes <= 0) {
    value_error("`memory` needs at least ", kBandwidthBlock, " bytes for each of ", threads, " threads, and ",
                kCacheLine, " more. Received: ", memory.nbytes());
  }
  const BandwidthParams params{mode, std::max<int64_t>(1, static_cast<int64_t>(kBandwidthBytes / bytes))};
  const py::gil_scoped_release release;
  const double taken = best_turn(seconds, threads, [&](int64_t thread) {
    float sum = 0;
    const int64_t size = bytes / static_cast<int64_t>(sizeof(float));
    const View views[2] = {make_view({Shape{size}, DType::float32}, begin + skipped + thread * bytes),
                           make_view({Shape{1}, DType::float32}, &sum)};
    RunState state;
    kernel.run({&views[0], &views[1], 1, 1, &params, nullptr, &state});
  });
  return static_cast<double>(threads) * bytes * params.passes / taken;
}

void bind_bench(py::module_& m) {
  m.def("measure_fma_peak", &measure_fma_peak, "seconds"_a = 0.05, "level"_a = py::none(), "threads"_a = 1,
        py::call_guard<py::gil_scoped_release>(),
        "Floating-point operations per second of `threads` threads at a SIMD level (None: the one in use), best of "
        "many short runs.");
  m.def("measure_bandwidth", &measure_bandwidth, "memory"_a.noconvert(), "mode"_a, "seconds"_a = 0.05,
        "level"_a = py::none(), "threads"_a = 1,
        "Bytes per second of `threads` threads that each 'read' their part of a float32 array, or 'copy' its first "
        "half to its second (bytes read and written count; 'streaming': with stores that go past the caches). Best of "
        "several runs; the array's values are overwritten.");
}

PN_BIND_OPS(bind_bench);

}  // namespace

}  // namespace pyneural
