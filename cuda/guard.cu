// guard_finite, all_finite, in_range: a search for the first element that breaks a rule, in one read of the operands.
#include "ops/guard_params.h"

#include "cuda/pack.cuh"
#include "cuda/warp.cuh"

namespace pyneural::cuda {
namespace {

constexpr int kPacks = 4;               // in flight for each thread
constexpr int64_t kMaxPartials = 1024;  // blocks of an operand: several for each processor
constexpr int kMaxOperands = 32;        // of a launch
constexpr int64_t kNone = INT64_MAX;

// Where a culprit stands: the number of its operand and its position, which order as one number.
constexpr int kPositionBits = 48;

struct Operand {
  const void* data;
  int64_t size;
  DType dtype;
  int first_block;  // of those that look at it
};
struct Operands {
  Operand list[kMaxOperands];
  int count, first;  // `first`: the number of list[0] among the op's operands
};

// What the op returns.
enum class Answer : int32_t {
  guard,     // a boolean, and a report of what was found
  flag,      // a boolean
  position,  // -1 if nothing was found
};
struct Result {
  Answer answer;
  void* out;
  RunState* state;
  int32_t step, num_operands;

  __device__ __forceinline__ void write(int64_t place) const {
    if (answer == Answer::position) {
      *static_cast<int64_t*>(out) = place == kNone ? -1 : place;
      return;
    }
    *static_cast<bool*>(out) = place == kNone;
    if (answer == Answer::guard && place != kNone) {
      constexpr int64_t kPosition = (int64_t{1} << kPositionBits) - 1;
      report(state, step, Status::not_finite, place >> kPositionBits, num_operands, place & kPosition);
    }
  }
};

// Rules: breaks(x) for an element of the type they name.
template <class Bits, Bits kExponent>
struct NotFinite {
  using Type = Bits;
  __device__ __forceinline__ bool breaks(Bits x) const { return (x & kExponent) == kExponent; }
};

// Narrow integers are compared as int64: a bound beyond the type's range must not wrap.
template <class T, class Bound>
struct Outside {
  using Type = T;
  Bound lo, hi;
  __device__ __forceinline__ bool breaks(T x) const {
    return !(static_cast<Bound>(x) >= lo && static_cast<Bound>(x) < hi);
  }
};

// The first element that breaks the rule of those that block `block` of `blocks` looks at; in all threads.
template <class Rule>
__device__ __forceinline__ int64_t first_break(const Operand& x, const Rule& rule, int block, int blocks) {
  using T = typename Rule::Type;
  constexpr int kPack = kPackBytes / static_cast<int>(sizeof(T));
  constexpr int64_t kTile = int64_t{kBlockThreads} * kPacks * kPack;
  const T* data = static_cast<const T*>(x.data);
  const bool aligned = reinterpret_cast<uintptr_t>(data) % kPackBytes == 0;
  int64_t found = kNone;
  for (int64_t tile = block * kTile; tile < x.size && found == kNone; tile += blocks * kTile) {
    T values[kPacks][kPack];
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      const int64_t begin = tile + (p * kBlockThreads + static_cast<int>(threadIdx.x)) * kPack, left = x.size - begin;
      read_pack(data + begin, left < kPack ? static_cast<int>(left) : kPack, aligned, values[p]);
    }
#pragma unroll
    for (int p = kPacks - 1; p >= 0; --p) {
      const int64_t begin = tile + (p * kBlockThreads + static_cast<int>(threadIdx.x)) * kPack;
#pragma unroll
      for (int k = kPack - 1; k >= 0; --k) {
        if (begin + k < x.size && rule.breaks(values[p][k])) found = begin + k;
      }
    }
  }
  return reduce_block<Min, kBlockThreads>(found, kNone);
}

// `place` of this block, or the result if it is the only one.
__device__ __forceinline__ void keep(int64_t place, int64_t* partial, const Result& result) {
  if (threadIdx.x != 0) return;
  if (partial) {
    partial[blockIdx.x] = place;
  } else {
    result.write(place);
  }
}

__global__ void __launch_bounds__(kBlockThreads) search_not_finite(Operands operands, int64_t* partial, Result result) {
  int number = operands.count - 1;
  while (static_cast<int>(blockIdx.x) < operands.list[number].first_block) --number;
  const Operand& x = operands.list[number];
  const int end = number + 1 < operands.count ? operands.list[number + 1].first_block : static_cast<int>(gridDim.x);
  const int block = static_cast<int>(blockIdx.x) - x.first_block, blocks = end - x.first_block;
  int64_t position = kNone;
  switch (x.dtype) {
    case DType::float16:
      position = first_break(x, NotFinite<uint16_t, 0x7C00>(), block, blocks);
      break;
    case DType::bfloat16:
      position = first_break(x, NotFinite<uint16_t, 0x7F80>(), block, blocks);
      break;
    case DType::float32:
      position = first_break(x, NotFinite<uint32_t, 0x7F800000>(), block, blocks);
      break;
    case DType::float64:
      position = first_break(x, NotFinite<uint64_t, 0x7FF0000000000000>(), block, blocks);
      break;
    default:  // integers are finite
      break;
  }
  const int64_t operand = operands.first + number;
  keep(position == kNone ? kNone : operand << kPositionBits | position, partial, result);
}

template <class Rule>
__global__ void __launch_bounds__(kBlockThreads) search(Operand x, Rule rule, int64_t* partial, Result result) {
  const auto block = static_cast<int>(blockIdx.x), blocks = static_cast<int>(gridDim.x);
  keep(first_break(x, rule, block, blocks), partial, result);
}

__global__ void __launch_bounds__(kBlockThreads) finish(const int64_t* partial, int count, Result result) {
  int64_t place = kNone;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kBlockThreads) place = min(place, partial[i]);
  place = reduce_block<Min, kBlockThreads>(place, kNone);
  if (threadIdx.x == 0) result.write(place);
}

int blocks_for(const View& x) {
  const int64_t bytes = x.size * static_cast<int64_t>(dtype_size(x.dtype));
  const int64_t tiles = ceil_div(bytes, int64_t{kBlockThreads} * kPacks * kPackBytes);
  return static_cast<int>(tiles < 1 ? 1 : tiles < kMaxPartials ? tiles : kMaxPartials);
}
int all_blocks(const KernelArgs& args) {
  int blocks = 0;
  for (int i = 0; i < args.num_in; ++i) blocks += blocks_for(args.in[i]);
  return blocks;
}
size_t workspace(const KernelArgs& args) { return static_cast<size_t>(all_blocks(args)) * sizeof(int64_t); }

Result result_of(const KernelArgs& args, Answer answer) {
  return {answer, args.out[0].data, args.state, args.step, args.num_in};
}

void check_finite(const KernelArgs& args, Answer answer) {
  const Result result = result_of(args, answer);
  const int total = all_blocks(args);
  auto* partial = total > 1 ? static_cast<int64_t*>(args.workspace) : nullptr;
  int done = 0;
  for (int first = 0; first < args.num_in; first += kMaxOperands) {
    Operands operands{};
    operands.first = first;
    operands.count = args.num_in - first < kMaxOperands ? args.num_in - first : kMaxOperands;
    int blocks = 0;
    for (int i = 0; i < operands.count; ++i) {
      const View& x = args.in[first + i];
      operands.list[i] = {x.data, x.size, x.dtype, blocks};
      blocks += blocks_for(x);
    }
    launch(search_not_finite, static_cast<unsigned>(blocks), kBlockThreads, 0, stream_of(args), operands,
           partial ? partial + done : nullptr, result);
    done += blocks;
  }
  if (partial) launch(finish, 1, kBlockThreads, 0, stream_of(args), partial, total, result);
}

// Factors of products come behind the values themselves: here these are read, whatever they come from.
KernelArgs without_factors(const KernelArgs& args) {
  KernelArgs values = args;
  values.num_in = static_cast<int32_t>(args.param<GuardFiniteParams>().values);
  return values;
}
size_t guard_workspace(const KernelArgs& args) { return workspace(without_factors(args)); }
void guard_finite(const KernelArgs& args) { check_finite(without_factors(args), Answer::guard); }
void all_finite(const KernelArgs& args) { check_finite(args, Answer::flag); }

template <class Bound, class T>
void search_outside(const KernelArgs& args) {
  const View& x = args.in[0];
  const auto& params = args.param<InRangeParams>();
  const Outside<T, Bound> rule{static_cast<Bound>(params.lo), static_cast<Bound>(params.hi)};
  const Result result = result_of(args, Answer::position);
  const int blocks = blocks_for(x);
  auto* partial = blocks > 1 ? static_cast<int64_t*>(args.workspace) : nullptr;
  launch(search<Outside<T, Bound>>, static_cast<unsigned>(blocks), kBlockThreads, 0, stream_of(args),
         Operand{x.data, x.size, x.dtype, 0}, rule, partial, result);
  if (partial) launch(finish, 1, kBlockThreads, 0, stream_of(args), partial, blocks, result);
}

void in_range(const KernelArgs& args) {
  switch (args.in[0].dtype) {
    case DType::float32:
      return search_outside<float, float>(args);
    case DType::float64:
      return search_outside<double, double>(args);
    case DType::int64:
      return search_outside<int64_t, int64_t>(args);
    case DType::int32:
      return search_outside<int64_t, int32_t>(args);
    case DType::int16:
      return search_outside<int64_t, int16_t>(args);
    case DType::int8:
      return search_outside<int64_t, int8_t>(args);
    default:  // bool and uint8
      return search_outside<int64_t, uint8_t>(args);
  }
}

}  // namespace

PN_KERNELS(guard, {"guard_finite", guard_finite, guard_workspace}, {"all_finite", all_finite, workspace},
           {"in_range", in_range, workspace})

}  // namespace pyneural::cuda
