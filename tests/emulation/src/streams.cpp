// Streams are queues. Nothing runs until somebody waits for it, as late as a device may run it; streams that do not
// wait for each other take turns in an order that changes with the seed.
#include <algorithm>

#include "arena.h"
#include "checks.h"
#include "fault.h"
#include "runtime.h"

namespace emulation {
namespace {

constexpr size_t kLongestQueue = 512;  // then the oldest half runs, so that a long loop does not fill the memory

std::vector<std::unique_ptr<Stream>> streams;
std::vector<const void*> recent_kernels;  // since red zones were looked at
uint64_t random_state = 0;

std::string suspects() {
  std::string result = "one of the kernels that just ran";
  if (recent_kernels.empty()) return "a copy";
  constexpr size_t kNamed = 3;
  const size_t first = recent_kernels.size() - std::min(kNamed, recent_kernels.size());
  for (size_t i = first; i < recent_kernels.size(); ++i) {
    result += (i == first ? " (" : ", ") + function_name(recent_kernels[i]);
  }
  return result + ")";
}

void execute_operation(const Operation& operation) {
  if (operation.kind == OperationKind::kernel) recent_kernels.push_back(operation.function);
  if (operation.run) operation.run();
}

void step(Stream& stream);

// Another stream's turn, if the dice say so.
void perhaps_run_other(const Stream& stream) {
  if (settings().seed == 0 || streams.size() < 2 || random_number(4) != 0) return;
  Stream& other = *streams[random_number(streams.size())];
  if (&other != &stream && !other.queue.empty()) step(other);
}

// Runs the oldest operation of the stream, and first what it waits for.
void step(Stream& stream) {
  const uint64_t number = stream.done;
  for (const Position position : std::vector<Position>(stream.queue.front().after)) {
    run_until(*position.stream, position.count);
  }
  if (stream.done != number || stream.queue.empty()) return;  // it was reached on the way
  const Operation operation = std::move(stream.queue.front());
  stream.queue.pop_front();
  ++stream.done;
  execute_operation(operation);
}

void fork_capture(Stream& stream, const Recording& recording) {
  stream.capture = recording.capture;
  recording.capture->streams.push_back(&stream);
}

}  // namespace

uint64_t random_number(uint64_t limit) {
  if (random_state == 0) random_state = settings().seed | 1;
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state % limit;
}

Stream& legacy_stream() {
  static Stream* stream = streams.emplace_back(std::make_unique<Stream>()).get();
  return *stream;
}

Stream& stream_of(cudaStream_t handle, const char* call) {
  Stream& legacy = legacy_stream();
  if (!handle || handle == cudaStreamLegacy) return legacy;
  for (const auto& stream : streams) {
    if (stream.get() != reinterpret_cast<Stream*>(handle)) continue;
    if (!stream->alive) throw Fault(std::string("CUDA emulation: ") + call + " on a stream that was destroyed");
    return *stream;
  }
  throw Fault(std::string("CUDA emulation: ") + call + " on something that is no stream");
}

cudaError_t submit(Stream& stream, Operation operation) {
  if (Capture* capture = stream.capture.get()) {
    if (capture->invalidated) return cudaErrorStreamCaptureInvalidated;
    capture->graph->nodes.push_back({std::move(operation), stream.tail});
    stream.tail = {static_cast<int>(capture->graph->nodes.size()) - 1};
    return cudaSuccess;
  }
  // The legacy stream waits for all blocking streams, and they for it.
  Stream& legacy = legacy_stream();
  for (const auto& other : streams) {
    if (other.get() == &stream || !other->blocking || !stream.blocking) continue;
    if (&stream != &legacy && other.get() != &legacy) continue;
    if (other->capture) {
      other->capture->invalidated = true;
      return cudaErrorStreamCaptureImplicit;
    }
    if (other->done < other->enqueued) operation.after.push_back({other.get(), other->enqueued});
  }
  stream.queue.push_back(std::move(operation));
  ++stream.enqueued;
  if (!settings().lazy_streams) {
    run_until(stream, stream.enqueued);
  } else if (stream.queue.size() > kLongestQueue) {
    run_until(stream, stream.enqueued - kLongestQueue / 2);
  }
  return cudaSuccess;
}

void run_until(Stream& stream, uint64_t count) {
  if (stream.done >= count) return;
  const DeviceAccess access;
  while (stream.done < count) {
    perhaps_run_other(stream);
    if (stream.done < count) step(stream);
  }
  if (!checks_enabled) check_red_zones(suspects);
  recent_kernels.clear();
}

void run_one(Stream& stream) { run_until(stream, std::min(stream.done + 1, stream.enqueued)); }

void run_everything() {
  for (size_t i = 0; i < streams.size(); ++i) run_until(*streams[i], streams[i]->enqueued);
}

void drop_queues() {
  for (const auto& stream : streams) {
    stream->queue.clear();
    stream->done = stream->enqueued;
  }
  recent_kernels.clear();
}

// Any order that keeps the dependencies.
void run_nodes(const std::vector<Node>& nodes) {
  std::vector<int> waits_for(nodes.size(), 0), ready;
  std::vector<std::vector<int>> before(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    waits_for[i] = static_cast<int>(nodes[i].after.size());
    for (const int earlier : nodes[i].after) before[earlier].push_back(static_cast<int>(i));
    if (waits_for[i] == 0) ready.push_back(static_cast<int>(i));
  }
  while (!ready.empty()) {
    const size_t pick = settings().seed == 0 ? 0 : random_number(ready.size());
    const int node = ready[pick];
    ready.erase(ready.begin() + static_cast<std::ptrdiff_t>(pick));
    execute_operation(nodes[node].operation);
    for (const int later : before[node]) {
      if (--waits_for[later] == 0) ready.push_back(later);
    }
  }
}

cudaError_t forbid_while_capturing(Stream& stream) {
  if (!stream.capture) return cudaSuccess;
  if (stream.capture->invalidated) return cudaErrorStreamCaptureInvalidated;
  stream.capture->invalidated = true;
  return cudaErrorStreamCaptureUnsupported;
}

cudaError_t forbid_while_capturing() {
  for (const auto& stream : streams) {
    const Capture* capture = stream->capture.get();
    if (!capture || capture->mode == cudaStreamCaptureModeRelaxed) continue;
    if (capture->mode == cudaStreamCaptureModeThreadLocal && capture->thread != std::this_thread::get_id()) continue;
    return forbid_while_capturing(*stream);
  }
  return cudaSuccess;
}

std::string leaks() {
  run_everything();
  std::string result = describe_leaks();
  for (const auto& stream : streams) {
    if (stream->alive && stream.get() != &legacy_stream()) result += "a stream\n";
  }
  return result;
}

}  // namespace emulation

using namespace emulation;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* handle, unsigned flags) {
  return call("cudaStreamCreate", [&] {
    static_cast<void>(legacy_stream());
    Stream& stream = *streams.emplace_back(std::make_unique<Stream>());
    stream.blocking = !(flags & cudaStreamNonBlocking);
    *handle = reinterpret_cast<cudaStream_t>(&stream);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreate(cudaStream_t* handle) { return cudaStreamCreateWithFlags(handle, cudaStreamDefault); }

// Any order is right, so there is nothing to prefer.
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* handle, unsigned flags, int) {
  return cudaStreamCreateWithFlags(handle, flags);
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  return call("cudaDeviceGetStreamPriorityRange", [&] {
    *least = *greatest = 0;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  return call("cudaStreamDestroy", [&] {
    Stream& stream = stream_of(handle, "cudaStreamDestroy");
    if (&stream == &legacy_stream()) return cudaErrorInvalidResourceHandle;
    if (const cudaError_t error = forbid_while_capturing(stream); error != cudaSuccess) return error;
    run_until(stream, stream.enqueued);
    stream.alive = false;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return call("cudaStreamSynchronize", [&] {
    Stream& stream = stream_of(handle, "cudaStreamSynchronize");
    if (const cudaError_t error = forbid_while_capturing(stream); error != cudaSuccess) return error;
    run_until(stream, stream.enqueued);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return call("cudaStreamQuery", [&] {
    Stream& stream = stream_of(handle, "cudaStreamQuery");
    if (const cudaError_t error = forbid_while_capturing(stream); error != cudaSuccess) return error;
    if (stream.done == stream.enqueued) return cudaSuccess;
    run_one(stream);
    return cudaErrorNotReady;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return call("cudaDeviceSynchronize", [&] {
    if (const cudaError_t error = forbid_while_capturing(); error != cudaSuccess) return error;
    run_everything();
    return cudaSuccess;
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t handle, cudaHostFn_t function, void* argument) {
  return call("cudaLaunchHostFunc", [&] {
    return submit(stream_of(handle, "cudaLaunchHostFunc"),
                  {OperationKind::host, nullptr, [function, argument] { function(argument); }});
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
  return call("cudaStreamWaitEvent", [&] {
    Stream& stream = stream_of(handle, "cudaStreamWaitEvent");
    const Event& awaited = event_of(event, "cudaStreamWaitEvent");
    const auto recording = awaited.recording;
    if (!recording) return cudaSuccess;  // never recorded: nothing to wait for
    if (recording->capture) {
      if (recording->capture->ended) return cudaErrorCapturedEvent;
      // A captured event draws the stream into the capture.
      if (!stream.capture) fork_capture(stream, *recording);
      if (stream.capture != recording->capture) return cudaErrorStreamCaptureIsolation;
      for (const int node : recording->tail) {
        if (std::find(stream.tail.begin(), stream.tail.end(), node) == stream.tail.end()) stream.tail.push_back(node);
      }
      return cudaSuccess;
    }
    if (stream.capture) {
      stream.capture->invalidated = true;
      return cudaErrorStreamCaptureIsolation;
    }
    return submit(stream, {OperationKind::wait, nullptr, {}, {recording->position}});
  });
}
