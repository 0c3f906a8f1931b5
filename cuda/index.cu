// take, take_along_axis, one_hot. The gradients are in index_grad.cu.
#include "ops/index_params.h"

#include "cuda/indices.cuh"
#include "cuda/units.h"

namespace pyneural::cuda {
namespace {

// Negative indices count from the end.
struct Lookup {
  Indices indices;
  int64_t limit;
  Reporter reporter;

  // Where index i points, or -1 after a report.
  __device__ __forceinline__ int64_t find(int64_t i, bool reports) const {
    const int64_t index = indices[i], position = index < 0 ? index + limit : index;
    if (position >= 0 && position < limit) return position;
    if (reports) reporter.outside(indices, i, -limit, limit);
    return -1;
  }
};

// Rows of `units` that lie in [outer, limit]: row i of each outer part is the one that index i names. What cannot be
// found is zero.
template <class Unit>
__global__ void take_rows(const Unit* x, Unit* y, int64_t size, int64_t units, Divider by_units, Divider by_count,
                          Lookup lookup) {
  for (int64_t i = first_item(); i < size; i += item_stride()) {
    int64_t outer = i;
    const int64_t unit = by_units.take_remainder(outer);
    const int64_t index = by_count.take_remainder(outer);
    const int64_t position = lookup.find(index, unit == 0 && outer == 0);
    y[i] = position < 0 ? Unit{} : x[(outer * lookup.limit + position) * units + unit];
  }
}

void take(const KernelArgs& args) {
  const View &x = args.in[0], &indices = args.in[1], &y = args.out[0];
  if (y.size == 0) return;
  const Around around(x.dims, x.rank, args.param<TakeParams>().axis);
  const int64_t row = around.inner * static_cast<int64_t>(dtype_size(x.dtype));
  with_unit(static_cast<uint64_t>(row) | address_bits(x.data) | address_bits(y.data), [&](auto zero) {
    using Unit = decltype(zero);
    const int64_t units = row / static_cast<int64_t>(sizeof(Unit)), size = around.outer * indices.size * units;
    launch(take_rows<Unit>, grid_for(size), kBlockThreads, 0, stream_of(args), x.as<const Unit>(), y.as<Unit>(), size,
           units, Divider(units), Divider(indices.size), Lookup{Indices(indices), around.count, Reporter(args)});
  });
}

template <class T>
__global__ void take_elements(const T* x, T* y, int64_t inner, Divider by_inner, Divider by_count, Lookup lookup) {
  for (int64_t i = first_item(); i < lookup.indices.size; i += item_stride()) {
    int64_t outer = i;
    const int64_t column = by_inner.take_remainder(outer);
    by_count.take_remainder(outer);
    const int64_t position = lookup.find(i, true);
    y[i] = position < 0 ? T{} : x[(outer * lookup.limit + position) * inner + column];
  }
}

void take_along_axis(const KernelArgs& args) {
  const View &x = args.in[0], &indices = args.in[1];
  if (indices.size == 0) return;
  const int64_t axis = args.param<TakeParams>().axis;
  const Around around(x.dims, x.rank, axis);
  with_width(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    launch(take_elements<T>, grid_for(indices.size), kBlockThreads, 0, stream_of(args), x.as<const T>(),
           args.out[0].as<T>(), around.inner, Divider(around.inner), Divider(indices.dims[axis]),
           Lookup{Indices(indices), around.count, Reporter(args)});
  });
}

template <class T>
__global__ void one_hot_elements(Indices classes, T* y, int64_t size, int64_t inner, Divider by_inner,
                                 Divider by_count) {
  for (int64_t i = first_item(); i < size; i += item_stride()) {
    int64_t outer = i;
    const int64_t column = by_inner.take_remainder(outer), place = by_count.take_remainder(outer);
    y[i] = static_cast<T>(classes[outer * inner + column] == place);
  }
}

void one_hot(const KernelArgs& args) {
  const View& y = args.out[0];
  if (y.size == 0) return;
  const Around around(y.dims, y.rank, args.param<OneHotParams>().axis);
  with_element(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    launch(one_hot_elements<T>, grid_for(y.size), kBlockThreads, 0, stream_of(args), Indices(args.in[0]), y.as<T>(),
           y.size, around.inner, Divider(around.inner), Divider(around.count));
  });
}

}  // namespace

PN_KERNELS(index, {"take", take, nullptr}, {"take_along_axis", take_along_axis, nullptr}, {"one_hot", one_hot, nullptr})
}  // namespace pyneural::cuda
