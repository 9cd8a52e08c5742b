// Datagrams that one system call brings or takes away.
#pragma once

#include <sys/socket.h>

#include <array>
#include <memory>
#include <span>
#include <string_view>

#include "event/loop.h"
#include "metrics/service_metrics.h"
#include "relay/udp_socket.h"

namespace httpteleport::relay {

inline constexpr size_t kBatchDatagrams = 64;

// Room for so many datagrams of any size. Pages that were never used take no memory.
class DatagramRoom {
 public:
  DatagramRoom();

  // More than any datagram has, so that none is cut off unseen.
  static constexpr size_t kBytes = 64 * 1024;
  char* slot(size_t index) const { return memory_.get() + index * kStride; }

 private:
  // A bit more than a power of two: the caches of the processor would hold few slots otherwise.
  static constexpr size_t kStride = kBytes + 640;

  std::unique_ptr<char[]> memory_;
};

// What has come from clients. Good until the next receive().
class ReceiveBatch {
 public:
  ReceiveBatch();

  // One system call; returns how many came, 0 with errno when none did.
  size_t receive(int fd);
  Flow flow(size_t index) const { return flow_of(messages_[index].msg_hdr); }
  bool is_truncated(size_t index) const {
    return (messages_[index].msg_hdr.msg_flags & MSG_TRUNC) != 0;
  }
  std::string_view bytes(size_t index) const {
    return {static_cast<const char*>(vectors_[index].iov_base), messages_[index].msg_len};
  }
  // For lists of datagrams in the batch, by their senders.
  std::array<int8_t, kBatchDatagrams> next{};

 private:
  DatagramRoom room_;
  std::array<mmsghdr, kBatchDatagrams> messages_{};
  std::array<iovec, kBatchDatagrams> vectors_{};
  std::array<PeerName, kBatchDatagrams> names_{};
  std::array<Control, kBatchDatagrams> controls_{};
  size_t used_ = kBatchDatagrams;  // headers that the kernel may have changed
};

// What is to be sent to clients at the end of the turn, of one service at a time.
class ReplyBatch final : private event::TurnEndTask {
 public:
  explicit ReplyBatch(event::Loop& loop);

  // Who sends it, and where it is counted. Outlives the batch's datagrams: see forget().
  struct Sender {
    int fd;
    metrics::ServiceMetrics& metrics;
    SegmentLimit segments{};
  };

  // Reads once from `fd` what is to be sent to the client of `flow`: one datagram, which costs the
  // kernel less, or as many as there is room for. Returns how many came, or -1 with errno, and the
  // bytes that they have together.
  struct Received {
    int count = 0;
    size_t bytes = 0;
  };
  Received receive_one(int fd, Sender& sender, const Flow& flow);
  Received receive_many(int fd, Sender& sender, const Flow& flow);
  // The same with bytes that are here; at most kDatagramBytesMax.
  void add(std::string_view bytes, Sender& sender, const Flow& flow);
  // `sender` goes away: sends what is of it now.
  void forget(const Sender& sender) {
    if (sender_ == &sender) flush();
  }

 private:
  void on_turn_end() override { flush(); }
  void make_room(Sender& sender);
  // Datagram `index` is of so many bytes; it becomes the last one to be sent.
  void keep(size_t index, size_t bytes, const Flow& flow);
  void flush();
  // Makes messages of the datagrams from `first` on; returns how many.
  size_t make_messages(size_t first);
  // How many datagrams from `first` on may leave as one message.
  size_t group_at(size_t first) const;

  event::Loop& loop_;
  Sender* sender_ = nullptr;
  size_t count_ = 0;
  DatagramRoom room_;
  // Of each datagram.
  std::array<mmsghdr, kBatchDatagrams> incoming_{};
  std::array<iovec, kBatchDatagrams> vectors_{};
  std::array<Flow, kBatchDatagrams> flows_{};
  // Of each message that leaves.
  std::array<mmsghdr, kBatchDatagrams> outgoing_;
  std::array<PeerName, kBatchDatagrams> names_;
  std::array<Control, kBatchDatagrams> controls_;
};

// One a worker; outlives its UDP services.
struct UdpBatches {
  explicit UdpBatches(event::Loop& loop) : replies(loop) {}

  ReceiveBatch received;
  ReplyBatch replies;
};

}  // namespace httpteleport::relay
