// The address space of the emulated device: one reserved range, in which every allocation lies between pages that
// cannot be touched. Not thread-safe: the lock of the runtime protects it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace emulation {

constexpr size_t kPageBytes = 4096;

enum class Zone : uint8_t { device, pinned };

struct Allocation {
  char* base;
  size_t bytes;
  char* region;  // whole pages; what is not [base, base + bytes) is red zone
  size_t region_bytes;
  uint64_t number;
  Zone zone;
  const char* call;  // cudaMalloc, ...
  bool open;         // can be touched
  bool guarded;      // closed again when no device code runs
  Allocation* next_open;
};

// Zones of the reserved range, and what lies beside it: a state for each byte, a history for each word (see checks.h).
struct AddressSpace {
  char* base;
  size_t device_bytes, pinned_bytes, shared_bytes;
  size_t bytes;
  unsigned char* states;
  char* histories;

  size_t offset(const void* address) const { return static_cast<size_t>(static_cast<const char*>(address) - base); }
  bool holds(const void* address) const { return offset(address) < bytes; }
  bool is_device(const void* address) const { return offset(address) < device_bytes; }
  bool is_shared(const void* address) const { return offset(address) - device_bytes - pinned_bytes < shared_bytes; }
  bool is_pinned(const void* address) const { return offset(address) - device_bytes < pinned_bytes; }
};

extern AddressSpace address_space;  // reserved at the first call of the runtime

void reserve_address_space();
// Memory in which every byte is unwritten; nullptr if the device has no more (the zone of the host: if the system has
// no more).
void* allocate(Zone zone, size_t bytes, const char* call);
// false: not the start of a live allocation. Throws Fault if a red zone was written to.
bool release(Zone zone, void* pointer, const char* call);
const Allocation* find_allocation(const void* address);
size_t device_bytes_in_use();
size_t live_allocations();
std::string describe_leaks();

// "12 bytes past the end of device allocation 5 (400 bytes, cudaMalloc)"
std::string describe_address(const void* address);
// Throws Fault if somebody wrote into a red zone of a live allocation; suspects() says who that may have been.
void check_red_zones(const std::function<std::string()>& suspects);

// While one of these lives, kernels and copies run: device memory opens when it is touched, and closes at the end, so
// that what the host touches can be told from what kernels do.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
};

// Called by the signal handler: true if the address may be touched after all.
bool open_allocation(const void* address);

// A float reads as a signalling NaN, an index as something far out of bounds.
constexpr uint32_t kUnwrittenWord = 0xFFBADBADu;
constexpr unsigned char kRedZoneByte = 0xA5;
void fill_unwritten(void* memory, size_t bytes);

}  // namespace emulation
