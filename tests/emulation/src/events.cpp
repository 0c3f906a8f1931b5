// Events: points in streams, with the time at which they were reached.
#include <chrono>

#include "runtime.h"

namespace emulation {
namespace {

std::vector<std::unique_ptr<Event>> events;

double now() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Event& event_of(cudaEvent_t handle, const char* call) {
  for (auto entry = events.rbegin(); entry != events.rend(); ++entry) {  // the youngest are asked for most
    Event* event = entry->get();
    if (event != reinterpret_cast<Event*>(handle)) continue;
    if (!event->alive) throw Fault(std::string("CUDA emulation: ") + call + " on an event that was destroyed");
    return *event;
  }
  throw Fault(std::string("CUDA emulation: ") + call + " on something that is no event");
}

}  // namespace emulation

using namespace emulation;

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* handle, unsigned flags) {
  return call("cudaEventCreate", [&] {
    Event& event = *events.emplace_back(std::make_unique<Event>());
    event.timed = !(flags & cudaEventDisableTiming);
    *handle = reinterpret_cast<cudaEvent_t>(&event);
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* handle) { return cudaEventCreateWithFlags(handle, cudaEventDefault); }

cudaError_t cudaEventDestroy(cudaEvent_t handle) {
  return call("cudaEventDestroy", [&] {
    event_of(handle, "cudaEventDestroy").alive = false;
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t handle, cudaStream_t on) {
  return call("cudaEventRecord", [&] {
    Event& event = event_of(handle, "cudaEventRecord");
    Stream& stream = stream_of(on, "cudaEventRecord");
    auto recording = std::make_shared<Recording>();
    event.recording = recording;
    if (stream.capture) {
      if (stream.capture->invalidated) return cudaErrorStreamCaptureInvalidated;
      recording->capture = stream.capture;
      recording->tail = stream.tail;
      return cudaSuccess;
    }
    recording->position = {&stream, stream.enqueued + 1};
    return submit(stream, {OperationKind::event, nullptr, [recording] { recording->milliseconds = now(); }});
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t handle) {
  return call("cudaEventSynchronize", [&] {
    const Event& event = event_of(handle, "cudaEventSynchronize");
    if (!event.recording) return cudaSuccess;
    if (event.recording->capture) return cudaErrorCapturedEvent;
    run_until(*event.recording->position.stream, event.recording->position.count);
    return cudaSuccess;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t handle) {
  return call("cudaEventQuery", [&] {
    const Event& event = event_of(handle, "cudaEventQuery");
    if (!event.recording) return cudaSuccess;
    if (event.recording->capture) return cudaErrorCapturedEvent;
    if (event.recording->reached()) return cudaSuccess;
    run_one(*event.recording->position.stream);
    return cudaErrorNotReady;
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return call("cudaEventElapsedTime", [&] {
    const Event& first = event_of(start, "cudaEventElapsedTime");
    const Event& last = event_of(end, "cudaEventElapsedTime");
    if (!first.timed || !last.timed || !first.recording || !last.recording) return cudaErrorInvalidResourceHandle;
    if (!first.recording->reached() || !last.recording->reached()) return cudaErrorNotReady;
    *milliseconds = static_cast<float>(last.recording->milliseconds - first.recording->milliseconds);
    return cudaSuccess;
  });
}
