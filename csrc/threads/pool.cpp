// A fork-join pool. Chunks are claimed one by one, by the caller too: a worker that the system has descheduled never
// holds up the others. Each thread begins with a share of its own, so that what it wrote in one job is still in its
// caches in the next, and then helps with the others' shares. Workers spin briefly after a job, because kernels follow
// each other closely, then park.
#include "threads/pool.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"
#include "threads/cpu_limits.h"
#include "threads/parallel.h"
#include "threads/shares.h"

namespace pyneural {

namespace {

constexpr int kMaxThreads = 256;
// Waking a parked thread costs 5 to 10 us where a CPU is free, and milliseconds where other programs want it.
constexpr auto kSpin = std::chrono::microseconds(50);
// Between two looks at the clock; more means that the system ran something else.
constexpr auto kLongestTurn = std::chrono::microseconds(5);
// A worker that has missed so many jobs is moved, but not again at once: where other programs want all processors, that
// brings nothing.
constexpr int kMissedJobs = 4;
constexpr auto kMoveEvery = std::chrono::milliseconds(5);
constexpr double kFlopsPerByte = 2;  // moving 256 KB takes as long as half a Mflop
constexpr size_t kScratchAlignment = 64;

void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins until done() or for kSpin; returns done(). Time in which the system ran something else does not count: a thread
// that has just got its CPU back should not give it away at once.
template <class Done>
bool spin_until(const Done& done) {
  using Clock = std::chrono::steady_clock;
  Clock::duration spun{0};
  for (Clock::time_point last = Clock::now(); spun < kSpin;) {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      pause_cpu();
    }
    const Clock::time_point now = Clock::now();
    spun += std::min<Clock::duration>(now - last, kLongestTurn);
    last = now;
  }
  return done();
}

// Some systems pack threads onto few processors, and leave one waiting behind the thread that needs it while other
// processors are free. Forbidden this one for a moment, it runs elsewhere at once.
void move_away(pid_t thread, int cpu) {
  cpu_set_t allowed, others;
  if (sched_getaffinity(thread, sizeof allowed, &allowed) != 0) return;
  others = allowed;
  CPU_CLR(cpu, &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(thread, sizeof others, &others) != 0) return;
  sched_setaffinity(thread, sizeof allowed, &allowed);
}

// Grow-only memory of one thread.
class Scratch {
 public:
  ~Scratch() { std::free(data_); }
  void* get(size_t bytes) {
    if (bytes > bytes_) {
      std::free(data_);
      bytes_ = 0;
      data_ = std::aligned_alloc(kScratchAlignment,
                                 (bytes + kScratchAlignment - 1) / kScratchAlignment * kScratchAlignment);
      if (!data_) throw OutOfMemory(bytes);
      bytes_ = bytes;
    }
    return data_;
  }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

using Body = void (*)(void*, int64_t, void*);

// A parallel region inside another one runs on its own thread alone, with scratch of its own.
constexpr int kMaxDepth = 4;
thread_local int depth = 0;
thread_local Scratch local_scratch[kMaxDepth];

struct DepthScope {
  DepthScope() { ++depth; }
  ~DepthScope() { --depth; }
};

void run_inline(int64_t chunks, size_t scratch_bytes, Body body, void* context) {
  if (depth >= kMaxDepth) throw std::logic_error("Parallel regions are nested too deeply.");
  void* scratch = scratch_bytes ? local_scratch[depth].get(scratch_bytes) : nullptr;
  const DepthScope scope;
  for (int64_t chunk = 0; chunk < chunks; ++chunk) body(context, chunk, scratch);
}

class Pool {
 public:
  // False if another thread is using the pool.
  bool run(int64_t chunks, int threads, size_t scratch_bytes, Body body, void* context) {
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return false;
    start_workers(threads - 1);
    const int workers =
        static_cast<int>(workers_.size()) < threads - 1 ? static_cast<int>(workers_.size()) : threads - 1;
    void* scratch = nullptr;
    if (scratch_bytes) {
      scratch = local_scratch[0].get(scratch_bytes);
      for (int i = 0; i < workers; ++i) workers_[i]->scratch.get(scratch_bytes);
    }
    // Closed first: a late worker of the last job can't claim a chunk while the fields change.
    ++generation_;
    for (int i = 0; i < open_shares_; ++i) {
      shares_[i].claim.store(claim_word(kClosed), std::memory_order_release);
    }
    open_shares_ = workers + 1;
    body_.store(body, std::memory_order_relaxed);
    context_.store(context, std::memory_order_relaxed);
    chunks_.store(chunks, std::memory_order_relaxed);
    active_workers_.store(workers, std::memory_order_relaxed);
    done_.store(0, std::memory_order_relaxed);
    for (int i = 0; i < open_shares_; ++i) {
      const int64_t first = share_begin(chunks, open_shares_, i);
      shares_[i].claim.store(claim_word(static_cast<uint64_t>(first)), std::memory_order_release);
    }
    signal_.fetch_add(1, std::memory_order_seq_cst);
    if (parked_.load(std::memory_order_seq_cst) > 0) signal_.notify_all();

    {
      const DepthScope scope;
      work(-1, scratch);
    }
    const auto finished = [&] { return done_.load(std::memory_order_acquire) >= static_cast<uint32_t>(chunks); };
    if (!spin_until(finished)) {
      caller_waits_.store(true, std::memory_order_seq_cst);
      for (uint32_t done = done_.load(std::memory_order_seq_cst); done < static_cast<uint32_t>(chunks);
           done = done_.load(std::memory_order_seq_cst)) {
        done_.wait(done);
      }
      caller_waits_.store(false, std::memory_order_relaxed);
    }
    for (int i = 0; i < workers; ++i) look_after(*workers_[i]);
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    return true;
  }

 private:
  struct Worker {
    Scratch scratch;
    std::thread thread;
    std::atomic<pid_t> id{0};
    std::atomic<uint32_t> seen{0};  // the last job that it came to
    int missed = 0;                 // jobs in a row
    std::chrono::steady_clock::time_point moved{};
  };
  // The chunks that one thread begins with; in a cache line of its own.
  struct alignas(64) Share {
    std::atomic<uint64_t> claim{kClosed};  // generation, next chunk
  };
  static constexpr int kChunkBits = 32;
  static constexpr uint64_t kClosed = 0xffffffff;

  uint64_t claim_word(uint64_t chunk) const { return generation_ << kChunkBits | chunk; }

  void start_workers(int count) {
    while (static_cast<int>(workers_.size()) < count) {
      auto worker = std::make_unique<Worker>();
      const int id = static_cast<int>(workers_.size());
      Worker* self = worker.get();
      try {
        worker->thread = std::thread([this, self, id] { serve(self, id); });
      } catch (const std::system_error&) {
        return;  // the system gives no more threads: go on with those there are
      }
      worker->thread.detach();
      workers_.push_back(std::move(worker));
    }
  }

  // After a job: has the worker come to it?
  void look_after(Worker& worker) {
    if (worker.seen.load(std::memory_order_relaxed) == signal_.load(std::memory_order_relaxed)) {
      worker.missed = 0;
      return;
    }
    if (++worker.missed < kMissedJobs) return;
    const auto now = std::chrono::steady_clock::now();
    const pid_t id = worker.id.load(std::memory_order_relaxed);
    if (id == 0 || now - worker.moved < kMoveEvery) return;
    worker.moved = now;
    move_away(id, sched_getcpu());
  }

  void serve(Worker* self, int id) {
    depth = 1;  // kernels called from here must not fork again
    self->id = gettid();
    uint32_t seen = 0;
    for (;;) {
      const auto signalled = [&] { return signal_.load(std::memory_order_acquire) != seen; };
      if (!spin_until(signalled)) {
        parked_.fetch_add(1, std::memory_order_seq_cst);
        signal_.wait(seen, std::memory_order_seq_cst);
        parked_.fetch_sub(1, std::memory_order_seq_cst);
      }
      seen = signal_.load(std::memory_order_acquire);
      self->seen.store(seen, std::memory_order_relaxed);
      work(id, nullptr, self);
    }
  }

  void work(int id, void* scratch, Worker* self = nullptr) {
    const int shares = active_workers_.load(std::memory_order_relaxed) + 1;
    if (id + 1 >= shares) return;
    for (int i = 0; i < shares; ++i) work_on_share((id + 1 + i) % shares, id, scratch, self);
  }

  void work_on_share(int share, int id, void* scratch, Worker* self) {
    std::atomic<uint64_t>& claim = shares_[share].claim;
    for (;;) {
      uint64_t word = claim.load(std::memory_order_acquire);
      const uint64_t chunk = word & kClosed;
      const Body body = body_.load(std::memory_order_relaxed);
      void* const context = context_.load(std::memory_order_relaxed);
      const int64_t chunks = chunks_.load(std::memory_order_relaxed);
      const int workers = active_workers_.load(std::memory_order_relaxed);
      if (chunk == kClosed || share > workers || id >= workers) return;
      if (static_cast<int64_t>(chunk) >= share_begin(chunks, workers + 1, share + 1)) return;
      // Success means that no other job has begun: what was read above belongs to this one.
      if (!claim.compare_exchange_weak(word, word + 1, std::memory_order_acq_rel)) continue;
      try {
        body(context, static_cast<int64_t>(chunk), self ? self->scratch.get(0) : scratch);
      } catch (...) {
        const std::lock_guard<std::mutex> lock(error_mutex_);
        error_ = std::current_exception();
      }
      done_.fetch_add(1, std::memory_order_seq_cst);
      if (caller_waits_.load(std::memory_order_seq_cst)) done_.notify_one();
    }
  }

  std::mutex mutex_, error_mutex_;
  std::exception_ptr error_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Share shares_[kMaxThreads];
  int open_shares_ = 0;
  uint64_t generation_ = 0;
  alignas(64) std::atomic<Body> body_{nullptr};
  std::atomic<void*> context_{nullptr};
  std::atomic<int64_t> chunks_{0};
  std::atomic<int> active_workers_{0};
  alignas(64) std::atomic<uint32_t> done_{0};
  std::atomic<bool> caller_waits_{false};
  alignas(64) std::atomic<uint32_t> signal_{0};
  std::atomic<int> parked_{0};
};

// Never destroyed: its threads wait until the process ends. After fork() the child has no threads, and starts anew.
std::atomic<Pool*> pool{nullptr};

Pool& get_pool() {
  static std::once_flag once;
  std::call_once(once, [] {
    pool = new Pool;
    pthread_atfork(nullptr, nullptr, [] {
      pool = new Pool;
      depth = 0;
    });
  });
  return *pool;
}

std::atomic<int> configured{0};
std::atomic<double> work_per_thread{5e5};  // about 2 us on one core, five times what handing over a chunk takes

}  // namespace

int num_threads() {
  int count = configured.load(std::memory_order_relaxed);
  if (count == 0) {
    count = default_num_threads();
    configured = count;
  }
  return count;
}

void set_num_threads(int count) {
  if (count < 1 || count > kMaxThreads) {
    value_error("`num_threads` must be between 1 and ", kMaxThreads, ". Received: ", count);
  }
  configured = count;
}

void set_work_per_thread(double flops) { work_per_thread = flops; }

int threads_for(double flops, double bytes) {
  const double work = flops > bytes * kFlopsPerByte ? flops : bytes * kFlopsPerByte;
  const double wanted = work / work_per_thread.load(std::memory_order_relaxed);
  const int limit = num_threads();
  return wanted >= limit ? limit : wanted < 1 ? 1 : static_cast<int>(wanted);
}

void run_chunks(int64_t chunks, int max_threads, size_t scratch_bytes, void (*body)(void*, int64_t, void*),
                void* context) {
  if (chunks <= 0) return;
  const int threads = chunks < max_threads ? static_cast<int>(chunks) : max_threads;
  constexpr int64_t kMaxChunks = int64_t{1} << 31;
  if (threads > 1 && depth == 0 && chunks < kMaxChunks &&
      get_pool().run(chunks, threads, scratch_bytes, body, context)) {
    return;
  }
  run_inline(chunks, scratch_bytes, body, context);
}

}  // namespace pyneural
