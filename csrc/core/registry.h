// Finds the kernel of an op for a device. Tables are registered by cpu/dispatch.cpp (and cuda/), read by graph/.
#pragma once

#include "core/device.h"
#include "core/kernel.h"

namespace pyneural {

// Registers every entry of a table that ends with op == nullptr.
void register_kernels(DeviceKind device, const KernelEntry* table);

// nullptr if the op has no kernel there.
const KernelEntry* find_kernel(DeviceKind device, const char* op);

}  // namespace pyneural
