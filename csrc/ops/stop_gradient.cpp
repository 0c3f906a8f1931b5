#include "ops/stop_gradient.h"

namespace pyneural::ops {

namespace {
const OpDef kStopGradient{
    .name = "stop_gradient",
    .infer = [](const InferCall& call) { return Specs{call.in(0)}; },
    .grad = [](const GradCall&) { return Values{}; },
    .view = true,
};
}  // namespace

Value stop_gradient(const Value& x) { return apply1(kStopGradient, {}, {x}); }

}  // namespace pyneural::ops
