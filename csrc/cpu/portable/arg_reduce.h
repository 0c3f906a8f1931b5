// argmax and argmin along any axis, for every dtype.
#pragma once

#include "core/kernel.h"

namespace pyneural::cpu::portable {

void argmax(const KernelArgs& args);
void argmin(const KernelArgs& args);

}  // namespace pyneural::cpu::portable
