// The z with P(Z > z) = tail for a standard normal Z, tail in (0, 1/2]. Rational approximations PPND7 (float, 7 digits)
// and PPND16 (double, 16 digits) of M. J. Wichura, "Algorithm AS 241", Applied Statistics 37 (1988). `Math` has sqrt,
// log and polynomial(x, coefficients, the constant one first). Plain data: kernels of every device include this file.
#pragma once

#include "core/dtype.h"

namespace pyneural {

// tail >= 2^-34: beyond it the float needs the second tail polynomial, which only double has.
template <class Math, class V>
PN_INLINE V normal_quantile_of_floats(V tail) {
  constexpr float kCentre[] = {3.3871327179e+00f, 5.0434271938e+01f, 1.5929113202e+02f, 5.9109374720e+01f};
  constexpr float kCentreBelow[] = {1.0f, 1.7895169469e+01f, 7.8757757664e+01f, 6.7187563600e+01f};
  constexpr float kTail[] = {1.4234372777e+00f, 2.7568153900e+00f, 1.3067284816e+00f, 1.7023821103e-01f};
  constexpr float kTailBelow[] = {1.0f, 7.3700164250e-01f, 1.2021132975e-01f};
  const V q = 0.5f - tail;
  const auto central = q <= 0.425f;
  const V r = 0.180625f - q * q, t = Math::sqrt(-Math::log(tail)) - 1.6f;
  const V above = central ? q * Math::polynomial(r, kCentre) : Math::polynomial(t, kTail);
  return above / (central ? Math::polynomial(r, kCentreBelow) : Math::polynomial(t, kTailBelow));
}

template <class Math>
PN_INLINE double normal_quantile_of_double(double tail) {
  constexpr double kCentre[] = {3.3871328727963666080e+0, 1.3314166789178437745e+2, 1.9715909503065514427e+3,
                                1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                3.3430575583588128105e+4, 2.5090809287301226727e+3};
  constexpr double kCentreBelow[] = {1.0,
                                     4.2313330701600911252e+1,
                                     6.8718700749205790830e+2,
                                     5.3941960214247511077e+3,
                                     2.1213794301586595867e+4,
                                     3.9307895800092710610e+4,
                                     2.8729085735721942674e+4,
                                     5.2264952788528545610e+3};
  constexpr double kTail[] = {1.42343711074968357734e+0, 4.63033784615654529590e+0, 5.76949722146069140550e+0,
                              3.64784832476320460504e+0, 1.27045825245236838258e+0, 2.41780725177450611770e-1,
                              2.27238449892691845833e-2, 7.74545014278341407640e-4};
  constexpr double kTailBelow[] = {1.0,
                                   2.05319162663775882187e+0,
                                   1.67638483018380384940e+0,
                                   6.89767334985100004550e-1,
                                   1.48103976427480074590e-1,
                                   1.51986665636164571966e-2,
                                   5.47593808499534494600e-4,
                                   1.05075007164441684324e-9};
  constexpr double kFar[] = {6.65790464350110377720e+0, 5.46378491116411436990e+0, 1.78482653991729133580e+0,
                             2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                             2.71155556874348757815e-5, 2.01033439929228813265e-7};
  constexpr double kFarBelow[] = {1.0,
                                  5.99832206555887937690e-1,
                                  1.36929880922735805310e-1,
                                  1.48753612908506148525e-2,
                                  7.86869131145613259100e-4,
                                  1.84631831751005468180e-5,
                                  1.42151175831644588870e-7,
                                  2.04426310338993978564e-15};
  const double q = 0.5 - tail;
  if (q <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * Math::polynomial(r, kCentre) / Math::polynomial(r, kCentreBelow);
  }
  const double r = Math::sqrt(-Math::log(tail));
  if (r <= 5) return Math::polynomial(r - 1.6, kTail) / Math::polynomial(r - 1.6, kTailBelow);
  return Math::polynomial(r - 5, kFar) / Math::polynomial(r - 5, kFarBelow);
}

}  // namespace pyneural
