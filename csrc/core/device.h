// Where memory lives and kernels run.
#pragma once

#include <cstdint>
#include <string>

namespace pyneural {

enum class DeviceKind : uint8_t { cpu, cuda };
constexpr int kDeviceKindCount = 2;

struct Device {
  DeviceKind kind = DeviceKind::cpu;
  int index = 0;
  bool operator==(const Device& other) const { return kind == other.kind && index == other.index; }
  bool is_cpu() const { return kind == DeviceKind::cpu; }
};

std::string device_name(Device device);  // "cpu", "cuda:0"

// "cpu", "cuda" (the first one), "cuda:1", or "auto": the first GPU if there is one. Throws ValueError for other names
// and std::runtime_error, with the reason, where there is no such device.
Device parse_device(const std::string& name);

// Where this thread makes tensors and variables; at first what PYNEURAL_DEVICE names, the CPU if that is not set.
Device current_device();
void set_current_device(Device device);

}  // namespace pyneural
