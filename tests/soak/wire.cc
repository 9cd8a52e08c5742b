// The network between the two namespaces of a soak run: a cable that loses and delays packets.
// Every kernel with /dev/net/tun can do it; netem, which many kernels lack, is not needed.
//
//   soak_wire NEAR FAR SEED
//
// Makes an interface "wire" in each of the network namespaces NEAR and FAR (names of `ip netns`)
// and prints "ready". Then it carries packets both ways, in order, until standard input ends. Lines
// there change what happens to the packets read from now on, and are answered with "ok":
//
//   PERMILLE MS [MBIT KIB]   so many of a thousand are lost, the others arrive MS milliseconds
//   later
//
// With MBIT > 0 each direction carries so many megabits a second at most, and KIB of packets wait
// for their turn; what one direction holds is bounded in any case. More is lost, as in any router.
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <optional>
#include <string>

#include "support/content.h"
#include "support/deadline.h"
#include "support/fd.h"

namespace httpteleport::test {
namespace {

constexpr size_t kPacketBytesMax = 65536;
constexpr size_t kHeldPacketsMax = 4096;  // in each direction
constexpr int kPacketsPerTurn = 64;

Fd open_interface(const std::string& network) {
  const Fd home(::open(("/run/netns/" + network).c_str(), O_RDONLY | O_CLOEXEC));
  if (!home || ::setns(home.get(), CLONE_NEWNET) != 0) die(network.c_str());
  Fd fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd) die("/dev/net/tun");
  ifreq request{};
  std::strcpy(request.ifr_name, "wire");
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (::ioctl(fd.get(), TUNSETIFF, &request) != 0) die("TUNSETIFF");
  return fd;
}

struct Packet {
  Deadline due;
  std::string bytes;
};

class Wire {
 public:
  Wire(const std::string& near, const std::string& far, uint64_t seed)
      : ends_{open_interface(near), open_interface(far)}, dice_(seed) {}

  void run() {
    while (take_commands()) {
      for (size_t from = 0; from < 2; ++from) {
        read_packets(from);
        write_packets(from);
      }
      wait();
    }
  }

 private:
  // Until a packet or a command comes, or one that is held is due.
  void wait() {
    Deadline next = after(std::chrono::seconds(1));
    for (const auto& held : held_) {
      if (!held.empty()) next = std::min(next, held.front().due);
    }
    std::array<pollfd, 3> entries{
        {{ends_[0].get(), POLLIN, 0}, {ends_[1].get(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    const auto left = std::max(next - Clock::now(), Clock::duration::zero());
    const timespec timeout{.tv_sec = left / std::chrono::seconds(1),
                           .tv_nsec = left % std::chrono::seconds(1) / std::chrono::nanoseconds(1)};
    if (::ppoll(entries.data(), entries.size(), &timeout, nullptr) < 0 && errno != EINTR)
      die("ppoll");
  }

  // False when there will be none any more.
  bool take_commands() {
    pollfd entry{STDIN_FILENO, POLLIN, 0};
    if (::poll(&entry, 1, 0) <= 0) return true;
    std::array<char, 256> input{};
    const ssize_t got = ::read(STDIN_FILENO, input.data(), input.size());
    if (got <= 0) return false;
    commands_.append(input.data(), static_cast<size_t>(got));
    for (size_t end; (end = commands_.find('\n')) != std::string::npos;) {
      int delay_ms = 0;
      unsigned megabits = 0;
      unsigned queue_kib = 0;
      const int read = std::sscanf(commands_.c_str(), "%u %d %u %u", &lost_permille_, &delay_ms,
                                   &megabits, &queue_kib);
      if (read != 2 && read != 4) return false;
      bytes_per_us_ = megabits / 8.0;
      queue_bytes_max_ = queue_kib * 1024.0;
      delay_ = std::chrono::milliseconds(delay_ms);
      commands_.erase(0, end + 1);
      std::puts("ok");
    }
    return true;
  }

  void read_packets(size_t from) {
    std::array<char, kPacketBytesMax> packet;
    for (int i = 0; i < kPacketsPerTurn; ++i) {
      const ssize_t got = ::read(ends_[from].get(), packet.data(), packet.size());
      if (got <= 0) return;  // none now, or the interface is not up yet
      dice_ = mix64(dice_);
      if (dice_ % 1000 < lost_permille_ || held_[from].size() >= kHeldPacketsMax) continue;
      const auto sent = take_turn(from, static_cast<double>(got));
      if (!sent) continue;
      // A shorter delay than that of the packet before must not change their order.
      Deadline due = *sent + delay_;
      if (!held_[from].empty()) due = std::max(due, held_[from].back().due);
      held_[from].push_back({due, std::string(packet.data(), static_cast<size_t>(got))});
    }
  }

  // When the last byte of a packet that comes now is on the cable; nothing: too many wait.
  std::optional<Deadline> take_turn(size_t from, double bytes) {
    const Deadline now = Clock::now();
    if (bytes_per_us_ == 0) return now;
    const Deadline begin = std::max(now, free_at_[from]);
    const std::chrono::duration<double, std::micro> waits = begin - now;
    if (waits.count() * bytes_per_us_ > queue_bytes_max_) return {};
    const std::chrono::duration<double, std::micro> takes(bytes / bytes_per_us_);
    free_at_[from] = begin + std::chrono::duration_cast<Clock::duration>(takes);
    return free_at_[from];
  }

  void write_packets(size_t from) {
    auto& held = held_[from];
    while (!held.empty() && held.front().due <= Clock::now()) {
      const std::string& bytes = held.front().bytes;
      // A packet that the other side does not take is one more that is lost.
      [[maybe_unused]] const ssize_t sent =
          ::write(ends_[1 - from].get(), bytes.data(), bytes.size());
      held.pop_front();
    }
  }

  std::array<Fd, 2> ends_;
  std::array<std::deque<Packet>, 2> held_;  // by the end they came from
  std::array<Deadline, 2> free_at_{};       // the cable, for the next packet
  double bytes_per_us_ = 0;                 // 0: as many as there are
  double queue_bytes_max_ = 0;
  unsigned lost_permille_ = 0;
  std::chrono::milliseconds delay_{0};
  uint64_t dice_;
  std::string commands_;
};

}  // namespace
}  // namespace httpteleport::test

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: soak_wire NEAR FAR SEED\n");
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  httpteleport::test::Wire wire(argv[1], argv[2], std::strtoull(argv[3], nullptr, 10));
  std::puts("ready");
  wire.run();
}
