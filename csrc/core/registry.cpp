#include "core/registry.h"

#include <string>
#include <unordered_map>

namespace pyneural {

namespace {
std::unordered_map<std::string, const KernelEntry*>& kernels(DeviceKind device) {
  static std::unordered_map<std::string, const KernelEntry*> tables[kDeviceKindCount];
  return tables[static_cast<int>(device)];
}
}  // namespace

void register_kernels(DeviceKind device, const KernelEntry* table) {
  for (; table->op; ++table) kernels(device)[table->op] = table;
}

const KernelEntry* find_kernel(DeviceKind device, const char* op) {
  const auto& table = kernels(device);
  const auto found = table.find(op);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace pyneural
