// randint and random_permutation.
#include "core/philox.h"
#include "ops/random_params.h"
#include "threads/parallel.h"

namespace pyneural::cpu::portable {

namespace {

constexpr int kBitsPerGroup = kPhiloxGroup / 2;
constexpr int64_t kGrain = 256 * kBitsPerGroup;  // elements of a parallel chunk
constexpr double kFlops = 20;                    // per element, to choose threads

// 64 random bits per element, in order: words i and 32 + i of each group, as float64 draws take them.
class RandomBits {
 public:
  // Those from element `first` on, a multiple of kBitsPerGroup.
  explicit RandomBits(const int64_t* state, int64_t first = 0)
      : state_(state), group_(static_cast<uint64_t>(first / kBitsPerGroup)) {}

  uint64_t next() {
    if (lane_ == kBitsPerGroup) refill();
    const uint64_t bits = static_cast<uint64_t>(words_[kBitsPerGroup + lane_]) << 32 | words_[lane_];
    ++lane_;
    return bits;
  }

 private:
  void refill() {
    for (int block = 0; block < kPhiloxBlocks; ++block) {
      uint32_t counter[4];
      philox_block(state_, group_ * kPhiloxBlocks + static_cast<uint64_t>(block), counter);
      for (int word = 0; word < 4; ++word) words_[word * kPhiloxBlocks + block] = counter[word];
    }
    ++group_;
    lane_ = 0;
  }

  const int64_t* state_;
  uint64_t group_;
  int lane_ = kBitsPerGroup;
  uint32_t words_[kPhiloxGroup];
};

// bits scaled to [0, range): the high half of the product. The bias is below range / 2^64.
uint64_t scaled(uint64_t bits, uint64_t range) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(bits) * range) >> 64);
}

template <class T>
void randint_as(const KernelArgs& args) {
  const auto& params = args.param<RandintParams>();
  const uint64_t range = static_cast<uint64_t>(params.high) - static_cast<uint64_t>(params.low);
  T* y = args.out[0].as<T>();
  const int64_t size = args.out[0].size;
  const int threads = threads_for(kFlops * static_cast<double>(size), 0);
  parallel_range(size, kGrain, threads, [&](int64_t begin, int64_t end) {
    RandomBits bits(args.in[0].as<int64_t>(), begin);
    for (int64_t i = begin; i < end; ++i) {
      const uint64_t offset = scaled(bits.next(), range);
      y[i] = static_cast<T>(static_cast<uint64_t>(params.low) + offset);
    }
  });
}

void randint(const KernelArgs& args) {
  switch (args.out[0].dtype) {
    case DType::uint8:
    case DType::int8:
      return randint_as<int8_t>(args);
    case DType::int16:
      return randint_as<int16_t>(args);
    case DType::int32:
      return randint_as<int32_t>(args);
    default:
      return randint_as<int64_t>(args);
  }
}

// Fisher and Yates: position i takes one of the i + 1 elements up to it.
template <class T>
void permutation_as(const KernelArgs& args) {
  RandomBits bits(args.in[0].as<int64_t>());
  T* y = args.out[0].as<T>();
  for (int64_t i = 0; i < args.out[0].size; ++i) {
    const auto j = static_cast<int64_t>(scaled(bits.next(), static_cast<uint64_t>(i) + 1));
    y[i] = y[j];
    y[j] = static_cast<T>(i);
  }
}

void random_permutation(const KernelArgs& args) {
  args.out[0].dtype == DType::int32 ? permutation_as<int32_t>(args) : permutation_as<int64_t>(args);
}

}  // namespace

PN_KERNELS(random, {"randint", randint, nullptr}, {"random_permutation", random_permutation, nullptr})

}  // namespace pyneural::cpu::portable
