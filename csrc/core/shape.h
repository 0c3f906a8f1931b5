// Shape: up to kMaxRank extents, stored inline.
#pragma once

#include <initializer_list>
#include <ostream>
#include <string>
#include <vector>

#include "core/kernel.h"

namespace pyneural {

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : Shape(dims.begin(), dims.end()) {}
  explicit Shape(const std::vector<int64_t>& dims) : Shape(dims.begin(), dims.end()) {}
  template <class It>
  Shape(It first, It last) {
    for (; first != last; ++first) push_back(*first);
  }

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return dims_[axis < 0 ? axis + rank_ : axis]; }
  int64_t& operator[](int axis) { return dims_[axis < 0 ? axis + rank_ : axis]; }
  const int64_t* begin() const { return dims_; }
  const int64_t* end() const { return dims_ + rank_; }

  void push_back(int64_t dim);  // throws ValueError on a negative extent, rank > kMaxRank, or more than 2^56 elements
  void insert(int axis, int64_t dim);  // 0 <= axis <= rank
  void erase(int axis);
  int64_t size() const;     // number of elements; 1 for a scalar
  std::string str() const;  // "(2, 3)", as Python prints it

  bool operator==(const Shape& other) const;
  bool operator!=(const Shape& other) const { return !(*this == other); }

 private:
  int rank_ = 0;
  int64_t dims_[kMaxRank] = {};
};

std::ostream& operator<<(std::ostream& out, const Shape& shape);

// Resolves a possibly negative axis. Throws ValueError naming `op`.
int normalize_axis(int64_t axis, int rank, const char* op);

// NumPy broadcasting. Throws ValueError naming `op` and both shapes.
Shape broadcast_shapes(const Shape& a, const Shape& b, const char* op);

}  // namespace pyneural
