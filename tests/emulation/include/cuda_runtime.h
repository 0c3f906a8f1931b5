// Stands in for the CUDA toolkit's header of this name: see docs/emulation.md.
#pragma once

#include "emulation/atomics.h"
#include "emulation/intrinsics.h"
#include "emulation/qualifiers.h"
#include "emulation/runtime_api.h"
#include "emulation/thread.h"
#include "emulation/vector_types.h"
#include "emulation/warp.h"
