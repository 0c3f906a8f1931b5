// Splits element-wise work into chunks and blocks and lays out the operands that are broadcast.
#include "cpu/elementwise.h"

#include "cpu/past_caches.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

constexpr int64_t kChunk = 32 * 1024;  // elements that one thread takes at a time
constexpr int64_t kRegisterBytes = kBlock * sizeof(double);
constexpr double kCheapFlops = 8;  // per element: memory takes longer, so that what delays a store delays everything

enum class Layout { dense, scalar, period, strided };

// How an operand is read in the order of the output.
struct Operand {
  const char* data;
  int64_t item;  // bytes of an element
  Layout layout;
  int64_t period;  // elements after which it repeats: its shape ends the output's shape
  int rank;        // strided: of the collapsed shape
  int64_t dims[kMaxRank], strides[kMaxRank];
};

bool ends_with(const View& out, const View& in) {
  int rank = in.rank;
  for (int i = 0; i < in.rank && in.dims[i] == 1; ++i) --rank;
  for (int i = 1; i <= rank; ++i) {
    if (in.dim(-i) != out.dim(-i)) return false;
  }
  return true;
}

// Merges axes that are walked as one; what is left ends with a run of stride 0 or 1.
void collapse(const View& in, const View& out, Operand& op) {
  op.rank = 0;
  int64_t step = in.size;
  for (int axis = 0; axis < out.rank; ++axis) {
    const int64_t dim = out.dims[axis];
    const int in_axis = axis - (out.rank - in.rank);
    const int64_t in_dim = in_axis < 0 ? 1 : in.dims[in_axis];
    step /= in_dim;
    if (dim == 1) continue;
    const int64_t stride = in_dim == 1 ? 0 : step;
    const int last = op.rank - 1;
    if (last >= 0 && op.strides[last] == stride * dim) {
      op.dims[last] *= dim;
      op.strides[last] = stride;
    } else {
      op.dims[op.rank] = dim;
      op.strides[op.rank++] = stride;
    }
  }
}

Operand make_operand(const View& in, const View& out) {
  Operand op{};
  op.data = static_cast<const char*>(in.data);
  op.item = static_cast<int64_t>(dtype_size(in.dtype));
  op.period = in.size;
  if (in.size == out.size) {
    op.layout = Layout::dense;
  } else if (in.size == 1) {
    op.layout = Layout::scalar;
  } else if (ends_with(out, in)) {
    op.layout = Layout::period;
  } else {
    op.layout = Layout::strided;
    collapse(in, out, op);
  }
  return op;
}

template <class T>
void expand_strided(const Operand& op, int64_t begin, int64_t count, char* buffer) {
  const T* data = reinterpret_cast<const T*>(op.data);
  T* to = reinterpret_cast<T*>(buffer);
  int64_t index[kMaxRank];
  int64_t offset = 0;
  for (int axis = op.rank - 1; axis >= 0; --axis) {
    index[axis] = begin % op.dims[axis];
    begin /= op.dims[axis];
    offset += index[axis] * op.strides[axis];
  }
  const int inner = op.rank - 1;
  while (count > 0) {
    const int64_t left = op.dims[inner] - index[inner];
    const int64_t run = left < count ? left : count;
    if (op.strides[inner]) {
      for (int64_t i = 0; i < run; ++i) to[i] = data[offset + i];
    } else {
      const T value = data[offset];
      for (int64_t i = 0; i < run; ++i) to[i] = value;
    }
    to += run;
    count -= run;
    offset -= index[inner] * op.strides[inner];
    index[inner] = 0;
    for (int axis = inner - 1; axis >= 0; --axis) {
      offset += op.strides[axis];
      if (++index[axis] < op.dims[axis]) break;
      offset -= op.dims[axis] * op.strides[axis];
      index[axis] = 0;
    }
  }
}

void expand_period(const Operand& op, int64_t begin, int64_t count, char* to) {
  int64_t phase = begin % op.period;
  while (count > 0) {
    const int64_t left = op.period - phase;
    const int64_t run = left < count ? left : count;
    __builtin_memcpy(to, op.data + phase * op.item, run * op.item);
    to += run * op.item;
    count -= run;
    phase = 0;
  }
}

void expand(const Operand& op, int64_t begin, int64_t count, char* to) {
  if (op.layout == Layout::period) return expand_period(op, begin, count, to);
  Operand walked = op;
  if (op.layout == Layout::scalar) {
    walked.rank = 1;
    walked.dims[0] = INT64_MAX;
    walked.strides[0] = 0;
  }
  switch (op.item) {
    case 1:
      return expand_strided<uint8_t>(walked, begin, count, to);
    case 2:
      return expand_strided<uint16_t>(walked, begin, count, to);
    case 4:
      return expand_strided<uint32_t>(walked, begin, count, to);
    default:
      return expand_strided<uint64_t>(walked, begin, count, to);
  }
}

// `count` elements from `begin` on, in the order of the output; in `buffer` unless they lie so in memory. A buffer
// that is `settled` holds them already.
const void* block_of(const Operand& op, int64_t begin, int64_t count, char* buffer, bool settled) {
  if (op.layout == Layout::dense) return op.data + begin * op.item;
  if (op.layout == Layout::period && begin % op.period + count <= op.period) {
    return op.data + begin % op.period * op.item;
  }
  if (!settled) expand(op, begin, count, buffer);
  return buffer;
}

bool all_dense(const KernelArgs& args) {
  bool dense = true;
  for (int i = 0; i < args.num_in; ++i) dense &= args.in[i].size == args.out[0].size;
  return dense;
}

// Calls over arrays somewhat larger than the L1 cache walk to and fro, by blocks of a page: what a call touched last is
// what the next one still finds there. Whether two threads see each other's turns does not matter.
bool walks_backwards(int64_t bytes) {
  constexpr int64_t kFrom = 40 << 10, kTo = 128 << 10;  // smaller ones fit; from the next cache, forwards is quicker
  if (bytes < kFrom || bytes > kTo) return false;
  static bool backwards = false;
  const bool next = !__atomic_load_n(&backwards, __ATOMIC_RELAXED);
  __atomic_store_n(&backwards, next, __ATOMIC_RELAXED);
  return next;
}

// All operands lie as the output does.
void run_dense(const KernelArgs& args, BlockFn fn) {
  constexpr int64_t kPage = 4096;
  const void* in[kMaxOperands];
  int64_t item[kMaxOperands], bytes = 0;
  const View& out = args.out[0];
  for (int i = 0; i < args.num_in; ++i) {
    in[i] = args.in[i].data;
    item[i] = static_cast<int64_t>(dtype_size(args.in[i].dtype));
    bytes += item[i] * out.size;
  }
  const int64_t out_item = static_cast<int64_t>(dtype_size(out.dtype));
  if (!walks_backwards(bytes + out_item * out.size)) return fn(in, out.data, out.size, args.params);
  for (int64_t end = out.size, begin; end > 0; end = begin) {
    begin = (end - 1) / (kPage / out_item) * (kPage / out_item);
    for (int i = 0; i < args.num_in; ++i) in[i] = args.in[i].as<char>() + begin * item[i];
    fn(in, out.as<char>() + begin * out_item, end - begin, args.params);
  }
}

// The same for a single block with a few temporaries, which lie on the stack: to ask for scratch takes longer than a
// short chain.
constexpr int64_t kStackBytes = 4 * kRegisterBytes;
void run_dense_block(const KernelArgs& args, BlockFn fn) {
  alignas(64) char temporaries[kStackBytes];
  const void* in[kMaxOperands + 1];
  for (int i = 0; i < args.num_in; ++i) in[i] = args.in[i].data;
  in[args.num_in] = temporaries;
  fn(in, args.out[0].data, args.out[0].size, args.params);
}

// Is the output too large to be found in a cache later, and no input whose lines are in the cache already?
bool goes_past_caches(const KernelArgs& args, double flops_per_element) {
  const View& out = args.out[0];
  const size_t item = dtype_size(out.dtype);
  if (flops_per_element > kCheapFlops || out.size * static_cast<int64_t>(item) <= last_cache_bytes()) return false;
  for (int i = 0; i < args.num_in; ++i) {
    if (args.in[i].data == out.data || dtype_size(args.in[i].dtype) != item) return false;
  }
  return true;
}

}  // namespace

void run_elementwise(const KernelArgs& args, BlockFn fn, double flops_per_element, int64_t temporary_bytes) {
  const View& out = args.out[0];
  if (out.size == 0) return;
  const int num = args.num_in;
  if (out.size <= kChunk && temporary_bytes == 0 && all_dense(args)) return run_dense(args, fn);
  if (out.size <= kBlock && temporary_bytes * kBlock <= kStackBytes && all_dense(args)) {
    return run_dense_block(args, fn);
  }
  Operand operands[kMaxOperands];
  bool dense = temporary_bytes == 0;
  double bytes = static_cast<double>(out.size * dtype_size(out.dtype));
  int64_t block = kBlock;
  for (int i = 0; i < num; ++i) {
    operands[i] = make_operand(args.in[i], out);
    dense &= operands[i].layout == Layout::dense;
    bytes += static_cast<double>(args.in[i].size * dtype_size(args.in[i].dtype));
    // Blocks of whole periods see the same pattern each time (a shorter period divides a longer one).
    const int64_t period = operands[i].period;
    if (operands[i].layout == Layout::period && period <= block) block = block / period * period;
  }
  const int64_t chunk_size = dense ? kChunk : (kChunk / block) * block;
  const bool past_caches = goes_past_caches(args, flops_per_element);
  if (dense) block = past_caches ? kBlock : chunk_size;
  const int64_t item = static_cast<int64_t>(dtype_size(out.dtype));
  char* to = static_cast<char*>(out.data);
  // The operands' buffers, temporaries, and the result on its way past the caches.
  const int64_t result_at = dense ? 0 : num * kRegisterBytes + temporary_bytes * kBlock;
  const int64_t scratch_bytes = result_at + (past_caches ? kRegisterBytes : 0);
  const int64_t chunks = (out.size + chunk_size - 1) / chunk_size;
  const int threads = chunks == 1 ? 1 : threads_for(flops_per_element * static_cast<double>(out.size), bytes);
  parallel_chunks(chunks, threads, scratch_bytes, [&](int64_t chunk, void* scratch) {
    char* buffers = static_cast<char*>(scratch);
    const int64_t first = chunk * chunk_size;
    const int64_t end = first + chunk_size < out.size ? first + chunk_size : out.size;
    const void* in[kMaxOperands + 1];
    in[num] = buffers + num * kRegisterBytes;
    for (int64_t begin = first; begin < end; begin += block) {
      const int64_t count = begin + block < end ? block : end - begin;
      for (int i = 0; i < num; ++i) {
        const Operand& op = operands[i];
        const bool repeats = op.layout == Layout::scalar || (op.layout == Layout::period && block % op.period == 0);
        in[i] = block_of(op, begin, count, buffers + i * kRegisterBytes, repeats && begin > first);
      }
      if (past_caches) {
        fn(in, buffers + result_at, count, args.params);
        const int64_t bytes = count * item;
        for (int i = 1; i < num; ++i) {
          if (operands[i].layout == Layout::dense) prefetch_lines(static_cast<const char*>(in[i]) + bytes, bytes);
        }
        copy_past_caches(to + begin * item, buffers + result_at, bytes, static_cast<const char*>(in[0]) + bytes);
      } else {
        fn(in, to + begin * item, count, args.params);
      }
    }
    if (past_caches) finish_past_caches();
  });
}

BlockFn find_block(ElementwiseOp op, DType dtype) {
  const int index = static_cast<int>(op);
  constexpr int kFirstBinary = static_cast<int>(ElementwiseOp::add);
  constexpr int kFirstActivation = static_cast<int>(ElementwiseOp::relu);
  const BlockRow& row = index < kFirstBinary       ? unary_blocks[index]
                        : index < kFirstActivation ? binary_blocks[index - kFirstBinary]
                                                   : activation_blocks[index - kFirstActivation];
  return pick(row, dtype);
}

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
