// Capture of streams into graphs, and their replay.
#include <algorithm>

#include "runtime.h"

namespace emulation {
namespace {

std::vector<std::unique_ptr<Graph>> graphs;
std::vector<std::unique_ptr<GraphExec>> executables;

Graph* graph_of(cudaGraph_t handle) {
  for (const auto& graph : graphs) {
    if (graph.get() == reinterpret_cast<Graph*>(handle)) return graph.get();
  }
  return nullptr;
}

GraphExec& executable_of(cudaGraphExec_t handle, const char* call) {
  for (const auto& executable : executables) {
    if (executable.get() != reinterpret_cast<GraphExec*>(handle)) continue;
    if (!executable->alive) throw Fault(std::string("CUDA emulation: ") + call + " on a graph that was destroyed");
    return *executable;
  }
  throw Fault(std::string("CUDA emulation: ") + call + " on something that is no graph");
}

void end_capture(Capture& capture) {
  capture.ended = true;
  for (Stream* stream : capture.streams) {
    stream->capture.reset();
    stream->tail.clear();
  }
}

// Every node is an ancestor of what the origin stream waits for.
bool all_joined(const Capture& capture) {
  std::vector<bool> joined(capture.graph->nodes.size(), false);
  std::vector<int> open = capture.origin->tail;
  while (!open.empty()) {
    const int node = open.back();
    open.pop_back();
    if (joined[node]) continue;
    joined[node] = true;
    const auto& after = capture.graph->nodes[node].after;
    open.insert(open.end(), after.begin(), after.end());
  }
  return std::all_of(joined.begin(), joined.end(), [](bool node) { return node; });
}

cudaGraphExecUpdateResult compare(const std::vector<Node>& old, const std::vector<Node>& now) {
  if (old.size() != now.size()) return cudaGraphExecUpdateErrorTopologyChanged;
  for (size_t i = 0; i < old.size(); ++i) {
    if (old[i].after != now[i].after) return cudaGraphExecUpdateErrorTopologyChanged;
    if (old[i].operation.kind != now[i].operation.kind) return cudaGraphExecUpdateErrorNodeTypeChanged;
    if (old[i].operation.function != now[i].operation.function) return cudaGraphExecUpdateErrorFunctionChanged;
  }
  return cudaGraphExecUpdateSuccess;
}

}  // namespace
}  // namespace emulation

using namespace emulation;

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  return call("cudaStreamBeginCapture", [&] {
    Stream& stream = stream_of(handle, "cudaStreamBeginCapture");
    if (&stream == &legacy_stream()) return cudaErrorStreamCaptureUnsupported;
    if (stream.capture) return cudaErrorInvalidValue;
    Graph* graph = graphs.emplace_back(std::make_unique<Graph>()).get();
    stream.capture = std::make_shared<Capture>(Capture{&stream, {&stream}, graph, mode, std::this_thread::get_id()});
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* result) {
  return call("cudaStreamEndCapture", [&] {
    *result = nullptr;
    Stream& stream = stream_of(handle, "cudaStreamEndCapture");
    const std::shared_ptr<Capture> capture = stream.capture;
    if (!capture) return cudaErrorInvalidValue;
    if (capture->origin != &stream) return cudaErrorStreamCaptureUnmatched;
    const cudaError_t error = capture->invalidated    ? cudaErrorStreamCaptureInvalidated
                              : !all_joined(*capture) ? cudaErrorStreamCaptureUnjoined
                                                      : cudaSuccess;
    Graph* graph = capture->graph;
    end_capture(*capture);
    if (error == cudaSuccess) *result = reinterpret_cast<cudaGraph_t>(graph);
    return error;
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  return call("cudaStreamIsCapturing", [&] {
    const Capture* capture = stream_of(handle, "cudaStreamIsCapturing").capture.get();
    *status = !capture               ? cudaStreamCaptureStatusNone
              : capture->invalidated ? cudaStreamCaptureStatusInvalidated
                                     : cudaStreamCaptureStatusActive;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t handle, cudaGraphNode_t* nodes, size_t* count) {
  return call("cudaGraphGetNodes", [&] {
    const Graph* graph = graph_of(handle);
    if (!graph || nodes) return cudaErrorInvalidValue;  // nodes have no handles here: only their number is known
    *count = graph->nodes.size();
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* result, cudaGraph_t handle, unsigned long long) {
  return call("cudaGraphInstantiate", [&] {
    const Graph* graph = graph_of(handle);
    if (!graph) return cudaErrorInvalidValue;
    GraphExec& executable = *executables.emplace_back(std::make_unique<GraphExec>());
    executable.nodes = graph->nodes;
    *result = reinterpret_cast<cudaGraphExec_t>(&executable);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecUpdate(cudaGraphExec_t handle, cudaGraph_t from, cudaGraphExecUpdateResultInfo* info) {
  return call("cudaGraphExecUpdate", [&] {
    GraphExec& executable = executable_of(handle, "cudaGraphExecUpdate");
    const Graph* graph = graph_of(from);
    if (!graph) return cudaErrorInvalidValue;
    *info = {compare(executable.nodes, graph->nodes), nullptr, nullptr};
    if (info->result != cudaGraphExecUpdateSuccess) return cudaErrorGraphExecUpdateFailure;
    executable.nodes = graph->nodes;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t handle, cudaStream_t stream) {
  return call("cudaGraphUpload", [&] {
    static_cast<void>(executable_of(handle, "cudaGraphUpload"));
    static_cast<void>(stream_of(stream, "cudaGraphUpload"));
    return cudaSuccess;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t handle, cudaStream_t on) {
  return call("cudaGraphLaunch", [&] {
    const GraphExec& executable = executable_of(handle, "cudaGraphLaunch");
    // A copy: the executable may be updated before this launch has run.
    return submit(stream_of(on, "cudaGraphLaunch"),
                  {OperationKind::graph, nullptr, [nodes = executable.nodes] { run_nodes(nodes); }});
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t handle) {
  return call("cudaGraphDestroy", [&] {
    const auto erased = std::erase_if(graphs, [&](const auto& graph) { return graph.get() == graph_of(handle); });
    return erased ? cudaSuccess : cudaErrorInvalidValue;
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t handle) {
  return call("cudaGraphExecDestroy", [&] {
    GraphExec& executable = executable_of(handle, "cudaGraphExecDestroy");
    executable.alive = false;
    executable.nodes.clear();
    return cudaSuccess;
  });
}
