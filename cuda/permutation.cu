// random_permutation: what the loop of Fisher and Yates gives, without walking it in order.
//
// Step i of the loop takes j(i) <= i, moves what is at place j(i) to place i, and puts i into place j(i). So place p
// holds in the end the largest i > p with j(i) = p, or else what step p moved there; and step i moves the largest
// i' < i with j(i') = j(i), or else what step j(i) moved. Both are found in lists of the steps that share a j, which
// have a few entries (log(n) at most, on average). Their order depends on the threads, what is found does not.
#include "cuda/philox.cuh"
#include "ops/random_params.h"

namespace pyneural::cuda {
namespace {

template <class T>
struct Lists {
  T *place, *head, *next;  // j(i); the list of each place, linked by step

  Lists(void* workspace, int64_t count)
      : place(static_cast<T*>(workspace)), head(place + count), next(place + 2 * count) {}
};
constexpr int kEnd = -1;

template <class T>
__device__ __forceinline__ T exchange(T* where, T value) {
  using Word = std::conditional_t<sizeof(T) == sizeof(unsigned), unsigned, unsigned long long>;
  return static_cast<T>(atomicExch(reinterpret_cast<Word*>(where), static_cast<Word>(value)));
}

template <class T>
__global__ void __launch_bounds__(kBlockThreads) clear_heads(Lists<T> lists, int64_t count) {
  for (int64_t i = first_item(); i < count; i += item_stride()) lists.head[i] = kEnd;
}

template <class T>
__global__ void __launch_bounds__(kBlockThreads) fill_lists(const int64_t* state, Lists<T> lists, int64_t count) {
  for_word_pairs(state, first_item(), count, [&](int, int64_t i, uint64_t bits) {
    const auto place = static_cast<int64_t>(scale_bits(bits, static_cast<uint64_t>(i) + 1));
    lists.place[i] = static_cast<T>(place);
    if (place != i) lists.next[i] = exchange(&lists.head[place], static_cast<T>(i));
  });
}

// The largest step below `end` that takes `place`.
template <class T>
__device__ __forceinline__ T latest(const Lists<T>& lists, T place, T end) {
  T found = kEnd;
  for (T i = lists.head[place]; i != kEnd; i = lists.next[i]) {
    if (i < end && i > found) found = i;
  }
  return found;
}

template <class T>
__global__ void __launch_bounds__(kBlockThreads) read_places(Lists<T> lists, T* y, int64_t count) {
  for (int64_t p = first_item(); p < count; p += item_stride()) {
    T step = static_cast<T>(p);
    T value = latest(lists, step, static_cast<T>(count));
    while (value == kEnd) {  // what `step` moved
      const T place = lists.place[step];
      value = place == step ? step : latest(lists, place, step);
      step = place;
    }
    y[p] = value;
  }
}

size_t workspace(const KernelArgs& args) {
  return 3 * static_cast<size_t>(args.out[0].size) * dtype_size(args.out[0].dtype);
}

template <class T>
void permute(const KernelArgs& args) {
  const int64_t count = args.out[0].size;
  const Lists<T> lists(args.workspace, count);
  launch(clear_heads<T>, grid_for(count), kBlockThreads, 0, stream_of(args), lists, count);
  launch(fill_lists<T>, grid_for_groups(count, kPairGroup), kBlockThreads, 0, stream_of(args), args.in[0].as<int64_t>(),
         lists, count);
  launch(read_places<T>, grid_for(count), kBlockThreads, 0, stream_of(args), lists, args.out[0].as<T>(), count);
}

void random_permutation(const KernelArgs& args) {
  if (args.out[0].size == 0) return;
  args.out[0].dtype == DType::int32 ? permute<int32_t>(args) : permute<int64_t>(args);
}

}  // namespace

PN_KERNELS(permutation, {"random_permutation", random_permutation, workspace})

}  // namespace pyneural::cuda
