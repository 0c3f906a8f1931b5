#include "cuda/strided_copy.h"
#include "ops/shape_params.h"

namespace pyneural::cuda {
namespace {

void transpose(const KernelArgs& args) {
  const View &x = args.in[0], &y = args.out[0];
  const auto& params = args.param<TransposeParams>();
  int64_t strides[kMaxRank], stride = 1;
  for (int i = x.rank - 1; i >= 0; --i) {
    strides[i] = stride;
    stride *= x.dims[i];
  }
  StridedCopy copy;
  stride = y.size;
  for (int i = 0; i < y.rank; ++i) {
    stride /= y.dims[i] > 0 ? y.dims[i] : 1;
    copy.add(y.dims[i], strides[params.axes[i]], stride);
  }
  strided_copy(stream_of(args), y.data, x.data, copy, dtype_size(x.dtype));
}

}  // namespace

PN_KERNELS(transpose, {"transpose", transpose, nullptr})
}  // namespace pyneural::cuda
