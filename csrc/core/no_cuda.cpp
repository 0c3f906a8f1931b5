// Stands in for cuda/ in a build without it.
#include "core/backend.h"
#include "core/error.h"

namespace pyneural {

Backend& backend(Device device) {
  throw std::runtime_error(concat("No device '", device_name(device), "': ", cuda_problem()));
}

std::vector<DeviceInfo> cuda_devices() { return {}; }

int cuda_device_of(const void*) { return 0; }

std::string cuda_problem() {
  return "this build of pyneural has no CUDA kernels. Build it where nvcc is found, or with PYNEURAL_CUDA=ON to see "
         "why "
         "it is not.";
}

void register_cuda_kernels() {}

}  // namespace pyneural
