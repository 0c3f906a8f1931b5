// Runs a chain of element-wise ops block by block: intermediate results stay in the L1 cache. Each instruction calls
// the same loop as the op of its own would, so the bits are the same.
#include "cpu/elementwise.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

template <class T>
void fused_block(const void* const* in, void* out, int64_t n, const void* params) {
  const FusedParams& program = *static_cast<const FusedParams*>(params);
  constexpr DType kDType = sizeof(T) == 4 ? DType::float32 : DType::float64;
  const void* registers[kFusedMaxInputs + kFusedMaxInstructions];
  for (int i = 0; i < program.num_inputs; ++i) registers[i] = in[i];
  T* temporary = static_cast<T*>(const_cast<void*>(in[program.num_inputs]));
  for (int i = 0; i < program.num_instructions; ++i) {
    const FusedParams::Instruction& step = program.instructions[i];
    const void* operands[2] = {registers[step.operands[0]], registers[step.operands[1]]};
    // The output may be an input that a later instruction reads: only the last one writes it.
    void* result = i == program.num_instructions - 1 ? out : temporary + step.slot * kBlock;
    find_block(step.op, kDType)(operands, result, n, nullptr);
    registers[program.num_inputs + i] = result;
  }
}

void run_fused(const KernelArgs& args) {
  const FusedParams& program = args.param<FusedParams>();
  const bool wide = args.out[0].dtype == DType::float64;
  const double flops = 4.0 * program.num_instructions;
  run_elementwise(args, wide ? fused_block<double> : fused_block<float>, flops,
                  program.num_slots * static_cast<int64_t>(dtype_size(args.out[0].dtype)));
}

}  // namespace

PN_KERNELS(fused_elementwise, {"fused_elementwise", run_fused, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
