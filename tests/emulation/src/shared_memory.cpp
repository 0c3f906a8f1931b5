// The block's shared memory: a window of the address space for each runner.
#include "emulation/shared.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <vector>

#include "arena.h"
#include "checks.h"
#include "runner.h"

namespace emulation {
namespace {

// A window: a guard page, the variables, a guard page, the dynamic memory, guard pages to the end.
constexpr size_t kWindowBytes = size_t{1} << 20;
constexpr size_t kAreaBytes = size_t{256} << 10;  // more than a block can have on any device
constexpr size_t kStaticOffset = kPageBytes, kDynamicOffset = 2 * kPageBytes + kAreaBytes;
constexpr size_t kZoneBytes = 64;
constexpr size_t kStaticLimit = size_t{48} << 10;  // what nvcc lets a kernel declare
constexpr size_t kAlignment = 16;

std::mutex windows_lock;
std::vector<SharedWindow> free_windows;
size_t windows_made = 0;

SharedWindow take_window() {
  const std::lock_guard guard(windows_lock);
  if (!free_windows.empty()) {
    const SharedWindow window = free_windows.back();
    free_windows.pop_back();
    return window;
  }
  if ((windows_made + 1) * kWindowBytes > address_space.shared_bytes) throw std::bad_alloc();
  char* window =
      address_space.base + address_space.device_bytes + address_space.pinned_bytes + windows_made++ * kWindowBytes;
  for (const size_t offset : {kStaticOffset, kDynamicOffset}) {
    if (mprotect(window + offset, kAreaBytes, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
  }
  return {window, 0};
}

size_t round_up(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

bool intact(const char* zone, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) {
    if (static_cast<unsigned char>(zone[i]) != kRedZoneByte) return false;
  }
  return true;
}

}  // namespace

Runner::Runner() : lanes_(new Lane[kMaxThreads]) {
  const SharedWindow window = take_window();
  shared_ = window.memory;
  clock_ = window.clock;
}

Runner::~Runner() {
  const std::lock_guard guard(windows_lock);
  free_windows.push_back({shared_, clock_});
}

void Runner::start_shared() {
  variables_.clear();
  static_bytes_ = 0;
  static_offset_ = kStaticOffset;
  if (const size_t bytes = execution_->kernel->shared_bytes; bytes > 0) {
    // In front of a guard page, or behind a red zone that ends the page of one.
    const size_t offset = settings().placement == Placement::end ? kAreaBytes - round_up(bytes) : kZoneBytes;
    place_shared(nullptr, "the dynamic shared memory", shared_ + kDynamicOffset + offset, bytes);
  }
}

void Runner::place_shared(const void* key, const char* name, char* address, size_t bytes) {
  std::memset(address - kZoneBytes, kRedZoneByte, kZoneBytes);
  const size_t tail = std::min<size_t>(kZoneBytes, shared_ + kDynamicOffset + kAreaBytes - (address + bytes));
  std::memset(address + bytes, kRedZoneByte, tail);
  set_states(address - kZoneBytes, kZoneBytes, State::unallocated);
  set_states(address + bytes, tail, State::unallocated);
  variables_.push_back({key, name, address, bytes, tail});
  renew(variables_.back());
}

// A new block finds nothing of the last one.
void Runner::renew(const SharedVariable& variable) {
  fill_unwritten(variable.address, variable.bytes);
  set_states(variable.address, variable.bytes, State::unwritten);
}

void* Runner::shared_variable(const void* key, const char* name, size_t bytes) {
  for (const SharedVariable& variable : variables_) {
    if (variable.key == key) return variable.address;
  }
  static_bytes_ += round_up(bytes);
  if (static_bytes_ > kStaticLimit) {
    fault("declares " + std::to_string(static_bytes_) + " bytes of shared memory, more than 48 KB", nullptr);
  }
  char* address = shared_ + static_offset_ + kZoneBytes;
  static_offset_ += round_up(bytes) + 2 * kZoneBytes;
  place_shared(key, name, address, bytes);
  return address;
}

void* Runner::dynamic_shared() {
  if (variables_.empty() || variables_.front().key) {
    fault("uses dynamic shared memory, but was launched with none", nullptr);
  }
  return variables_.front().address;
}

void Runner::check_shared_red_zones() {
  for (const SharedVariable& variable : variables_) {
    const char* end = variable.address + variable.bytes;
    const bool before = intact(variable.address - kZoneBytes, kZoneBytes);
    if (before && intact(end, variable.zone_bytes)) continue;
    fault(std::string("a thread of the block wrote ") + (before ? "past the end of " : "in front of ") + variable.name +
              " (" + std::to_string(variable.bytes) + " bytes of shared memory) since the last barrier",
          nullptr);
  }
}

std::string Runner::describe_shared(const void* address) const {
  const char* at = static_cast<const char*>(address);
  const SharedVariable* nearest = nullptr;
  ptrdiff_t distance = 0;
  for (const SharedVariable& variable : variables_) {
    const ptrdiff_t gap =
        at < variable.address
            ? at - variable.address
            : std::max<ptrdiff_t>(0, at - variable.address - static_cast<ptrdiff_t>(variable.bytes) + 1);
    if (!nearest || std::abs(gap) < std::abs(distance)) {
      nearest = &variable;
      distance = gap;
    }
  }
  if (!nearest) return "the kernel has none";
  const std::string which = std::string(nearest->name) + " (" + std::to_string(nearest->bytes) + " bytes)";
  if (distance == 0) return std::to_string(at - nearest->address) + " bytes into " + which;
  if (distance < 0) return std::to_string(-distance) + " bytes before " + which;
  return std::to_string(distance - 1) + " bytes past the end of " + which;
}

void* shared_variable(const void* key, const char* name, size_t bytes) {
  const RuntimeSection section;
  return current_runner->shared_variable(key, name, bytes);
}

void* dynamic_shared() {
  const RuntimeSection section;
  return current_runner->dynamic_shared();
}

}  // namespace emulation
