// How the pool divides chunks among threads. Kernel sources include this file: no std:: here.
#pragma once

#include "core/dtype.h"

namespace pyneural {

// Thread `share` of `threads` begins with the chunks from here on, up to where the next one begins.
PN_INLINE int64_t share_begin(int64_t chunks, int threads, int share) { return chunks * share / threads; }

// The chunk that stands as far from the end of its share as `chunk` from the beginning.
PN_INLINE int64_t mirrored_in_share(int64_t chunk, int64_t chunks, int threads) {
  const int share = static_cast<int>(((chunk + 1) * threads - 1) / chunks);
  return share_begin(chunks, threads, share) + share_begin(chunks, threads, share + 1) - 1 - chunk;
}

}  // namespace pyneural
