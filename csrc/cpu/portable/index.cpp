// Kernels that look elements up.
#include <algorithm>
#include <cstring>

#include "cpu/portable/element_type.h"
#include "ops/index_params.h"
#include "threads/parallel.h"

namespace pyneural::cpu::portable {

namespace {

constexpr int64_t kGrainBytes = 64 << 10;  // of a parallel chunk

// fn(const I* indices) with the type of the index operand.
template <class Fn>
void with_indices(const View& indices, const Fn& fn) {
  switch (indices.dtype) {
    case DType::uint8:
      return fn(indices.as<uint8_t>());
    case DType::int8:
      return fn(indices.as<int8_t>());
    case DType::int16:
      return fn(indices.as<int16_t>());
    case DType::int32:
      return fn(indices.as<int32_t>());
    default:
      return fn(indices.as<int64_t>());
  }
}

// Negative indices count from the end. The result lies in [0, limit) if the index is valid.
template <class I>
int64_t resolved(I index, int64_t limit) {
  return index < 0 ? static_cast<int64_t>(index) + limit : static_cast<int64_t>(index);
}

template <class I>
bool valid(I index, int64_t limit) {
  const int64_t position = resolved(index, limit);
  return position >= 0 && position < limit;
}

// Reports the first index outside the axis.
template <class I>
bool check(const I* indices, int64_t count, int64_t limit, RunState* state) {
  for (int64_t i = 0; i < count; ++i) {
    if (valid(indices[i], limit)) continue;
    state->status = Status::index_out_of_range;
    state->value = static_cast<int64_t>(indices[i]);
    state->limit = limit;
    state->position = i;
    return false;
  }
  return true;
}

struct Around {
  int64_t outer = 1, count, inner = 1;
  Around(const int64_t* dims, int64_t rank, int64_t axis) : count(dims[axis]) {
    for (int64_t i = 0; i < axis; ++i) outer *= dims[i];
    for (int64_t i = axis + 1; i < rank; ++i) inner *= dims[i];
  }
};

template <class I>
void take_rows(const View& x, const View& y, const I* indices, int64_t count, const Around& around) {
  const int64_t row = around.inner * static_cast<int64_t>(dtype_size(x.dtype)), rows = around.outer * count;
  const char* from = x.as<char>();
  char* to = y.as<char>();
  parallel_range(rows, kGrainBytes / (row + 8) + 1, threads_for(0, 2.0 * static_cast<double>(rows * row)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     const int64_t source = i / count * around.count + resolved(indices[i % count], around.count);
                     if (row == 4) {
                       std::memcpy(to + i * 4, from + source * 4, 4);
                     } else {
                       std::memcpy(to + i * row, from + source * row, row);
                     }
                   }
                 });
}

void take(const KernelArgs& args) {
  const View &x = args.in[0], &indices = args.in[1], &y = args.out[0];
  const Around around(x.dims, x.rank, args.param<TakeParams>().axis);
  with_indices(indices, [&](const auto* index) {
    if (y.size > 0 && check(index, indices.size, around.count, args.state))
      take_rows(x, y, index, indices.size, around);
  });
}

// Threads share out the columns, so that each row of the result is summed by one thread in the order of indices.
void take_grad(const KernelArgs& args) {
  const View &grad = args.in[0], &indices = args.in[1], &y = args.out[0];
  const auto& params = args.param<TakeGradParams>();
  const Around around(params.dims, params.rank, params.axis);
  const int64_t count = indices.size, inner = around.inner;
  std::memset(y.data, 0, y.size * dtype_size(y.dtype));
  if (grad.size == 0) return;
  with_indices(indices, [&](const auto* index) {
    with_element(y.dtype, [&](auto zero) {
      using T = decltype(zero);
      constexpr int64_t kColumns = 64;
      parallel_range(inner, kColumns, threads_for(static_cast<double>(grad.size), 0), [&](int64_t begin, int64_t end) {
        for (int64_t o = 0; o < around.outer; ++o) {
          for (int64_t i = 0; i < count; ++i) {
            if (!valid(index[i], around.count)) continue;
            const T* from = grad.as<T>() + (o * count + i) * inner;
            T* to = y.as<T>() + (o * around.count + resolved(index[i], around.count)) * inner;
            for (int64_t c = begin; c < end; ++c) to[c] += from[c];
          }
        }
      });
    });
  });
}

// fn(position in x, position in indices) for each index of a take_along_axis.
template <class I, class Fn>
void along_axis(const Around& x, int64_t count, const I* indices, const Fn& fn) {
  for (int64_t o = 0; o < x.outer; ++o) {
    for (int64_t r = 0; r < count; ++r) {
      const int64_t row = (o * count + r) * x.inner;
      for (int64_t i = 0; i < x.inner; ++i) {
        if (valid(indices[row + i], x.count)) {
          fn((o * x.count + resolved(indices[row + i], x.count)) * x.inner + i, row + i);
        }
      }
    }
  }
}

template <class T, class I>
void take_elements(const View& x, const View& y, const Around& around, int64_t count, const I* indices) {
  along_axis(around, count, indices, [&](int64_t from, int64_t to) { y.as<T>()[to] = x.as<T>()[from]; });
}

void take_along_axis(const KernelArgs& args) {
  const View &x = args.in[0], &indices = args.in[1], &y = args.out[0];
  const int64_t axis = args.param<TakeParams>().axis;
  const Around around(x.dims, x.rank, axis);
  with_indices(indices, [&](const auto* index) {
    if (!check(index, indices.size, around.count, args.state)) return;
    switch (dtype_size(x.dtype)) {
      case 1:
        return take_elements<uint8_t>(x, y, around, indices.dims[axis], index);
      case 2:
        return take_elements<uint16_t>(x, y, around, indices.dims[axis], index);
      case 4:
        return take_elements<uint32_t>(x, y, around, indices.dims[axis], index);
      default:
        return take_elements<uint64_t>(x, y, around, indices.dims[axis], index);
    }
  });
}

void take_along_axis_grad(const KernelArgs& args) {
  const View &grad = args.in[0], &indices = args.in[1], &y = args.out[0];
  const auto& params = args.param<TakeGradParams>();
  const Around around(params.dims, params.rank, params.axis);
  std::memset(y.data, 0, y.size * dtype_size(y.dtype));
  with_indices(indices, [&](const auto* index) {
    with_element(y.dtype, [&](auto zero) {
      using T = decltype(zero);
      along_axis(around, indices.dims[params.axis], index,
                 [&](int64_t to, int64_t from) { y.as<T>()[to] += grad.as<T>()[from]; });
    });
  });
}

void one_hot(const KernelArgs& args) {
  const View &x = args.in[0], &y = args.out[0];
  const auto& params = args.param<OneHotParams>();
  const Around around(y.dims, y.rank, params.axis);
  const int64_t block = around.count * around.inner;
  with_indices(x, [&](const auto* classes) {
    with_element(y.dtype, [&](auto zero) {
      using T = decltype(zero);
      const int64_t bytes = block * static_cast<int64_t>(sizeof(T));
      const int threads = threads_for(0, static_cast<double>(around.outer) * static_cast<double>(bytes));
      parallel_range(around.outer, kGrainBytes / (bytes + 1) + 1, threads, [&](int64_t begin, int64_t end) {
        std::memset(y.as<T>() + begin * block, 0, (end - begin) * bytes);
        for (int64_t i = begin * around.inner; i < end * around.inner; ++i) {
          const auto c = static_cast<int64_t>(classes[i]);
          if (c < 0 || c >= around.count) continue;
          y.as<T>()[(i / around.inner * around.count + c) * around.inner + i % around.inner] = 1;
        }
      });
    });
  });
}

}  // namespace

PN_KERNELS(index, {"take", take, nullptr}, {"take_grad", take_grad, nullptr},
           {"take_along_axis", take_along_axis, nullptr}, {"take_along_axis_grad", take_along_axis_grad, nullptr},
           {"one_hot", one_hot, nullptr})

}  // namespace pyneural::cpu::portable
