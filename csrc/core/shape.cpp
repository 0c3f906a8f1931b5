#include "core/shape.h"

#include "core/error.h"

namespace pyneural {

void Shape::push_back(int64_t dim) { insert(rank_, dim); }

void Shape::insert(int axis, int64_t dim) {
  if (dim < 0) value_error("A shape cannot have a negative extent. Received: ", dim);
  if (rank_ == kMaxRank) value_error("A tensor has at most ", kMaxRank, " axes.");
  for (int i = rank_; i > axis; --i) dims_[i] = dims_[i - 1];
  dims_[axis] = dim;
  ++rank_;
  constexpr int64_t kLimit = int64_t{1} << 56;  // more than any address space; keeps sums of byte counts inside int64
  int64_t product = 1;
  for (int i = 0; i < rank_; ++i) {
    const bool overflow = __builtin_mul_overflow(product, dims_[i] > 0 ? dims_[i] : 1, &product);
    if (overflow || product > kLimit) value_error("Shape ", *this, " has too many elements.");
  }
}

void Shape::erase(int axis) {
  for (int i = axis; i + 1 < rank_; ++i) dims_[i] = dims_[i + 1];
  --rank_;
}

int64_t Shape::size() const {
  int64_t product = 1;
  for (int64_t dim : *this) product *= dim;
  return product;
}

std::string Shape::str() const {
  std::string text = "(";
  for (int i = 0; i < rank_; ++i) text += (i ? ", " : "") + std::to_string(dims_[i]);
  return text + (rank_ == 1 ? ",)" : ")");
}

bool Shape::operator==(const Shape& other) const {
  if (rank_ != other.rank_) return false;
  for (int i = 0; i < rank_; ++i) {
    if (dims_[i] != other.dims_[i]) return false;
  }
  return true;
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.str(); }

int normalize_axis(int64_t axis, int rank, const char* op) {
  if (axis < -rank || axis >= rank) {
    value_error("`", op, "`: axis ", axis, " is out of bounds for a tensor with ", rank, " axes.");
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Shape broadcast_shapes(const Shape& a, const Shape& b, const char* op) {
  if (a == b) return a;
  Shape out;
  const int rank = a.rank() > b.rank() ? a.rank() : b.rank();
  for (int i = 0; i < rank; ++i) {
    const int ia = i - (rank - a.rank()), ib = i - (rank - b.rank());
    const int64_t da = ia < 0 ? 1 : a[ia], db = ib < 0 ? 1 : b[ib];
    if (da != db && da != 1 && db != 1) {
      value_error("`", op, "`: operands could not be broadcast together with shapes ", a, " ", b, ".");
    }
    out.push_back(da == 1 ? db : da);
  }
  return out;
}

}  // namespace pyneural
