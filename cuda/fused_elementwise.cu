// Runs a chain of element-wise ops in one pass: an interpreter whose steps are the same for all threads. The operands
// of a thread wait in its own part of the shared memory, where all of them arrive at the same time; the result of the
// latest step stays in registers, and goes to the shared memory only if a later step than the next one reads it.
#include "cuda/elementwise.cuh"
#include "cuda/functions.cuh"
#include "cuda/ptx.cuh"

namespace pyneural::cuda {
namespace {

constexpr int kPacks = 2;                      // of a thread: they share what it takes to decode a step
constexpr size_t kMaxSharedBytes = 48 * 1024;  // that every block may have
constexpr int64_t kFewBlocks = 128;            // as many as processors: with fewer elements the blocks get smaller

constexpr uint8_t kLatest = 255;  // the result of the step before
constexpr uint8_t kNowhere = 254;

// x = op(slot a, slot b), kept in slot `to` as well.
struct Step {
  ElementwiseOp op;
  uint8_t a, b, to;
};

template <class T>
struct Program {
  T* out;
  uint32_t size;
  bool aligned;
  int32_t num_inputs, num_steps, num_slots;  // slot i is input i
  Step steps[kFusedMaxInstructions];
  AnyOperand in[kFusedMaxInputs];
};

template <class T>
constexpr int kPack = kPackBytes / static_cast<int>(sizeof(T));
template <class T>
using Values = T[kPacks][kPack<T>];

// The slots of a thread.
template <class T>
struct Slots {
  using Item = Pack<T, kPack<T>>;
  Item* first;

  __device__ __forceinline__ Item& at(int slot, int pack) const {
    return first[(slot * kPacks + pack) * static_cast<int>(blockDim.x)];
  }
  __device__ __forceinline__ void load(int slot, Values<T>& x) const {
#pragma unroll
    for (int p = 0; p < kPacks; ++p) read_pack(at(slot, p).values, x[p]);
  }
  __device__ __forceinline__ void store(int slot, const Values<T>& x) const {
#pragma unroll
    for (int p = 0; p < kPacks; ++p) write_pack(at(slot, p).values, kPack<T>, true, x[p]);
  }
};

// Starts to bring `count` elements from `first` on into `to`; what is left of the pack becomes zero.
template <class T>
__device__ __forceinline__ void fetch(const AnyOperand& operand, uint32_t first, int count, Pack<T, kPack<T>>& to) {
  const T* from = static_cast<const T*>(operand.data);
  if (operand.walk == Walk::run && count == kPack<T>) {
    copy_async<kPackBytes>(to.values, from + operand.offset_of(first));
  } else {
#pragma unroll
    for (int k = 0; k < kPack<T>; ++k) {
      constexpr int kBytes = sizeof(T);
      const bool there = k < count;
      copy_async<kBytes>(to.values + k, there ? from + operand.offset_of(first + k) : from, there ? kBytes : 0);
    }
  }
}

template <class F, class T>
__device__ __forceinline__ void apply_unary(Values<T>& x) {
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
#pragma unroll
    for (int k = 0; k < kPack<T>; ++k) x[p][k] = F::of(x[p][k]);
  }
}
template <class F, class T>
__device__ __forceinline__ void apply_binary(Values<T>& x, const Values<T>& y) {
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
#pragma unroll
    for (int k = 0; k < kPack<T>; ++k) x[p][k] = F::of(x[p][k], y[p][k]);
  }
}

template <class T>
__device__ __forceinline__ void apply_op(ElementwiseOp op, Values<T>& x, const Values<T>& y) {
#define PN_UNARY_CASE(name) \
  case ElementwiseOp::name: \
    return apply_unary<functor::name, T>(x);
#define PN_BINARY_CASE(name) \
  case ElementwiseOp::name:  \
    return apply_binary<functor::name, T>(x, y);
#define PN_GRAD_CASE(name) PN_BINARY_CASE(name##_grad)
  switch (op) {
    PN_UNARY_OPS(PN_UNARY_CASE)
    PN_ACTIVATION_OPS(PN_UNARY_CASE)
    PN_BINARY_OPS(PN_BINARY_CASE)
    PN_ACTIVATION_OPS(PN_GRAD_CASE)
    case ElementwiseOp::count:
      return;
  }
}

template <class T>
__global__ void __launch_bounds__(kBlockThreads) fused_kernel(Program<T> program) {
  const Slots<T> slots{dynamic_shared<Pack<T, kPack<T>>>() + threadIdx.x};
  const uint32_t width = blockDim.x * kPack<T>, tile = blockIdx.x * kPacks * width;
  const auto begin_of = [&](int p) { return tile + p * width + threadIdx.x * kPack<T>; };
  const auto count_of = [&](int p) {
    const uint32_t begin = begin_of(p);
    return begin >= program.size ? 0 : static_cast<int>(min(program.size - begin, static_cast<uint32_t>(kPack<T>)));
  };
  if (count_of(0) == 0) return;
  // First what arrives by itself, then what the thread has to wait for.
  for (int i = 0; i < program.num_inputs; ++i) {
    if (program.in[i].walk == Walk::same) continue;
#pragma unroll
    for (int p = 0; p < kPacks; ++p) fetch<T>(program.in[i], begin_of(p), count_of(p), slots.at(i, p));
  }
  for (int i = 0; i < program.num_inputs; ++i) {
    if (program.in[i].walk != Walk::same) continue;
    Values<T> x{};
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      if (count_of(p) > 0) program.in[i].load(begin_of(p), count_of(p), x[p]);
    }
    slots.store(i, x);
  }
  wait_all_copies();
  Values<T> x{}, y{};
#pragma unroll 1
  for (int i = 0; i < program.num_steps; ++i) {
    const Step step = program.steps[i];
    if (step.b == kLatest) {
#pragma unroll
      for (int p = 0; p < kPacks; ++p) {
#pragma unroll
        for (int k = 0; k < kPack<T>; ++k) y[p][k] = x[p][k];
      }
    } else if (step.b != kNowhere) {
      slots.load(step.b, y);
    }
    if (step.a != kLatest) slots.load(step.a, x);
    apply_op<T>(step.op, x, y);
    if (step.to != kNowhere) slots.store(step.to, x);
  }
#pragma unroll
  for (int p = 0; p < kPacks; ++p) write_pack(program.out + begin_of(p), count_of(p), program.aligned, x[p]);
}

// Registers of the graph's program become slots.
template <class T>
void translate(const FusedParams& params, Program<T>& program) {
  const int num_inputs = params.num_inputs, num_steps = params.num_instructions;
  program.num_inputs = program.num_slots = num_inputs;
  program.num_steps = num_steps;
  for (int i = 0; i < num_steps; ++i) {
    const auto& instruction = params.instructions[i];
    Step& step = program.steps[i];
    step = {instruction.op, kNowhere, kNowhere, kNowhere};
    for (int k = 0; k < operand_count(instruction.op); ++k) {
      const int source = instruction.operands[k] - num_inputs;  // the step that computes it, if not negative
      uint8_t& slot = k == 0 ? step.a : step.b;
      if (source < 0) {
        slot = instruction.operands[k];
      } else if (source == i - 1) {
        slot = kLatest;
      } else {
        slot = static_cast<uint8_t>(num_inputs + params.instructions[source].slot);
        program.steps[source].to = slot;
        program.num_slots = std::max(program.num_slots, slot + 1);
      }
    }
  }
}

template <class T>
void run_fused(const KernelArgs& args) {
  const View& whole = args.out[0];
  if (whole.size == 0) return;
  Program<T> program{};
  translate(args.param<FusedParams>(), program);
  for_small_parts(args.in, program.num_inputs, whole, [&](const View* in, const View& out) {
    program.out = out.as<T>();
    program.size = static_cast<uint32_t>(out.size);
    program.aligned = is_aligned(out.data, kPackBytes);
    for (int i = 0; i < program.num_inputs; ++i) program.in[i] = {make_operand(in[i], out, kPack<T>)};
    constexpr int kElements = kPacks * kPack<T>;
    const size_t thread_bytes = static_cast<size_t>(program.num_slots) * kPacks * kPackBytes;
    int threads = kBlockThreads;
    while (threads > kWarp && (threads * thread_bytes > kMaxSharedBytes ||
                               ceil_div(out.size, int64_t{threads} * kElements) < kFewBlocks)) {
      threads /= 2;
    }
    const int64_t blocks = ceil_div(out.size, int64_t{threads} * kElements);
    launch(fused_kernel<T>, static_cast<unsigned>(blocks), threads, threads * thread_bytes, stream_of(args), program);
  });
}

void run(const KernelArgs& args) {
  with_real(args.out[0].dtype, [&](auto zero) { run_fused<decltype(zero)>(args); });
}

}  // namespace

PN_KERNELS(fused_elementwise, {"fused_elementwise", run, nullptr})

}  // namespace pyneural::cuda
