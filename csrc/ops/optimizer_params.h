#pragma once

#include "core/dtype.h"

namespace pyneural {

struct SgdParams {
  double weight_decay = 0;
};

struct MomentumParams {
  double momentum = 0;
  double weight_decay = 0;
  int64_t nesterov = 0;
};

struct AdamParams {
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  double weight_decay = 0;
};

struct RmspropParams {
  double rho = 0.9;
  double momentum = 0;
  double epsilon = 1e-7;
  double weight_decay = 0;
};

struct AdagradParams {
  double epsilon = 1e-7;
  double weight_decay = 0;
};

struct AdadeltaParams {
  double rho = 0.95;
  double epsilon = 1e-7;
  double weight_decay = 0;
};

struct ClipByNormParams {
  double limit = 0;
};

}  // namespace pyneural
