// Where memory lives and kernels run.
#pragma once

#include <cstdint>

namespace pyneural {

enum class DeviceKind : uint8_t { cpu, cuda };
constexpr int kDeviceKindCount = 2;

struct Device {
  DeviceKind kind = DeviceKind::cpu;
  int index = 0;
  bool operator==(const Device& other) const { return kind == other.kind && index == other.index; }
};

}  // namespace pyneural
