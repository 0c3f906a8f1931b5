// What the device is, and what is known of its kernels.
#include <cstdio>
#include <cstring>
#include <map>

#include "fault.h"
#include "runtime.h"

namespace emulation {
namespace {

thread_local int current_device = 0;
std::map<const void*, int> dynamic_shared_limits;

constexpr int kDefaultSharedBytes = 48 << 10;
constexpr int kRegisters = 64 << 10;

struct Generation {
  int capability, shared_per_block, shared_per_multiprocessor, threads;
};

// CUDA C++ Programming Guide, "Technical Specifications per Compute Capability"
constexpr Generation kGenerations[] = {
    {75, 64 << 10, 64 << 10, 1024},  {80, 163 << 10, 164 << 10, 2048}, {86, 99 << 10, 100 << 10, 1536},
    {89, 99 << 10, 100 << 10, 1536}, {90, 227 << 10, 228 << 10, 2048},
};

const Generation& generation() {
  for (const Generation& entry : kGenerations) {
    if (entry.capability == settings().compute_capability) return entry;
  }
  return kGenerations[1];
}

// Few, so that kernels that fill the device have several rounds at test sizes.
constexpr int kMultiprocessors = 4;

bool valid(int device) { return device >= 0 && device < settings().devices; }

}  // namespace
}  // namespace emulation

using namespace emulation;

cudaError_t cudaDriverGetVersion(int* version) {
  return call(
      "cudaDriverGetVersion",
      [&] {
        const Driver driver = settings().driver;
        *version = driver == Driver::missing ? 0 : driver == Driver::too_old ? 11040 : CUDART_VERSION;
        return cudaSuccess;
      },
      false);
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  return call(
      "cudaRuntimeGetVersion",
      [&] {
        *version = CUDART_VERSION;
        return cudaSuccess;
      },
      false);
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 0;
  return call("cudaGetDeviceCount", [&] {
    *count = settings().devices;
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return call("cudaSetDevice", [&] {
    if (!valid(device)) return cudaErrorInvalidDevice;
    current_device = device;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int* device) {
  return call("cudaGetDevice", [&] {
    *device = current_device;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return call("cudaGetDeviceProperties", [&] {
    if (!valid(device)) return cudaErrorInvalidDevice;
    const Generation& is = generation();
    *properties = {};
    std::snprintf(properties->name, sizeof(properties->name), "Emulated device sm_%d", is.capability);
    properties->totalGlobalMem = settings().memory_bytes;
    properties->sharedMemPerBlock = kDefaultSharedBytes;
    properties->regsPerBlock = properties->regsPerMultiprocessor = kRegisters;
    properties->warpSize = 32;
    properties->maxThreadsPerBlock = 1024;
    const int threads[] = {1024, 1024, 64}, grid[] = {0x7FFFFFFF, 65535, 65535};
    std::memcpy(properties->maxThreadsDim, threads, sizeof(threads));
    std::memcpy(properties->maxGridSize, grid, sizeof(grid));
    properties->major = is.capability / 10;
    properties->minor = is.capability % 10;
    properties->multiProcessorCount = kMultiprocessors;
    properties->memoryBusWidth = 64;
    properties->l2CacheSize = 1 << 20;
    properties->maxThreadsPerMultiProcessor = is.threads;
    properties->sharedMemPerMultiprocessor = static_cast<size_t>(is.shared_per_multiprocessor);
    properties->sharedMemPerBlockOptin = static_cast<size_t>(is.shared_per_block);
    properties->memoryPoolsSupported = 1;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return call("cudaDeviceGetAttribute", [&] {
    cudaDeviceProp is{};
    if (const cudaError_t error = cudaGetDeviceProperties(&is, device); error != cudaSuccess) return error;
    switch (attribute) {
      case cudaDevAttrMaxThreadsPerBlock:
        *value = is.maxThreadsPerBlock;
        break;
      case cudaDevAttrMaxSharedMemoryPerBlock:
        *value = static_cast<int>(is.sharedMemPerBlock);
        break;
      case cudaDevAttrWarpSize:
        *value = is.warpSize;
        break;
      case cudaDevAttrClockRate:
      case cudaDevAttrMemoryClockRate:
        *value = 1000000;  // kHz
        break;
      case cudaDevAttrMultiProcessorCount:
        *value = is.multiProcessorCount;
        break;
      case cudaDevAttrGlobalMemoryBusWidth:
        *value = is.memoryBusWidth;
        break;
      case cudaDevAttrL2CacheSize:
        *value = is.l2CacheSize;
        break;
      case cudaDevAttrMaxThreadsPerMultiProcessor:
        *value = is.maxThreadsPerMultiProcessor;
        break;
      case cudaDevAttrComputeCapabilityMajor:
        *value = is.major;
        break;
      case cudaDevAttrComputeCapabilityMinor:
        *value = is.minor;
        break;
      case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
        *value = static_cast<int>(is.sharedMemPerMultiprocessor);
        break;
      case cudaDevAttrMaxRegistersPerMultiprocessor:
        *value = is.regsPerMultiprocessor;
        break;
      case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        *value = static_cast<int>(is.sharedMemPerBlockOptin);
        break;
      case cudaDevAttrMemoryPoolsSupported:
        *value = 1;
        break;
    }
    return cudaSuccess;
  });
}

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  return call("cudaFuncSetAttribute", [&] {
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
    if (value < 0 || value > generation().shared_per_block) return cudaErrorInvalidValue;
    dynamic_shared_limits[function] = value;
    return cudaSuccess;
  });
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  return call("cudaFuncGetAttributes", [&] {
    const auto limit = dynamic_shared_limits.find(function);
    *attributes = {};
    attributes->maxThreadsPerBlock = 1024;
    attributes->numRegs = 32;
    attributes->ptxVersion = attributes->binaryVersion = generation().capability;
    attributes->maxDynamicSharedSizeBytes = limit == dynamic_shared_limits.end() ? kDefaultSharedBytes : limit->second;
    return cudaSuccess;
  });
}

cudaError_t cudaFuncGetName(const char** name, const void* function) {
  return call("cudaFuncGetName", [&] {
    static std::map<const void*, std::string> names;
    auto entry = names.find(function);
    if (entry == names.end()) entry = names.emplace(function, function_name(function)).first;
    *name = entry->second.c_str();
    return cudaSuccess;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int block_size,
                                                          size_t shared_bytes) {
  return call("cudaOccupancyMaxActiveBlocksPerMultiprocessor", [&] {
    if (block_size <= 0) return cudaErrorInvalidValue;
    constexpr int kMaxBlocks = 16;
    int result = std::min(kMaxBlocks, generation().threads / block_size);
    if (shared_bytes > 0) {
      result = std::min(result, static_cast<int>(generation().shared_per_multiprocessor / shared_bytes));
    }
    *blocks = result;
    return cudaSuccess;
  });
}
