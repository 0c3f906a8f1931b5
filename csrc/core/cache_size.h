// How much the last cache of this machine holds. Kernel sources include this file: no std:: here.
#pragma once

#include <stdint.h>

namespace pyneural {

// Bytes of the last data cache that the system names; what most processors have at least where it names none.
int64_t last_cache_bytes();

}  // namespace pyneural
