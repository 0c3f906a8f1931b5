#include "arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <map>
#include <stdexcept>

#include "checks.h"
#include "emulation/control.h"
#include "fault.h"

namespace emulation {

AddressSpace address_space;

namespace {

constexpr size_t kGigabyte = size_t{1} << 30;
// Vector accesses need 16 bytes; cudaMalloc's 256 would leave a gap between the end of most arrays and the guard page.
constexpr size_t kAlignment = 16;
constexpr size_t kAccountingBytes = 512;  // the granularity of a device's allocator

struct Heap {
  std::map<char*, Allocation> live;
  std::deque<Allocation> freed;  // the latest, for messages
  char *start, *end;
  char* next;  // where to look for addresses
  size_t in_use = 0;
};

Heap device_heap, pinned_heap;
uint64_t allocation_count = 0;
std::atomic<int> device_access{0};

// Changing the protection takes longer with every page, and kernels that use so many pages take long enough.
constexpr size_t kLargestGuarded = size_t{1} << 20;
std::atomic_flag opening;  // taken by the signal handlers of all threads that run blocks
Allocation* opened = nullptr;

Heap& heap(Zone zone) { return zone == Zone::device ? device_heap : pinned_heap; }

char* map_pages(void* address, size_t bytes, int protection, int flags) {
  void* result = mmap(address, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
  return result == MAP_FAILED ? nullptr : static_cast<char*>(result);
}

// Goes round through the addresses, so that what was freed stays untouchable for long.
char* take_region(Heap& heap, size_t bytes) {
  const size_t with_guard = bytes + kPageBytes;
  for (int round = 0; round < 2; ++round) {
    char* at = heap.next;
    auto entry = heap.live.upper_bound(at);
    if (entry != heap.live.begin()) --entry;
    for (; entry != heap.live.end() && entry->second.region < at + with_guard; ++entry) {
      at = std::max(at, entry->second.region + entry->second.region_bytes + kPageBytes);
    }
    if (at + with_guard <= heap.end) {
      heap.next = at + with_guard;
      return at;
    }
    heap.next = heap.start;
  }
  throw std::runtime_error("emulation: no addresses left for device memory");
}

size_t accounted(size_t bytes) { return (bytes + kAccountingBytes - 1) / kAccountingBytes * kAccountingBytes; }

const char* zone_name(Zone zone) { return zone == Zone::device ? "device" : "pinned host"; }

std::string describe(const Allocation& allocation, const char* what) {
  return std::string(what) + zone_name(allocation.zone) + " allocation " + std::to_string(allocation.number) + " (" +
         std::to_string(allocation.bytes) + " bytes, " + allocation.call + ")";
}

bool intact(const char* begin, const char* end) {
  // Never more than a page; compared with itself shifted by one, which the library does with vectors.
  if (begin == end) return true;
  return static_cast<unsigned char>(*begin) == kRedZoneByte &&
         std::memcmp(begin, begin + 1, static_cast<size_t>(end - begin) - 1) == 0;
}

void check_red_zones(const Allocation& allocation, const std::function<std::string()>& suspects) {
  const char* end = allocation.base + allocation.bytes;
  const bool before = intact(allocation.region, allocation.base);
  if (before && intact(end, allocation.region + allocation.region_bytes)) return;
  throw Fault("CUDA emulation: " + suspects() + " wrote " + (before ? "past the end of " : "in front of ") +
              describe(allocation, ""));
}

void set_open(Allocation& allocation, bool open) {
  mprotect(allocation.region, allocation.region_bytes, open ? PROT_READ | PROT_WRITE : PROT_NONE);
  allocation.open = open;
}

// The live device allocation with that address in its pages.
Allocation* find_region(const void* address) {
  const char* at = static_cast<const char*>(address);
  auto entry = device_heap.live.upper_bound(const_cast<char*>(at));
  const auto holds = [&](const Allocation& allocation) {
    return at >= allocation.region && at < allocation.region + allocation.region_bytes;
  };
  if (entry != device_heap.live.end() && holds(entry->second)) return &entry->second;  // in front of its start
  if (entry == device_heap.live.begin()) return nullptr;
  --entry;
  return holds(entry->second) ? &entry->second : nullptr;
}

void close_all() {
  while (opened) {
    set_open(*opened, false);
    opened = opened->next_open;
  }
}

// Of an allocation that is about to go.
void forget_open(const Allocation& allocation) {
  for (Allocation** link = &opened; *link; link = &(*link)->next_open) {
    if (*link != &allocation) continue;
    *link = allocation.next_open;
    return;
  }
}

}  // namespace

void reserve_address_space() {
  if (address_space.base) return;
  AddressSpace space{};
  space.device_bytes = 48 * kGigabyte;
  space.pinned_bytes = 8 * kGigabyte;
  space.shared_bytes = 1 * kGigabyte;
  space.bytes = space.device_bytes + space.pinned_bytes + space.shared_bytes;
  space.base = map_pages(nullptr, space.bytes, PROT_NONE, 0);
  space.states = reinterpret_cast<unsigned char*>(map_pages(nullptr, space.bytes, PROT_READ | PROT_WRITE, 0));
  space.histories = map_pages(nullptr, space.bytes / 4 * kHistoryBytes, PROT_READ | PROT_WRITE, 0);
  if (!space.base || !space.states || !space.histories) {
    throw std::runtime_error("emulation: no address space left (is there a limit, ulimit -v?)");
  }
  for (void* shadow : {static_cast<void*>(space.states), static_cast<void*>(space.histories)}) {
    madvise(shadow, space.bytes, MADV_DONTDUMP);
  }
  device_heap.start = device_heap.next = space.base + kPageBytes;
  device_heap.end = space.base + space.device_bytes;
  pinned_heap.start = pinned_heap.next = device_heap.end + kPageBytes;
  pinned_heap.end = device_heap.end + space.pinned_bytes;
  address_space = space;
  install_signal_handler();  // the host may touch device memory before any kernel runs
}

void fill_unwritten(void* memory, size_t bytes) {
  // The pattern starts at addresses divisible by four, wherever the memory does.
  unsigned char pattern[4];
  std::memcpy(pattern, &kUnwrittenWord, sizeof(pattern));
  auto* target = static_cast<unsigned char*>(memory);
  size_t i = 0;
  for (; i < bytes && reinterpret_cast<uintptr_t>(target + i) % 4 != 0; ++i) {
    target[i] = pattern[reinterpret_cast<uintptr_t>(target + i) % 4];
  }
  for (; i + 4 <= bytes; i += 4) std::memcpy(target + i, pattern, 4);
  for (; i < bytes; ++i) target[i] = pattern[reinterpret_cast<uintptr_t>(target + i) % 4];
}

void* allocate(Zone zone, size_t bytes, const char* call) {
  Heap& in = heap(zone);
  if (zone == Zone::device && in.in_use + accounted(bytes) > settings().memory_bytes) return nullptr;
  Allocation allocation{};
  allocation.bytes = bytes;
  allocation.region_bytes = (bytes + kAlignment + kPageBytes - 1) / kPageBytes * kPageBytes;
  if (allocation.region_bytes - kPageBytes >= bytes) allocation.region_bytes -= kPageBytes;
  allocation.region = take_region(in, allocation.region_bytes);
  allocation.number = ++allocation_count;
  allocation.zone = zone;
  allocation.call = call;
  if (!map_pages(allocation.region, allocation.region_bytes, PROT_READ | PROT_WRITE, MAP_FIXED)) return nullptr;
  const size_t slack = allocation.region_bytes - bytes;
  allocation.base =
      settings().placement == Placement::end ? allocation.region + slack / kAlignment * kAlignment : allocation.region;
  std::memset(allocation.region, kRedZoneByte, allocation.base - allocation.region);
  char* end = allocation.base + bytes;
  std::memset(end, kRedZoneByte, allocation.region + allocation.region_bytes - end);
  fill_unwritten(allocation.base, bytes);
  set_states(allocation.base, bytes, zone == Zone::device ? State::unwritten : State::written);
  allocation.guarded = zone == Zone::device && settings().host_guard && allocation.region_bytes <= kLargestGuarded;
  set_open(allocation, !allocation.guarded);
  in.in_use += accounted(bytes);
  in.live.emplace(allocation.base, allocation);
  return allocation.base;
}

bool release(Zone zone, void* pointer, const char* call) {
  Heap& in = heap(zone);
  const auto entry = in.live.find(static_cast<char*>(pointer));
  if (entry == in.live.end()) return false;
  if (!entry->second.open) set_open(entry->second, true);
  check_red_zones(entry->second, [&] { return std::string("somebody (found by ") + call + ")"; });
  forget_open(entry->second);
  const Allocation allocation = entry->second;
  map_pages(allocation.region, allocation.region_bytes, PROT_NONE, MAP_FIXED);
  forget_accesses(allocation.region, allocation.region_bytes);
  in.in_use -= accounted(allocation.bytes);
  in.live.erase(entry);
  constexpr size_t kRemembered = 1024;
  if (in.freed.size() == kRemembered) in.freed.pop_front();
  in.freed.push_back(allocation);
  return true;
}

const Allocation* find_allocation(const void* address) {
  for (const Heap* in : {&device_heap, &pinned_heap}) {
    auto entry = in->live.upper_bound(static_cast<char*>(const_cast<void*>(address)));
    if (entry == in->live.begin()) continue;
    --entry;
    if (address < entry->second.base + std::max<size_t>(entry->second.bytes, 1)) return &entry->second;
  }
  return nullptr;
}

size_t device_bytes_in_use() { return device_heap.in_use; }

size_t live_allocations() { return device_heap.live.size(); }

std::string describe_leaks() {
  std::string result;
  for (const Heap* in : {&device_heap, &pinned_heap}) {
    for (const auto& [base, allocation] : in->live) result += describe(allocation, "") + "\n";
  }
  return result;
}

std::string describe_address(const void* address) {
  const char* at = static_cast<const char*>(address);
  const Allocation* nearest = nullptr;
  size_t distance = SIZE_MAX;
  bool freed = false;
  const auto consider = [&](const Allocation& allocation, bool is_freed) {
    const char* end = allocation.base + allocation.bytes;
    const size_t gap = at < allocation.base ? static_cast<size_t>(allocation.base - at)
                       : at >= end          ? static_cast<size_t>(at - end) + 1
                                            : 0;
    if (gap >= distance) return;
    distance = gap;
    nearest = &allocation;
    freed = is_freed;
  };
  for (const Heap* in : {&device_heap, &pinned_heap}) {
    for (const auto& [base, allocation] : in->live) consider(allocation, false);
    for (auto allocation = in->freed.rbegin(); allocation != in->freed.rend(); ++allocation)
      consider(*allocation, true);
  }
  if (!nearest) return "nothing was allocated there";
  const std::string which = describe(*nearest, freed ? "the freed " : "");
  if (distance == 0) return std::to_string(at - nearest->base) + " bytes into " + which;
  if (at < nearest->base) return std::to_string(distance) + " bytes before " + which;
  return std::to_string(distance - 1) + " bytes past the end of " + which;
}

void check_red_zones(const std::function<std::string()>& suspects) {
  for (const Heap* in : {&device_heap, &pinned_heap}) {
    for (const auto& [base, allocation] : in->live) {
      if (allocation.open) check_red_zones(allocation, suspects);  // nobody wrote where nobody could
    }
  }
}

bool open_allocation(const void* address) {
  if (device_access.load(std::memory_order_relaxed) == 0) return false;
  while (opening.test_and_set(std::memory_order_acquire)) {
  }
  Allocation* allocation = find_region(address);
  if (allocation && !allocation->open) {
    set_open(*allocation, true);
    allocation->next_open = opened;
    opened = allocation;
  }
  opening.clear(std::memory_order_release);
  return allocation;
}

DeviceAccess::DeviceAccess() {
  if (device_access++ == 0) install_signal_handler();
}

DeviceAccess::~DeviceAccess() {
  if (--device_access == 0) close_all();
}

}  // namespace emulation
