// Traces, plans and gradients.
#include "graph/trace.h"
#include "bindings/convert.h"
#include "graph/node.h"
#include "graph/plan.h"
#include "graph/variable.h"

namespace pyneural {

namespace {

// While a plan runs without Python's lock: tensors handed out keep their values, and new readers get copies.
class WriteScope {
 public:
  explicit WriteScope(const Plan& plan) : plan_(plan) {
    for (const auto& variable : plan_.written()) variable->detach_readers();
    set_busy(true);
  }
  ~WriteScope() { set_busy(false); }

 private:
  void set_busy(bool busy) {
    for (const auto& variable : plan_.written()) {
      variable->set_busy(busy);
      for (const auto& window : variable->windows()) window->set_busy(busy);
    }
  }
  const Plan& plan_;
};

// Checked inputs of one run.
struct Inputs {
  Inputs(const Plan& plan, const py::sequence& given) {
    const Specs& specs = plan.input_specs();
    if (given.size() != specs.size()) value_error("The plan takes ", specs.size(), " inputs. Received: ", given.size());
    held.reserve(specs.size());
    data.reserve(specs.size());
    for (size_t i = 0; i < specs.size(); ++i) {
      Value value = to_value(given[i], specs[i].dtype);
      if (!value || !(value.spec() == specs[i])) {
        value_error("Input ", i, " of the plan: expected shape ", specs[i].shape, " and dtype ",
                    dtype_name(specs[i].dtype), ", received shape ", value ? value.shape() : Shape{}, " and dtype ",
                    value ? dtype_name(value.dtype()) : "None", ".");
      }
      held.push_back(value.tensor().to(plan.device()));
      data.push_back(held.back().data());
    }
  }
  std::vector<Tensor> held;
  std::vector<const void*> data;
};

std::vector<Value> run(Plan& plan, const py::sequence& given) {
  const Inputs inputs(plan, given);
  std::vector<Value> outputs;
  std::vector<void*> results;
  outputs.reserve(plan.output_specs().size());
  results.reserve(plan.output_specs().size());
  for (const Spec& spec : plan.output_specs()) {
    outputs.emplace_back(Tensor::empty(spec, plan.device()));
    results.push_back(outputs.back().tensor().data());
  }
  const WriteScope scope(plan);
  const py::gil_scoped_release release;
  plan.run(inputs.data, results);
  return outputs;
}

py::list profile(Plan& plan, const py::sequence& given, int repeats) {
  if (repeats < 1) value_error("`repeats` must be at least 1. Received: ", repeats);
  const Inputs inputs(plan, given);
  std::vector<double> seconds;
  {
    const WriteScope scope(plan);
    const py::gil_scoped_release release;
    seconds = plan.profile(inputs.data, repeats);
  }
  std::istringstream lines(plan.describe());
  const std::vector<Cost> costs = plan.costs();
  py::list steps;
  std::string line;
  for (size_t i = 0; i < seconds.size(); ++i) {
    std::getline(lines, line);
    steps.append(py::make_tuple(line, seconds[i], costs[i].flops, costs[i].bytes));
  }
  return steps;
}

std::vector<double> time_rounds(Plan& plan, const py::sequence& given, int repeats, int rounds) {
  if (repeats < 1) value_error("`repeats` must be at least 1. Received: ", repeats);
  if (rounds < 1) value_error("`rounds` must be at least 1. Received: ", rounds);
  const Inputs inputs(plan, given);
  const WriteScope scope(plan);
  const py::gil_scoped_release release;
  return plan.time_rounds(inputs.data, repeats, rounds);
}

// The exception carries the batch, counted from the first one of this call.
[[noreturn]] void raise_not_finite(const NotFiniteError& error, int64_t batch) {
  const py::object type = py::module_::import("pyneural._core").attr("NotFiniteError");
  const py::object exception = type(error.what());
  exception.attr("batch") = batch;
  PyErr_SetObject(type.ptr(), exception.ptr());
  throw py::error_already_set();
}

// The rows of one input of all batches: an array, or a tensor that lies where the plan runs.
struct DataSet {
  Shape shape;
  BatchRange::Array memory;
  py::object owner;
};

DataSet data_set(py::handle object, DType dtype, Device device, const std::string& what) {
  const PyTensor* tensor = find_tensor(object);
  if (tensor && !device.is_cpu() && tensor->value.tensor().device() == device) {
    if (tensor->value.dtype() != dtype) {
      type_error(what, ": expected dtype ", dtype_name(dtype), ", received ", dtype_name(tensor->value.dtype()), ".");
    }
    const int64_t rows = tensor->value.shape().rank() ? tensor->value.shape()[0] : 0;
    return {tensor->value.shape(),
            {static_cast<const char*>(tensor->value.tensor().data()), device, rows},
            py::reinterpret_borrow<py::object>(object)};
  }
  py::array array = contiguous_array(object, dtype, what);
  Shape shape;
  for (py::ssize_t i = 0; i < array.ndim(); ++i) shape.push_back(array.shape(i));
  const int64_t rows = shape.rank() ? shape[0] : 0;
  return {shape, {static_cast<const char*>(array.data()), Device{}, rows}, std::move(array)};
}

int64_t run_batches(Plan& plan, const py::sequence& data, py::object order, int64_t first_row, int64_t batches,
                    double max_seconds, py::object outputs) {
  const Specs& specs = plan.input_specs();
  if (data.size() != specs.size()) value_error("The plan takes ", specs.size(), " inputs. Received: ", data.size());
  if (specs.empty()) value_error("`run_batches` needs a plan with inputs.");
  if (first_row < 0 || batches < 0) value_error("`first_row` and `batches` must not be negative.");
  BatchRange range;
  range.first_row = first_row;
  range.batches = batches;
  range.max_seconds = max_seconds;
  std::vector<py::object> held;
  int64_t rows_in_all = -1;
  for (size_t i = 0; i < specs.size(); ++i) {
    const std::string what = concat("Input ", i, " of the plan");
    const DataSet array = data_set(data[i], specs[i].dtype, plan.device(), what);
    bool matches = array.shape.rank() == specs[i].shape.rank() && specs[i].shape.rank() > 0 &&
                   specs[i].shape[0] == specs[0].shape[0];
    for (int axis = 1; matches && axis < specs[i].shape.rank(); ++axis)
      matches = array.shape[axis] == specs[i].shape[axis];
    if (!matches) {
      value_error(what, ": expected rows of shape ", specs[i].shape, ", received an array of shape ", array.shape, ".");
    }
    if (rows_in_all >= 0 && array.shape[0] != rows_in_all)
      value_error(what, ": all inputs need the same number of rows.");
    rows_in_all = array.shape[0];
    range.data.push_back(array.memory);
    held.push_back(array.owner);
  }
  const int64_t batch_rows = specs[0].shape[0];
  if (batch_rows == 0 && batches > 0) value_error("`run_batches` needs a plan whose batches have rows.");
  if (batches > 0 && (batches > INT64_MAX / batch_rows || first_row > INT64_MAX - batches * batch_rows)) {
    value_error(batches, " batches of ", batch_rows, " rows from row ", first_row, " are more than any array has.");
  }
  const int64_t needed = first_row + batches * batch_rows;
  if (!order.is_none()) {
    py::array array = contiguous_array(order, DType::int64, "`order`");
    if (array.ndim() != 1 || array.shape(0) < needed) value_error("`order` must name at least ", needed, " rows.");
    const auto* rows = static_cast<const int64_t*>(array.data());
    for (int64_t i = first_row; i < needed; ++i) {
      if (rows[i] < 0 || rows[i] >= rows_in_all)
        index_error("`order`: row ", rows[i], " is out of range for ", rows_in_all, " rows.");
    }
    range.order = rows;
    held.push_back(std::move(array));
  } else if (needed > rows_in_all) {
    value_error("The inputs have ", rows_in_all, " rows, but ", needed, " are needed.");
  }
  if (!outputs.is_none()) {
    const auto list = outputs.cast<py::sequence>();
    const Specs& output_specs = plan.output_specs();
    if (list.size() != output_specs.size())
      value_error("The plan has ", output_specs.size(), " outputs. Received: ", list.size());
    for (size_t i = 0; i < output_specs.size(); ++i) {
      const std::string what = concat("Output ", i, " of the plan");
      py::array array = contiguous_array(list[i], output_specs[i].dtype, what);
      const size_t bytes = output_specs[i].bytes();
      if (bytes && static_cast<size_t>(array.nbytes()) / bytes < static_cast<size_t>(batches)) {
        value_error(what, ": the array is too small for ", batches, " batches of shape ", output_specs[i].shape, ".");
      }
      range.outputs.push_back(static_cast<char*>(array.mutable_data()));
      held.push_back(std::move(array));
    }
  }
  const WriteScope scope(plan);
  int64_t started = 0;
  try {
    const py::gil_scoped_release release;
    return plan.run_batches(range, &started);
  } catch (const NotFiniteError& error) {
    raise_not_finite(error, started - 1);
  }
}

py::list specs_list(const Specs& specs) {
  py::list list;
  for (const Spec& spec : specs) list.append(py::make_tuple(from_shape(spec.shape), dtype_name(spec.dtype)));
  return list;
}

void bind_trace(py::module_& m) {
  py::class_<Plan, std::shared_ptr<Plan>>(m, "Plan", "A compiled trace: kernels in order, on one block of memory.")
      .def("run", &run, "inputs"_a, "Runs once. Returns the outputs as tensors.")
      .def("run_batches", &run_batches, "data"_a, "order"_a = py::none(), "first_row"_a = 0, "batches"_a = 1,
           "max_seconds"_a = 0.0, "outputs"_a = py::none(),
           "Runs up to `batches` batches of rows from arrays, starting at row `first_row` of `order` (an int64 array "
           "of row "
           "numbers; None: as they lie), until max_seconds are over (0: no limit). Writes outputs, one after the "
           "other, into the "
           "arrays of `outputs`. Returns how many batches ran. NotFiniteError has the failing one in `.batch`.")
      .def("profile", &profile, "inputs"_a, "repeats"_a = 100,
           "[(step, median seconds, flops, bytes), ...] over some runs on these inputs. Effects take place.")
      .def("time_rounds", &time_rounds, "inputs"_a, "repeats"_a = 1, "rounds"_a = 1,
           "Seconds of one run for each of `rounds` rounds of `repeats` runs in a row, on these inputs; on a GPU by "
           "its own clock. Effects take place.")
      .def_property_readonly("input_specs", [](const Plan& plan) { return specs_list(plan.input_specs()); })
      .def_property_readonly("output_specs", [](const Plan& plan) { return specs_list(plan.output_specs()); })
      .def_property_readonly(
          "device", [](const Plan& plan) { return device_name(plan.device()); },
          "Where it runs: 'cpu' or 'cuda:<number>'.")
      .def_property_readonly("memory_bytes", &Plan::arena_bytes)
      .def("describe", &Plan::describe, "The steps, one a line.");

  py::class_<Trace, std::shared_ptr<Trace>>(m, "Trace", "Records ops on symbolic tensors, to be compiled into a Plan.")
      .def(py::init<>())
      .def("__enter__",
           [](py::object self) {
             self.cast<Trace&>().enter();
             return self;
           })
      .def("__exit__", [](Trace& self, const py::args&) { self.leave(); })
      .def(
          "input", [](Trace& self, py::handle shape, DType dtype) { return self.input({to_shape(shape), dtype}); },
          "shape"_a, "dtype"_a = "float32")
      .def("compile", &Trace::compile, "outputs"_a, "The plan of what was traced; assigned variables are its effects.");

  m.def("is_tracing", [] { return Trace::current() != nullptr; });
  m.def(
      "gradients",
      [](const Values& targets, const Values& sources, const Values& seeds) {
        return gradients(targets, sources, seeds);
      },
      "targets"_a, "sources"_a, "seeds"_a = py::list(),
      "Gradients of the sum of the targets; None where a source has no influence.");
  m.def("start_recording", &Recording::start, "Eager ops remember their inputs until stop_recording().");
  m.def("stop_recording", &Recording::stop);
  m.def(
      "watch",
      [](const Value& value) {
        value.spec();  // throws if empty
        value.node()->tracked = true;
      },
      "x"_a, "Gradients with respect to x will be asked for.");
  m.def(
      "producer_logits",
      [](const Value& value) -> py::object {
        value.spec();  // throws if empty
        const Node& node = *value.node();
        if (!node.op || node.inputs.empty()) return py::none();
        const std::string name = node.op->name;
        if (name != "softmax" && name != "sigmoid") return py::none();
        return py::make_tuple(name, node.inputs[0]);
      },
      "x"_a, "('softmax' | 'sigmoid', logits) if that op made x in this trace or recording, else None.");
}

PN_BIND_OPS(bind_trace);

}  // namespace

}  // namespace pyneural
