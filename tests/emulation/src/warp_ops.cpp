// What each warp function makes of its lanes' operands.
#include <cstring>
#include <string>

#include "emulation/warp.h"
#include "runner.h"

namespace emulation {
namespace {

template <class T>
T operand(const Lane& lane) {
  T value;
  std::memcpy(&value, lane.operand, sizeof(T));
  return value;
}

template <class T>
void set_result(Lane& lane, T value) {
  std::memcpy(lane.result, &value, sizeof(T));
}

template <class T>
T result(const Lane& lane) {
  T value;
  std::memcpy(&value, lane.result, sizeof(T));
  return value;
}

template <class Function>
void for_lanes(uint32_t mask, Function function) {
  for (uint32_t left = mask; left; left &= left - 1) function(__builtin_ctz(left));
}

void complete_shuffle(Lane* lanes, uint32_t mask) {
  for_lanes(mask, [&](int lane) {
    const int source = operand<Shuffle>(lanes[lane]).source;
    if (!(mask >> source & 1)) {
      Runner::current()->fault("a shuffle reads from lane " + std::to_string(source) +
                                   ", which is not in its mask (lane " + std::to_string(lane) + " does)",
                               nullptr);
    }
    set_result(lanes[lane], operand<Shuffle>(lanes[source]).value);
  });
}

void complete_ballot(Lane* lanes, uint32_t mask) {
  uint32_t votes = 0;
  for_lanes(mask, [&](int lane) { votes |= operand<uint32_t>(lanes[lane]) << lane; });
  for_lanes(mask, [&](int lane) { set_result(lanes[lane], votes); });
}

void complete_match_any(Lane* lanes, uint32_t mask) {
  for_lanes(mask, [&](int lane) {
    uint32_t same = 0;
    for_lanes(mask, [&](int other) {
      if (operand<uint64_t>(lanes[other]) == operand<uint64_t>(lanes[lane])) same |= 1u << other;
    });
    set_result(lanes[lane], same);
  });
}

void complete_match_all(Lane* lanes, uint32_t mask) {
  const uint64_t first = operand<uint64_t>(lanes[__builtin_ctz(mask)]);
  bool all = true;
  for_lanes(mask, [&](int lane) { all = all && operand<uint64_t>(lanes[lane]) == first; });
  for_lanes(mask, [&](int lane) { set_result(lanes[lane], all ? mask : 0u); });
}

template <class Result, class Operand>
Result meet(WarpOp op, uint32_t mask, Operand value, Runner::Complete complete, Site site) {
  static_assert(sizeof(Operand) <= kLaneBytes);
  const RuntimeSection section;
  return result<Result>(Runner::current()->meet(op, mask, &value, sizeof(Operand), complete, site));
}

}  // namespace

int lane_index() { return Runner::current()->lane(); }

uint32_t active_mask() { return Runner::current()->active_lanes(); }

uint64_t shuffle(uint32_t mask, Shuffle value, Site site) {
  return meet<uint64_t>(WarpOp::shuffle, mask, value, complete_shuffle, site);
}

uint32_t ballot(uint32_t mask, bool predicate, Site site) {
  return meet<uint32_t>(WarpOp::ballot, mask, static_cast<uint32_t>(predicate), complete_ballot, site);
}

uint32_t match_any(uint32_t mask, uint64_t value, Site site) {
  return meet<uint32_t>(WarpOp::match_any, mask, value, complete_match_any, site);
}

uint32_t match_all(uint32_t mask, uint64_t value, Site site) {
  return meet<uint32_t>(WarpOp::match_all, mask, value, complete_match_all, site);
}

void sync_warp(uint32_t mask, Site site) {
  const RuntimeSection section;
  Runner::current()->meet(WarpOp::sync, mask, nullptr, 0, [](Lane*, uint32_t) {}, site);
}

}  // namespace emulation
