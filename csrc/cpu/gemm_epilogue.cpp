// The part of the epilogue that is too large for the register tiles: a pass over a block of C that is still in L1.
#include "cpu/activation.h"
#include "cpu/gemm.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

template <Activation A, class T>
void finish(int64_t rows, int64_t columns, T* c, int64_t ldc, const T* bias) {
  constexpr int L = kLanes<T>;
  for (int64_t j = 0; j < columns; j += L) {
    const int lanes = static_cast<int>(columns - j < L ? columns - j : L);
    const Vec<T> shift = bias ? load_first(bias + j, lanes) : Vec<T>{};
    for (int64_t i = 0; i < rows; ++i) {
      T* p = c + i * ldc + j;
      Vec<T> v = load_first(p, lanes);
      if (bias) v = v + shift;
      store_first(p, activate<A>(v), lanes);
    }
  }
}

template <class T>
void choose(int64_t rows, int64_t columns, T* c, int64_t ldc, const T* bias, Activation activation) {
  using Finish = void (*)(int64_t, int64_t, T*, int64_t, const T*);
  static constexpr Finish table[kActivationCount] = {
      finish<Activation::linear, T>,       finish<Activation::relu, T>,      finish<Activation::relu6, T>,
      finish<Activation::sigmoid, T>,      finish<Activation::tanh, T>,      finish<Activation::elu, T>,
      finish<Activation::selu, T>,         finish<Activation::softplus, T>,  finish<Activation::softsign, T>,
      finish<Activation::silu, T>,         finish<Activation::gelu, T>,      finish<Activation::gelu_tanh, T>,
      finish<Activation::hard_sigmoid, T>, finish<Activation::hard_silu, T>, finish<Activation::mish, T>,
      finish<Activation::exponential, T>};
  if (!bias && activation == Activation::linear) return;
  // Rows that follow each other are one: no vector ends with each.
  if (!bias && ldc == columns) {
    columns *= rows;
    rows = 1;
  }
  table[static_cast<int>(activation)](rows, columns, c, ldc, bias);
}

}  // namespace

void apply_epilogue(int64_t rows, int64_t columns, float* c, int64_t ldc, const float* bias, Activation activation) {
  choose(rows, columns, c, ldc, bias, activation);
}
void apply_epilogue(int64_t rows, int64_t columns, double* c, int64_t ldc, const double* bias, Activation activation) {
  choose(rows, columns, c, ldc, bias, activation);
}

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
