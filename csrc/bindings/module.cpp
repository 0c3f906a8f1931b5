// pyneural._core: every other bindings file registers itself here.
#include "bindings/bind.h"
#include "bindings/convert.h"
#include "core/backend.h"
#include "core/memory.h"
#include "cpu/dispatch.h"
#include "graph/node.h"
#include "threads/cpu_limits.h"
#include "threads/pool.h"

namespace pyneural {

namespace {

std::vector<OpBinder>& binders() {
  static std::vector<OpBinder> list;
  return list;
}

// Kernels run without Python's lock; Ctrl-C is seen during long runs.
void set_kernel_hooks() {
  kernel_hooks().enter = []() -> void* { return PyGILState_Check() ? PyEval_SaveThread() : nullptr; };
  kernel_hooks().leave = [](void* state) {
    if (state) PyEval_RestoreThread(static_cast<PyThreadState*>(state));
  };
  kernel_hooks().interrupted = [] {
    const py::gil_scoped_acquire lock;
    return PyErr_CheckSignals() != 0;
  };
}

}  // namespace

bool register_op_binder(OpBinder binder) {
  binders().push_back(binder);
  return true;
}

}  // namespace pyneural

PYBIND11_MODULE(_core, m) {
  using namespace pyneural;
  m.doc() = "The engine of pyneural: tensors, variables, ops, traces and plans.";
  m.attr("__version__") = PYNEURAL_VERSION;
  py::register_exception<TypeError>(m, "EngineTypeError", PyExc_TypeError);
  py::register_exception_translator([](std::exception_ptr raised) {
    try {
      if (raised) std::rethrow_exception(raised);
    } catch (const Interrupted&) {  // what was raised by the signal's handler stays set
    }
  });
  py::register_exception<NotFiniteError>(m, "NotFiniteError", PyExc_ArithmeticError);
  cpu::register_cpu_kernels();
  register_cuda_kernels();
  set_kernel_hooks();
  m.def("simd_level", &cpu::simd_level, "The SIMD level in use.");
  m.def("simd_levels", &cpu::simd_levels, "The SIMD levels that this processor runs, lowest first.");
  m.def("num_threads", &num_threads, "How many threads a kernel may use.");
  m.def("set_num_threads", &set_num_threads, "count"_a, "Sets how many threads a kernel may use (1 to 256).");
  m.def("set_work_per_thread", &set_work_per_thread, "flops"_a,
        "Work below which a kernel does not use one more thread (default 5e5 flops); tests lower it.");
  m.def("quota_cpus", &quota_cpus, "groups_file"_a = "/proc/self/cgroup", "root"_a = "/sys/fs/cgroup",
        "How many CPUs the control groups of this process grant; 0 for no limit.");
  m.def(
      "kept_memory", &kept_memory,
      "Bytes of freed tensors that are kept for the next ones: 96 MB at most, or what was in use in the last seconds.");
  m.def("release_kept_memory", &release_kept_memory, "Gives the memory of freed tensors back to the system.");
  m.def("default_float", [] { return default_float(); }, "The dtype that Python floats become.");
  m.def(
      "set_default_float", [](DType dtype) { default_float() = dtype; }, "dtype"_a,
      "Sets the dtype that Python floats become.");
  for (const OpBinder bind : binders()) bind(m);
}
