// Stretches of batches on a GPU. A data set that lies there is gathered there; one in the CPU's memory is gathered
// here, a batch ahead, and copied while the GPU computes.
#include <algorithm>
#include <deque>

#include "graph/gather.h"
#include "graph/gpu_instance.h"
#include "graph/node.h"

namespace pyneural {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kRing = 2;  // one batch is copied while the other is used
// The clock and the user are asked after groups of batches, and at most two groups are under way: a group should take
// a GPU some milliseconds, so that it never waits for us.
constexpr auto kGroupTime = std::chrono::milliseconds(4);
constexpr int64_t kLargestGroup = 256;
constexpr size_t kSmallInput = size_t{1} << 20;    // bytes: copied sooner than pinned memory is made
constexpr size_t kMostOutput = size_t{256} << 20;  // bytes of results that are collected on the GPU

// Brings in the inputs that lie in the CPU's memory: small ones as a whole, of others each batch into a ring.
class Feeder {
 public:
  Feeder(Backend& gpu, Device device, const Specs& specs, const BatchRange& range) : gpu_(gpu), range_(range) {
    for (size_t i = 0; i < specs.size(); ++i) {
      if (!range.data[i].device.is_cpu()) continue;
      Stream stream;
      stream.input = i;
      stream.rows = specs[i].shape[0];
      stream.row_bytes = bytes_of_row(specs[i]);
      const size_t all = static_cast<size_t>(range.data[i].rows) * stream.row_bytes;
      if (all <= kSmallInput) {
        whole_.push_back({i, Storage::allocate(all, device)});
        copy_bytes(whole_.back().second->data(), device, range.data[i].data, {}, all);
        continue;
      }
      stream.pinned = gpu.allocate_pinned(kRing * specs[i].bytes() + 1);
      stream.ring = Storage::allocate(kRing * specs[i].bytes(), device);
      streams_.push_back(std::move(stream));
    }
  }

  void set_arrays(std::vector<BatchArray>& arrays) const {
    for (const Stream& stream : streams_) arrays[stream.input] = {stream.ring->data(), kRing};
    for (const auto& [input, memory] : whole_) arrays[input] = {memory->data(), 0};
  }

  // Before a batch is launched; and after it was. `turn` is its number in the GPU's count.
  void feed(int64_t batch, int64_t turn) {
    if (streams_.empty()) return;
    const int64_t part = turn % kRing;
    // The batch that used this part of the ring is done, so is the copy before it from this part of the pinned memory.
    if (used_[part]) gpu_.wait(used_[part]);
    for (const Stream& stream : streams_) {
      const int64_t first = range_.first_row + batch * stream.rows;
      const size_t bytes = static_cast<size_t>(stream.rows) * stream.row_bytes;
      char* to = static_cast<char*>(stream.pinned.get()) + part * bytes;
      const char* from = range_.data[stream.input].data;
      if (range_.order) {
        const int64_t known = (range_.batches - batch) * stream.rows;
        gather_rows(to, from, range_.order + first, stream.rows, known, stream.row_bytes);
      } else if (bytes) {
        std::copy_n(from + first * stream.row_bytes, bytes, to);
      }
      gpu_.upload_beside(static_cast<char*>(stream.ring->data()) + part * bytes, to, bytes);
    }
  }
  void launched(int64_t turn) {
    if (!streams_.empty()) used_[turn % kRing] = gpu_.mark();
  }

 private:
  struct Stream {
    size_t input;
    int64_t rows;
    size_t row_bytes;
    std::shared_ptr<void> pinned;
    std::shared_ptr<Storage> ring;
  };
  Backend& gpu_;
  const BatchRange& range_;
  std::vector<Stream> streams_;
  std::vector<std::pair<size_t, std::shared_ptr<Storage>>> whole_;
  std::shared_ptr<void> used_[kRing];
};

// Results of all batches of a stretch, until they are fetched.
class Results {
 public:
  Results(Device device, const Specs& specs, const BatchRange& range, int64_t batches) : range_(range) {
    if (range.outputs.empty()) return;
    for (const Spec& spec : specs) {
      batch_bytes_.push_back(spec.bytes());
      kept_.push_back(Storage::allocate(static_cast<size_t>(batches) * spec.bytes(), device));
    }
  }
  void set_arrays(std::vector<BatchArray>& arrays, size_t inputs) const {
    for (size_t i = 0; i < kept_.size(); ++i) arrays[inputs + i] = {kept_[i]->data(), 0};
  }
  void fetch(int64_t first_batch, int64_t batches) const {
    for (size_t i = 0; i < kept_.size(); ++i) {
      copy_bytes(range_.outputs[i] + first_batch * batch_bytes_[i], {}, kept_[i]->data(), kept_[i]->device(),
                 static_cast<size_t>(batches) * batch_bytes_[i]);
    }
  }

 private:
  const BatchRange& range_;
  std::vector<size_t> batch_bytes_;
  std::vector<std::shared_ptr<Storage>> kept_;
};

// As many batches as may run before their results must be fetched.
int64_t batches_at_once(const Specs& specs, const BatchRange& range) {
  size_t bytes = 0;
  for (const Spec& spec : specs) bytes += spec.bytes();
  if (range.outputs.empty() || bytes == 0) return range.batches;
  return std::clamp<int64_t>(static_cast<int64_t>(kMostOutput / bytes), 1, std::max<int64_t>(range.batches, 1));
}

void stop_if_interrupted() {
  const auto interrupted = kernel_hooks().interrupted;
  if (interrupted && interrupted()) throw Interrupted();
}

}  // namespace

int64_t Plan::run_batches_on_gpu(const BatchRange& range, int64_t* started) {
  auto owner = acquire();
  auto& instance = static_cast<GpuInstance&>(*owner);
  Backend& gpu = backend(device_);
  const auto start = Clock::now();
  const auto late = [&] {
    return range.max_seconds > 0 && std::chrono::duration<double>(Clock::now() - start).count() >= range.max_seconds;
  };

  std::shared_ptr<Storage> order;
  if (range.order && range.batches > 0) {
    const size_t bytes = static_cast<size_t>(range.batches * input_specs_[0].shape[0]) * sizeof(int64_t);
    order = Storage::allocate(bytes, device_);
    gpu.upload(order->data(), range.order + range.first_row, bytes);
  }
  Feeder feeder(gpu, device_, input_specs_, range);
  const int64_t stretch = batches_at_once(output_specs_, range);
  const Results results(device_, output_specs_, range, std::min(stretch, range.batches));
  std::vector<BatchArray> arrays(input_specs_.size() + output_specs_.size());
  for (size_t i = 0; i < range.data.size(); ++i) arrays[i].data = const_cast<char*>(range.data[i].data);
  feeder.set_arrays(arrays);
  results.set_arrays(arrays, input_specs_.size());

  int64_t done = 0;
  while (done < range.batches && (done == 0 || !late())) {
    const int64_t rows = done * input_specs_[0].shape[0];
    BatchControl control{};
    control.first_row = order ? rows : range.first_row + rows;
    control.order = order ? static_cast<const int64_t*>(order->data()) : nullptr;
    instance.begin_batches(control, arrays);
    const int64_t batches = std::min(stretch, range.batches - done);
    int64_t launched = 0, group = 1;
    std::deque<std::shared_ptr<void>> marks;
    auto looked = Clock::now();
    while (launched < batches) {
      const int64_t end = std::min(launched + group, batches);
      for (; launched < end; ++launched) {
        feeder.feed(done + launched, launched);
        instance.launch_batch();
        feeder.launched(launched);
      }
      marks.push_back(gpu.mark());
      if (marks.size() > 2) {
        gpu.wait(marks.front());
        marks.pop_front();
        const auto now = Clock::now();
        if (now - looked < kGroupTime) group = std::min(2 * group, kLargestGroup);
        looked = now;
        stop_if_interrupted();
      }
      if (late()) break;
    }
    const int64_t before = done;
    done += instance.finish_batches(started);
    *started += before;
    results.fetch(before, done - before);
  }
  release(std::move(owner));
  return done;
}

}  // namespace pyneural
