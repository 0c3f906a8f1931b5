// ldmatrix and mma.sync, by the fragment layouts of the PTX ISA ("Warp Level Matrix Instructions"). With
// group = lane / 4 and place = lane % 4, a lane holds
//   ldmatrix           of each 8x8 matrix: row group, columns 2 * place and 2 * place + 1 in one register
//   A 16x8  (TF32)     a0 (group, place)  a1 (group + 8, place)  a2 (group, place + 4)  a3 (group + 8, place + 4)
//   B 8x8   (TF32)     b0 (place, group)  b1 (place + 4, group)
//   A 16x16 (BF16)     a0 (group, 2 * place + {0, 1})  a1 rows + 8  a2 columns + 8  a3 both
//   B 16x8  (BF16)     b0 (2 * place + {0, 1}, group)  b1 rows + 8
//   C, D 16x8          c0, c1 (group, 2 * place + {0, 1})  c2, c3 (group + 8, 2 * place + {0, 1})
#include "emulation/tensor_cores.h"

#include <bit>
#include <cstring>
#include <string>

#include "arena.h"
#include "checks.h"
#include "runner.h"

namespace emulation {
namespace {

constexpr int kRows = 16, kColumns = 8;  // of D

struct Operands {
  uint32_t a[4], b[2];
  float c[4];
};
static_assert(sizeof(Operands) <= kLaneBytes);

// TF32 units ignore the low 13 bits of a float.
float tf32(uint32_t bits) { return std::bit_cast<float>(bits & 0xFFFFE000u); }
float bf16_low(uint32_t pair) { return std::bit_cast<float>(pair << 16); }
float bf16_high(uint32_t pair) { return std::bit_cast<float>(pair & 0xFFFF0000u); }

template <int K, class Gather>
void multiply(Lane* lanes, Gather gather) {
  float a[kRows][K], b[K][kColumns], d[kRows][kColumns];
  for (int lane = 0; lane < kLanes; ++lane) {
    Operands in;
    std::memcpy(&in, lanes[lane].operand, sizeof(in));
    const int group = lane / 4, place = lane % 4;
    gather(in, group, place, a, b);
    for (int i = 0; i < 4; ++i) d[group + i / 2 * 8][2 * place + i % 2] = in.c[i];
  }
  // Products of two TF32 or BF16 numbers are exact in float; the order in which a device adds them is not specified.
  for (int row = 0; row < kRows; ++row) {
    for (int k = 0; k < K; ++k) {
      for (int column = 0; column < kColumns; ++column) d[row][column] += a[row][k] * b[k][column];
    }
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    float out[4];
    for (int i = 0; i < 4; ++i) out[i] = d[lane / 4 + i / 2 * 8][2 * (lane % 4) + i % 2];
    std::memcpy(lanes[lane].result, out, sizeof(out));
  }
}

void complete_tf32(Lane* lanes, uint32_t) {
  multiply<8>(lanes, [](const Operands& in, int group, int place, auto& a, auto& b) {
    for (int i = 0; i < 4; ++i) a[group + i % 2 * 8][place + i / 2 * 4] = tf32(in.a[i]);
    for (int i = 0; i < 2; ++i) b[place + i * 4][group] = tf32(in.b[i]);
  });
}

void complete_bf16(Lane* lanes, uint32_t) {
  multiply<16>(lanes, [](const Operands& in, int group, int place, auto& a, auto& b) {
    for (int i = 0; i < 4; ++i) {
      float* pair = &a[group + i % 2 * 8][2 * place + i / 2 * 8];
      pair[0] = bf16_low(in.a[i]);
      pair[1] = bf16_high(in.a[i]);
    }
    for (int i = 0; i < 2; ++i) {
      b[2 * place + i * 8][group] = bf16_low(in.b[i]);
      b[2 * place + i * 8 + 1][group] = bf16_high(in.b[i]);
    }
  });
}

void mma(WarpOp op, Runner::Complete complete, float* d, const uint32_t* a, const uint32_t* b, Site site) {
  const RuntimeSection section;
  Operands operands;
  std::memcpy(operands.a, a, sizeof(operands.a));
  std::memcpy(operands.b, b, sizeof(operands.b));
  std::memcpy(operands.c, d, sizeof(operands.c));
  const Lane& lane = Runner::current()->meet(op, kFullWarp, &operands, sizeof(operands), complete, site);
  std::memcpy(d, lane.result, sizeof(operands.c));
}

struct Row {
  const void* address;
  int count;
  bool transposed;
};

void complete_load(Lane* lanes, uint32_t) {
  constexpr int kSize = 8;  // rows and columns of a matrix
  Row first;
  std::memcpy(&first, lanes[0].operand, sizeof(first));
  uint16_t matrices[4][kSize][kSize];
  for (int lane = 0; lane < first.count * kSize; ++lane) {
    Row row;
    std::memcpy(&row, lanes[lane].operand, sizeof(row));
    std::memcpy(matrices[lane / kSize][lane % kSize], row.address, sizeof(matrices[0][0]));
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    uint32_t out[4] = {};
    const int group = lane / 4, column = lane % 4 * 2;
    for (int i = 0; i < first.count; ++i) {
      const uint32_t low = first.transposed ? matrices[i][column][group] : matrices[i][group][column];
      const uint32_t high = first.transposed ? matrices[i][column + 1][group] : matrices[i][group][column + 1];
      out[i] = low | high << 16;
    }
    std::memcpy(lanes[lane].result, out, sizeof(out));
  }
}

// What the instruction itself demands of an address, which no sanitizer knows.
void demand(bool holds, const char* instruction, const char* what, Site site) {
  if (holds) return;
  Runner::current()->fault(std::string(instruction) + " at " + site_name(site.file, site.line) + ": " + what, nullptr);
}

bool aligned(const void* address, size_t bytes) { return reinterpret_cast<uintptr_t>(address) % bytes == 0; }

}  // namespace

void mma_m16n8k8_tf32(float* d, const uint32_t* a, const uint32_t* b, Site site) {
  mma(WarpOp::mma_tf32, complete_tf32, d, a, b, site);
}

void mma_m16n8k16_bf16(float* d, const uint32_t* a, const uint32_t* b, Site site) {
  mma(WarpOp::mma_bf16, complete_bf16, d, a, b, site);
}

void load_matrices(uint32_t* fragments, const void* row, int count, bool transposed, Site site) {
  const RuntimeSection section;
  Runner& runner = *Runner::current();
  const Row operand{row, count, transposed};
  if (runner.lane() < count * 8) {
    demand(address_space.is_shared(row), "ldmatrix", "the row is not in shared memory", site);
    demand(aligned(row, 16), "ldmatrix", "misaligned: a row must start at a multiple of 16 bytes", site);
    if (checks_enabled) check_read(runner, row, 16, nullptr);
  }
  const Lane& lane = runner.meet(WarpOp::ldmatrix, kFullWarp, &operand, sizeof(operand), complete_load, site);
  std::memcpy(fragments, lane.result, count * sizeof(uint32_t));
}

// ---- asynchronous copies

void copy_async(void* target, const void* source, int bytes, int source_bytes, Site site) {
  const RuntimeSection section;
  Runner& runner = *Runner::current();
  demand(address_space.is_shared(target), "cp.async", "the target is not in shared memory", site);
  demand(aligned(target, bytes) && (source_bytes == 0 || aligned(source, bytes)), "cp.async",
         "misaligned: both addresses must be multiples of the size of the copy", site);
  demand(source_bytes == 0 || address_space.is_device(source), "cp.async", "the source is not in device memory", site);
  if (checks_enabled) {
    if (source_bytes > 0) check_read(runner, source, source_bytes, nullptr);
    check_write(runner, target, bytes, nullptr);
    set_states(target, bytes, State::in_flight);
  }
  Lane& lane = runner.self();
  lane.copies.push_back({target, source, bytes, source_bytes, lane.copy_group});
}

void commit_copies() { ++Runner::current()->self().copy_group; }

void wait_copies(int groups_left) {
  const RuntimeSection section;
  Runner& runner = *Runner::current();
  Lane& lane = runner.self();
  for (; lane.landed < lane.copies.size(); ++lane.landed) {
    const AsyncCopy& copy = lane.copies[lane.landed];
    if (groups_left >= 0 && copy.group + groups_left >= lane.copy_group) break;
    std::memcpy(copy.target, copy.source, copy.source_bytes);
    std::memset(static_cast<char*>(copy.target) + copy.source_bytes, 0, copy.bytes - copy.source_bytes);
    if (checks_enabled) {
      set_states(copy.target, copy.bytes, State::written);
      check_write(runner, copy.target, copy.bytes, nullptr);  // as if this thread wrote it now
    }
  }
  if (lane.landed == lane.copies.size()) {
    lane.copies.clear();
    lane.landed = 0;
  }
}

}  // namespace emulation
