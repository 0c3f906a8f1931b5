// What a plan does around its steps: gathers the rows of a batch, keeps results, counts batches. All of it reads where
// and which batch from memory of the device (core/batch_control.h), so that a recorded run needs no change from batch
// to batch.
#include "core/batch_control.h"

#include "cuda/kernel.h"

namespace pyneural::cuda {
namespace {

// A unit is 16 bytes where addresses and sizes allow it, else 4 or 1.
template <class Unit>
__global__ void gather_rows(const BatchControl* control, int input, Unit* to, int64_t rows, int64_t units) {
  const BatchArray array = control->arrays()[input];
  const Unit* from = static_cast<const Unit*>(array.data);
  const int64_t* order = array.ring ? nullptr : control->order;
  const int64_t first = array.ring ? control->batch % array.ring * rows : control->first_row + control->batch * rows;
  for (int64_t i = first_item(); i < rows * units; i += item_stride()) {
    const int64_t row = first + i / units;
    to[i] = from[(order ? order[row] : row) * units + i % units];
  }
}

template <class Unit>
__global__ void scatter_output(const BatchControl* control, int output, const Unit* from, int64_t units) {
  Unit* to = static_cast<Unit*>(control->arrays()[output].data);
  if (!to) return;
  to += control->batch * units;
  for (int64_t i = first_item(); i < units; i += item_stride()) to[i] = from[i];
}

struct alignas(16) Bytes16 {
  uint32_t words[4];
};

template <class Fn>
void with_unit(int64_t bytes, const void* a, const Fn& fn) {
  if (bytes % 16 == 0 && is_aligned(a, 16)) return fn(Bytes16());
  if (bytes % 4 == 0 && is_aligned(a, 4)) return fn(uint32_t());
  fn(uint8_t());
}

// in: the control block; out: the batch.
void gather_batch(const KernelArgs& args) {
  const auto& params = args.param<BatchParams>();
  const auto* control = args.in[0].as<const BatchControl>();
  // Rows of the data set begin at multiples of their size: it is aligned as its first row is (64 bytes).
  with_unit(params.row_bytes, args.out[0].data, [&](auto zero) {
    using Unit = decltype(zero);
    const int64_t units = params.row_bytes / static_cast<int64_t>(sizeof(Unit));
    launch(gather_rows<Unit>, grid_for(params.rows * units), kBlockThreads, 0, stream_of(args), control, params.index,
           args.out[0].as<Unit>(), params.rows, units);
  });
}

// in: the control block, an output of the plan.
void scatter_batch(const KernelArgs& args) {
  const auto& params = args.param<BatchParams>();
  const int64_t bytes = params.rows * params.row_bytes;
  with_unit(bytes, args.in[1].data, [&](auto zero) {
    using Unit = decltype(zero);
    const int64_t units = bytes / static_cast<int64_t>(sizeof(Unit));
    launch(scatter_output<Unit>, grid_for(units), kBlockThreads, 0, stream_of(args),
           args.in[0].as<const BatchControl>(), params.index, args.in[1].as<const Unit>(), units);
  });
}

// One row of blocks per copy. They do not overlap.
__global__ void copy_all(const RunState* state, const BatchCopy* copies) {
  if (failed(state)) return;
  const BatchCopy copy = copies[blockIdx.y];
  const auto* from = static_cast<const unsigned char*>(copy.from);
  auto* to = static_cast<unsigned char*>(copy.to);
  const bool words = ((reinterpret_cast<uintptr_t>(from) | reinterpret_cast<uintptr_t>(to)) & 3) == 0;
  const int64_t whole = words ? copy.bytes / 4 : 0;
  for (int64_t i = first_item(); i < whole; i += item_stride()) {
    reinterpret_cast<uint32_t*>(to)[i] = reinterpret_cast<const uint32_t*>(from)[i];
  }
  for (int64_t i = 4 * whole + first_item(); i < copy.bytes; i += item_stride()) to[i] = from[i];
}

// in: a table of BatchCopy. Nothing is copied after a failure.
void commit_copies_of_run(const KernelArgs& args) {
  const auto& params = args.param<CommitParams>();
  const dim3 grid(grid_for(params.largest_bytes / 4, 4 * kBlockThreads), static_cast<unsigned>(params.count));
  launch(copy_all, grid, kBlockThreads, 0, stream_of(args), static_cast<const RunState*>(args.state),
         args.in[0].as<const BatchCopy>());
}

__global__ void count_batch(BatchControl* control) {
  if (!failed(&control->state)) ++control->batch;
}

// in: the control block. A failing batch is not counted: that tells which one it was.
void advance_batch(const KernelArgs& args) {
  launch(count_batch, 1, 1, 0, stream_of(args), args.in[0].as<BatchControl>());
}

}  // namespace

PN_KERNELS(batch, {"gather_batch", gather_batch, nullptr}, {"scatter_batch", scatter_batch, nullptr},
           {"commit_copies", commit_copies_of_run, nullptr}, {"advance_batch", advance_batch, nullptr})
}  // namespace pyneural::cuda
