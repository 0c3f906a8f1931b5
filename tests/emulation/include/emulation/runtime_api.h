// The calls of the CUDA runtime that the library uses. Ignoring a code is a warning, which the build makes an error.
#pragma once

#include <cstddef>

#include "emulation/runtime_types.h"
#include "emulation/vector_types.h"

#define CUDART_VERSION 13000
#define CUDA_VERSION 13000

// errors
cudaError_t cudaGetLastError();
cudaError_t cudaPeekAtLastError();
const char* cudaGetErrorName(cudaError_t error);
const char* cudaGetErrorString(cudaError_t error);

// device
[[nodiscard]] cudaError_t cudaDriverGetVersion(int* version);
[[nodiscard]] cudaError_t cudaRuntimeGetVersion(int* version);
[[nodiscard]] cudaError_t cudaGetDeviceCount(int* count);
[[nodiscard]] cudaError_t cudaSetDevice(int device);
[[nodiscard]] cudaError_t cudaGetDevice(int* device);
[[nodiscard]] cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
[[nodiscard]] cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
[[nodiscard]] cudaError_t cudaDeviceSynchronize();
[[nodiscard]] cudaError_t cudaMemGetInfo(size_t* free, size_t* total);

// memory
[[nodiscard]] cudaError_t cudaMalloc(void** pointer, size_t bytes);
[[nodiscard]] cudaError_t cudaFree(void* pointer);
[[nodiscard]] cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t stream);
[[nodiscard]] cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream);
[[nodiscard]] cudaError_t cudaMallocHost(void** pointer, size_t bytes);
[[nodiscard]] cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned flags);
[[nodiscard]] cudaError_t cudaFreeHost(void* pointer);
[[nodiscard]] cudaError_t cudaMemcpy(void* target, const void* source, size_t bytes, cudaMemcpyKind kind);
[[nodiscard]] cudaError_t cudaMemcpyAsync(void* target, const void* source, size_t bytes, cudaMemcpyKind kind,
                                          cudaStream_t stream = nullptr);
[[nodiscard]] cudaError_t cudaMemset(void* target, int value, size_t bytes);
[[nodiscard]] cudaError_t cudaMemsetAsync(void* target, int value, size_t bytes, cudaStream_t stream = nullptr);
[[nodiscard]] cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer);

[[nodiscard]] cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device);
[[nodiscard]] cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value);
[[nodiscard]] cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value);
[[nodiscard]] cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t bytes_to_keep);

// streams and events
[[nodiscard]] cudaError_t cudaStreamCreate(cudaStream_t* stream);
[[nodiscard]] cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
[[nodiscard]] cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority);
[[nodiscard]] cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest);
[[nodiscard]] cudaError_t cudaStreamDestroy(cudaStream_t stream);
[[nodiscard]] cudaError_t cudaStreamSynchronize(cudaStream_t stream);
[[nodiscard]] cudaError_t cudaStreamQuery(cudaStream_t stream);
[[nodiscard]] cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags = 0);
[[nodiscard]] cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* argument);
[[nodiscard]] cudaError_t cudaEventCreate(cudaEvent_t* event);
[[nodiscard]] cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
[[nodiscard]] cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream = nullptr);
[[nodiscard]] cudaError_t cudaEventSynchronize(cudaEvent_t event);
[[nodiscard]] cudaError_t cudaEventQuery(cudaEvent_t event);
[[nodiscard]] cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end);
[[nodiscard]] cudaError_t cudaEventDestroy(cudaEvent_t event);

// graphs
[[nodiscard]] cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
[[nodiscard]] cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
[[nodiscard]] cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status);
[[nodiscard]] cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count);
[[nodiscard]] cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                               unsigned long long flags = 0);
[[nodiscard]] cudaError_t cudaGraphExecUpdate(cudaGraphExec_t executable, cudaGraph_t graph,
                                              cudaGraphExecUpdateResultInfo* result);
[[nodiscard]] cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t stream);
[[nodiscard]] cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream);
[[nodiscard]] cudaError_t cudaGraphDestroy(cudaGraph_t graph);
[[nodiscard]] cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable);

// kernels
[[nodiscard]] cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value);
[[nodiscard]] cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function);
[[nodiscard]] cudaError_t cudaFuncGetName(const char** name, const void* function);
[[nodiscard]] cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function,
                                                                        int block_size, size_t shared_bytes);

// The toolkit's headers have typed forms of these for C++.
template <class T>
[[nodiscard]] cudaError_t cudaMalloc(T** pointer, size_t bytes) {
  return cudaMalloc(reinterpret_cast<void**>(pointer), bytes);
}
template <class T>
[[nodiscard]] cudaError_t cudaMallocAsync(T** pointer, size_t bytes, cudaStream_t stream) {
  return cudaMallocAsync(reinterpret_cast<void**>(pointer), bytes, stream);
}
template <class T>
[[nodiscard]] cudaError_t cudaMallocHost(T** pointer, size_t bytes) {
  return cudaMallocHost(reinterpret_cast<void**>(pointer), bytes);
}
template <class... Parameters>
[[nodiscard]] cudaError_t cudaFuncSetAttribute(void (*function)(Parameters...), cudaFuncAttribute attribute,
                                               int value) {
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(function), attribute, value);
}
template <class... Parameters>
[[nodiscard]] cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, void (*function)(Parameters...)) {
  return cudaFuncGetAttributes(attributes, reinterpret_cast<const void*>(function));
}
template <class... Parameters>
[[nodiscard]] cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void (*function)(Parameters...),
                                                                        int block_size, size_t shared_bytes) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessor(blocks, reinterpret_cast<const void*>(function), block_size,
                                                       shared_bytes);
}
template <class T>
[[nodiscard]] cudaError_t cudaMemcpyToSymbol(T& symbol, const void* source, size_t bytes) {
  return cudaMemcpy(&symbol, source, bytes, cudaMemcpyHostToHost);
}
