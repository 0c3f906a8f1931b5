// Devices: their list, and which one new tensors and variables live on.
#include "core/device.h"

#include "bindings/bind.h"
#include "core/backend.h"
#include "graph/variable.h"

namespace pyneural {

namespace {

py::list list_devices() {
  py::list devices;
  for (const DeviceInfo& info : cuda_devices()) {
    devices.append(py::dict("device"_a = device_name(info.device), "name"_a = info.name,
                            "memory_bytes"_a = info.memory_bytes, "free_bytes"_a = info.free_bytes,
                            "compute_capability"_a = info.compute_capability / 10.0,
                            "multiprocessors"_a = info.multiprocessors, "l2_bytes"_a = info.l2_bytes));
  }
  return devices;
}

void bind_device(py::module_& m) {
  m.def(
      "current_device", [] { return device_name(current_device()); },
      "Where this thread makes tensors and variables: 'cpu' or 'cuda:<number>'.");
  m.def(
      "set_current_device", [](const std::string& name) { set_current_device(parse_device(name)); }, "device"_a,
      "'cpu', 'cuda', 'cuda:<number>' or 'auto'. RuntimeError with the reason if there is no such device.");
  m.def(
      "resolve_device", [](const std::string& name) { return device_name(parse_device(name)); }, "device"_a,
      "The full name of a device; errors as of `set_current_device`.");
  m.def("cuda_devices", &list_devices, "The GPUs, a dict for each; empty if there are none.");
  m.def("cuda_problem", &cuda_problem, "Why `cuda_devices()` is empty, in one line.");
  m.def(
      "synchronize",
      [](const std::string& name) {
        const Device device = parse_device(name);
        const py::gil_scoped_release release;
        if (!device.is_cpu()) backend(device).synchronize();
      },
      "device"_a, "Waits until all work of a device is done; errors of that work are raised here.");
}

PN_BIND_OPS(bind_device);

}  // namespace

}  // namespace pyneural
