// Variable: memory that is read and assigned. Inside a trace both become part of the graph.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "graph/node.h"

namespace pyneural {

class Variable : public std::enable_shared_from_this<Variable> {
 public:
  Variable(const Tensor& initial, Device device);  // copies

  Value read();                     // in a trace: symbolic
  void assign(const Value& value);  // same shape; cast is the caller's business

  const Spec& spec() const { return tensor_.spec; }
  const Tensor& tensor() const { return tensor_; }                 // the memory itself; changes with every write
  const std::shared_ptr<Variable>& base() const { return base_; }  // the flat variable that this one is a window on
  size_t base_offset() const { return base_offset_; }              // bytes
  std::vector<std::shared_ptr<Variable>> windows() const;          // of a flat variable: those that are still on it
  const std::vector<int64_t>& offsets() const {
    return offsets_;
  }  // of a flat variable: where its windows begin, bytes

  Device device() const { return tensor_.device(); }
  // A window takes its flat variable, and so all windows on it, along.
  void move_to(Device device);

  // Called before somebody writes the memory: tensors handed out earlier keep their values.
  void detach_readers();
  // While a plan writes without Python's lock, readers get copies.
  void set_busy(bool busy) { busy_ = busy; }

  // One flat 1-D buffer, 64-byte aligned slots, zero padding between them; the variables become windows on it.
  static std::shared_ptr<Variable> flatten(const std::vector<std::shared_ptr<Variable>>& variables);

  // Held while the memory of variables moves, and by plans while they look up where it is.
  static std::mutex& layout_lock();
  // Changes when any variable's memory moves: plans look up their pointers again.
  static uint64_t layout_version();

 private:
  Tensor tensor_;
  std::weak_ptr<Node> reader_;  // the leaf that eager reads share until the next write
  std::atomic<bool> busy_{false};
  std::shared_ptr<Variable> base_;
  size_t base_offset_ = 0;
  std::vector<std::weak_ptr<Variable>> windows_;
  std::vector<int64_t> offsets_;
};

}  // namespace pyneural
