// The emulated runtime's inner side: the lock, the last error, streams with their queues, graphs.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "emulation/control.h"
#include "emulation/launch.h"
#include "emulation/runtime_api.h"

namespace emulation {

struct Stream;
struct Capture;

// A point in a stream: reached when that many of its operations are done.
struct Position {
  Stream* stream = nullptr;
  uint64_t count = 0;
};

enum class OperationKind : uint8_t { kernel, copy, fill, host, event, wait, graph, release };

struct Operation {
  OperationKind kind;
  const void* function = nullptr;  // of a kernel
  std::function<void()> run;       // may be empty: waits
  std::vector<Position> after = {};
};

struct Node {
  Operation operation;
  std::vector<int> after;  // earlier nodes of the graph
};

struct Stream {
  bool alive = true;
  bool blocking = true;  // ordered against the legacy stream
  std::deque<Operation> queue;
  uint64_t enqueued = 0, done = 0;
  std::shared_ptr<Capture> capture;
  std::vector<int> tail;  // while capturing: the nodes that the next one comes after
};

struct Graph {
  std::vector<Node> nodes;
};

struct Capture {
  Stream* origin;
  std::vector<Stream*> streams;
  Graph* graph;
  cudaStreamCaptureMode mode;
  std::thread::id thread;
  bool invalidated = false, ended = false;
};

// One recording of an event; the event may be recorded again before this one is reached.
struct Recording {
  Position position;
  std::shared_ptr<Capture> capture;
  std::vector<int> tail;
  double milliseconds = 0;  // when it was reached
  bool reached() const { return position.stream && position.stream->done >= position.count; }
};

struct Event {
  bool alive = true, timed = true;
  std::shared_ptr<Recording> recording;
};

struct GraphExec {
  bool alive = true;
  std::vector<Node> nodes;
};

// Every call of the API goes through here: one at a time, refused without a driver, its failure remembered.
using Body = std::function<cudaError_t()>;
cudaError_t call(const char* name, const Body& body, bool needs_device = true);

// The objects behind the handles; a fault for those that were destroyed.
Stream& stream_of(cudaStream_t handle, const char* call);
Event& event_of(cudaEvent_t handle, const char* call);
Stream& legacy_stream();

// Queues the operation, or makes it a node of the graph that is being captured.
cudaError_t submit(Stream& stream, Operation operation);
void run_until(Stream& stream, uint64_t count);
void run_one(Stream& stream);
void run_everything();
void drop_queues();
void run_nodes(const std::vector<Node>& nodes);

// cudaErrorStreamCaptureUnsupported, and the end of the capture, if one is active that forbids such a call.
cudaError_t forbid_while_capturing();
cudaError_t forbid_while_capturing(Stream& stream);

// In an order that changes with the seed.
uint64_t random_number(uint64_t limit);

}  // namespace emulation
