// Allocation, copies and fills.
#include <cstring>

#include "arena.h"
#include "checks.h"
#include "runtime.h"

namespace emulation {
namespace {

int default_pool;
uint64_t release_threshold = 0;

bool on_device(const void* pointer) { return address_space.is_device(pointer); }

// A range outside of the host's own memory must lie in one allocation.
void check_range(const char* name, const void* pointer, size_t bytes) {
  if (!address_space.holds(pointer)) return;
  const Allocation* allocation = find_allocation(pointer);
  const auto* end = static_cast<const char*>(pointer) + bytes;
  if (allocation && end <= allocation->base + allocation->bytes) return;
  const void* outside = allocation ? end - 1 : pointer;
  throw Fault(std::string("CUDA emulation: ") + name + " of " + std::to_string(bytes) +
              " bytes goes out of bounds: " + describe_address(outside));
}

void copy_now(const char* name, void* target, const void* source, size_t bytes) {
  check_range(name, target, bytes);
  check_range(name, source, bytes);
  if (!on_device(target)) {
    if (const void* unwritten = find_state(source, bytes, State::unwritten)) {
      throw Fault(std::string("CUDA emulation: ") + name +
                  " to the host reads device memory that nothing wrote: " + describe_address(unwritten));
    }
  }
  std::memmove(target, source, bytes);
  copy_states(target, source, bytes);
}

bool kind_fits(cudaMemcpyKind kind, const void* target, const void* source) {
  switch (kind) {
    case cudaMemcpyHostToHost:
      return !on_device(target) && !on_device(source);
    case cudaMemcpyHostToDevice:
      return on_device(target) && !on_device(source);
    case cudaMemcpyDeviceToHost:
      return !on_device(target) && on_device(source);
    case cudaMemcpyDeviceToDevice:
      return on_device(target) && on_device(source);
    default:
      return true;
  }
}

cudaError_t copy(const char* name, void* target, const void* source, size_t bytes, cudaMemcpyKind kind,
                 Stream& stream) {
  if (!kind_fits(kind, target, source)) return cudaErrorInvalidValue;
  if (bytes == 0) return cudaSuccess;
  check_range(name, target, bytes);
  check_range(name, source, bytes);
  const bool pageable_source = !address_space.holds(source), pageable_target = !address_space.holds(target);
  if (stream.capture && (pageable_source || pageable_target)) return forbid_while_capturing(stream);
  if (pageable_source) {
    // The runtime has copied pageable memory when the call returns; pinned memory it reads later.
    auto staged =
        std::make_shared<std::vector<char>>(static_cast<const char*>(source), static_cast<const char*>(source) + bytes);
    const cudaError_t error =
        submit(stream, {OperationKind::copy, nullptr, [=] { copy_now(name, target, staged->data(), bytes); }});
    if (error == cudaSuccess && pageable_target) run_until(stream, stream.enqueued);
    return error;
  }
  // Whoever reads the target before the copy is done shall not find what was there.
  if (address_space.is_pinned(target) && settings().lazy_streams && !stream.capture) fill_unwritten(target, bytes);
  const cudaError_t error =
      submit(stream, {OperationKind::copy, nullptr, [=] { copy_now(name, target, source, bytes); }});
  if (error == cudaSuccess && pageable_target) run_until(stream, stream.enqueued);
  return error;
}

cudaError_t fill(const char* name, void* target, int value, size_t bytes, Stream& stream) {
  if (bytes == 0) return cudaSuccess;
  if (!address_space.holds(target)) return cudaErrorInvalidValue;
  check_range(name, target, bytes);
  return submit(stream, {OperationKind::fill, nullptr, [=] {
                           check_range(name, target, bytes);
                           std::memset(target, value, bytes);
                           set_states(target, bytes, State::written);
                         }});
}

cudaError_t allocate_for(void** pointer, size_t bytes, Zone zone, const char* name) {
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  void* result = allocate(zone, bytes, name);
  if (!result) {
    run_everything();  // what was freed in a stream may only be waiting for its turn
    result = allocate(zone, bytes, name);
  }
  *pointer = result;
  return result ? cudaSuccess : cudaErrorMemoryAllocation;
}

// Null is fine, as for free(); all else must be the start of a live allocation.
void release_now(void* pointer, Zone zone, const char* name) {
  if (!pointer || release(zone, pointer, name)) return;
  throw Fault(std::string("CUDA emulation: ") + name + " of what is no live allocation: " + describe_address(pointer));
}

}  // namespace
}  // namespace emulation

using namespace emulation;

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  return call("cudaMalloc", [&] {
    if (const cudaError_t error = forbid_while_capturing(); error != cudaSuccess) return error;
    return allocate_for(pointer, bytes, Zone::device, "cudaMalloc");
  });
}

cudaError_t cudaFree(void* pointer) {
  return call("cudaFree", [&] {
    if (const cudaError_t error = forbid_while_capturing(); error != cudaSuccess) return error;
    run_everything();
    release_now(pointer, Zone::device, "cudaFree");
    return cudaSuccess;
  });
}

// On a device an allocation during capture would belong to the graph: no plan of ours may want that.
cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t handle) {
  return call("cudaMallocAsync", [&] {
    if (const cudaError_t error = forbid_while_capturing(stream_of(handle, "cudaMallocAsync")); error != cudaSuccess) {
      return error;
    }
    return allocate_for(pointer, bytes, Zone::device, "cudaMallocAsync");
  });
}

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t handle) {
  return call("cudaFreeAsync", [&] {
    Stream& stream = stream_of(handle, "cudaFreeAsync");
    if (const cudaError_t error = forbid_while_capturing(stream); error != cudaSuccess) return error;
    return submit(
        stream, {OperationKind::release, nullptr, [pointer] { release_now(pointer, Zone::device, "cudaFreeAsync"); }});
  });
}

cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) {
  return call("cudaHostAlloc", [&] {
    if (const cudaError_t error = forbid_while_capturing(); error != cudaSuccess) return error;
    return allocate_for(pointer, bytes, Zone::pinned, "cudaHostAlloc");
  });
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes) { return cudaHostAlloc(pointer, bytes, cudaHostAllocDefault); }

cudaError_t cudaFreeHost(void* pointer) {
  return call("cudaFreeHost", [&] {
    if (const cudaError_t error = forbid_while_capturing(); error != cudaSuccess) return error;
    run_everything();
    release_now(pointer, Zone::pinned, "cudaFreeHost");
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpy(void* target, const void* source, size_t bytes, cudaMemcpyKind kind) {
  return call("cudaMemcpy", [&] {
    if (const cudaError_t error = forbid_while_capturing(); error != cudaSuccess) return error;
    Stream& stream = legacy_stream();
    const cudaError_t error = copy("cudaMemcpy", target, source, bytes, kind, stream);
    if (error == cudaSuccess) run_until(stream, stream.enqueued);
    return error;
  });
}

cudaError_t cudaMemcpyAsync(void* target, const void* source, size_t bytes, cudaMemcpyKind kind, cudaStream_t handle) {
  return call("cudaMemcpyAsync", [&] {
    return copy("cudaMemcpyAsync", target, source, bytes, kind, stream_of(handle, "cudaMemcpyAsync"));
  });
}

cudaError_t cudaMemset(void* target, int value, size_t bytes) {
  return call("cudaMemset", [&] { return fill("cudaMemset", target, value, bytes, legacy_stream()); });
}

cudaError_t cudaMemsetAsync(void* target, int value, size_t bytes, cudaStream_t handle) {
  return call("cudaMemsetAsync",
              [&] { return fill("cudaMemsetAsync", target, value, bytes, stream_of(handle, "cudaMemsetAsync")); });
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  return call("cudaMemGetInfo", [&] {
    *total = settings().memory_bytes;
    *free = *total - device_bytes_in_use();
    return cudaSuccess;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  return call("cudaPointerGetAttributes", [&] {
    const Allocation* allocation = find_allocation(pointer);
    void* address = const_cast<void*>(pointer);
    if (!allocation) {
      *attributes = {cudaMemoryTypeUnregistered, 0, nullptr, address};
    } else if (allocation->zone == Zone::device) {
      *attributes = {cudaMemoryTypeDevice, 0, address, nullptr};
    } else {
      *attributes = {cudaMemoryTypeHost, 0, address, address};
    }
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int) {
  return call("cudaDeviceGetDefaultMemPool", [&] {
    *pool = reinterpret_cast<cudaMemPool_t>(&default_pool);
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr attribute, void* value) {
  return call("cudaMemPoolSetAttribute", [&] {
    if (attribute == cudaMemPoolAttrReleaseThreshold) std::memcpy(&release_threshold, value, sizeof(uint64_t));
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t, cudaMemPoolAttr attribute, void* value) {
  return call("cudaMemPoolGetAttribute", [&] {
    const uint64_t result = attribute == cudaMemPoolAttrReleaseThreshold ? release_threshold : device_bytes_in_use();
    std::memcpy(value, &result, sizeof(result));
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, size_t) {
  return call("cudaMemPoolTrimTo", [] { return cudaSuccess; });  // nothing is kept that could be given back
}
