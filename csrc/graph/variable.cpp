#include "graph/variable.h"

#include <algorithm>

#include "graph/trace.h"

namespace pyneural {

namespace {

std::atomic<uint64_t> layout{1};
constexpr size_t kSlotAlignment = 64;

Tensor clone(const Tensor& tensor) { return tensor.clone(tensor.device()); }

}  // namespace

Variable::Variable(const Tensor& initial, Device device) : tensor_(initial.clone(device)) {}

std::mutex& Variable::layout_lock() {
  static std::mutex lock;
  return lock;
}

uint64_t Variable::layout_version() { return layout.load(std::memory_order_acquire); }

Value Variable::read() {
  if (Trace* trace = Trace::current()) return trace->read(shared_from_this());
  auto node = reader_.lock();
  if (!node) {
    node = std::make_shared<Node>();
    node->specs = {tensor_.spec};
    node->tensors = {busy_ ? clone(tensor_) : tensor_};
    node->variable = shared_from_this();
    node->tracked = true;
    node->shared_memory = true;
    if (!busy_) reader_ = node;
  }
  return Value(node, 0);
}

void Variable::assign(const Value& value) {
  if (value.shape() != spec().shape) {
    value_error("A variable of shape ", spec().shape, " cannot be assigned a value of shape ", value.shape(), ".");
  }
  if (value.dtype() != spec().dtype) {
    type_error("A variable of dtype ", dtype_name(spec().dtype), " cannot be assigned a value of dtype ",
               dtype_name(value.dtype()), ".");
  }
  if (Trace* trace = Trace::current()) {
    trace->assign(shared_from_this(), value);
    return;
  }
  const Tensor source = value.tensor();  // detaching may change the node's own tensor
  detach_readers();
  copy_bytes(tensor_.data(), device(), source.data(), source.device(), spec().bytes());
}

void Variable::detach_readers() {
  const auto detach = [](Variable& variable) {
    if (auto node = variable.reader_.lock()) {
      node->tensors[0] = clone(variable.tensor_);
      variable.reader_.reset();
    }
  };
  detach(*this);
  if (base_) detach(*base_);
  for (const auto& window : windows()) detach(*window);
}

void Variable::move_to(Device device) {
  if (this->device() == device) return;
  if (base_) return base_->move_to(device);
  detach_readers();
  const std::lock_guard lock(layout_lock());
  tensor_ = tensor_.clone(device);
  for (const auto& window : windows()) {
    window->tensor_ = Tensor{tensor_.storage, window->base_offset_, window->spec()};
  }
  layout.fetch_add(1, std::memory_order_acq_rel);
}

std::vector<std::shared_ptr<Variable>> Variable::windows() const {
  std::vector<std::shared_ptr<Variable>> live;
  for (const auto& window : windows_) {
    auto variable = window.lock();
    if (variable && variable->base_.get() == this) live.push_back(std::move(variable));
  }
  return live;
}

std::shared_ptr<Variable> Variable::flatten(const std::vector<std::shared_ptr<Variable>>& variables) {
  if (variables.empty()) value_error("`flatten_variables` needs at least one variable.");
  const DType dtype = variables[0]->spec().dtype;
  const Device device = variables[0]->device();
  size_t bytes = 0;
  std::vector<int64_t> offsets;
  for (const auto& variable : variables) {
    if (variable->spec().dtype != dtype) type_error("`flatten_variables`: the variables have different dtypes.");
    if (!(variable->device() == device)) {
      value_error("`flatten_variables`: the variables lie on different devices, ", device_name(device), " and ",
                  device_name(variable->device()), ".");
    }
    if (!variable->windows().empty()) value_error("`flatten_variables`: a flat variable cannot be flattened again.");
    if (std::count(variables.begin(), variables.end(), variable) > 1) {
      value_error("`flatten_variables`: a variable is given twice.");
    }
    offsets.push_back(static_cast<int64_t>(bytes));
    bytes += (variable->spec().bytes() + kSlotAlignment - 1) / kSlotAlignment * kSlotAlignment;
  }
  Tensor flat = Tensor::empty({Shape{static_cast<int64_t>(bytes / dtype_size(dtype))}, dtype}, device);
  zero_bytes(flat.data(), device, bytes);
  auto base = std::make_shared<Variable>(Tensor::empty({Shape{0}, dtype}), device);
  base->tensor_ = flat;
  base->offsets_ = offsets;
  const std::lock_guard lock(layout_lock());
  for (size_t i = 0; i < variables.size(); ++i) {
    Variable& variable = *variables[i];
    variable.detach_readers();
    copy_bytes(static_cast<char*>(flat.data()) + offsets[i], device, variable.tensor_.data(), device,
               variable.spec().bytes());
    variable.tensor_ = Tensor{flat.storage, static_cast<size_t>(offsets[i]), variable.spec()};
    variable.base_ = base;
    variable.base_offset_ = static_cast<size_t>(offsets[i]);
    base->windows_.push_back(variables[i]);
  }
  layout.fetch_add(1, std::memory_order_acq_rel);
  return base;
}

}  // namespace pyneural
