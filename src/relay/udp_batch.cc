#include "relay/udp_batch.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace httpteleport::relay {

DatagramRoom::DatagramRoom()
    : memory_(std::make_unique_for_overwrite<char[]>(kBatchDatagrams * kStride)) {}

// ---- ReceiveBatch.

ReceiveBatch::ReceiveBatch() {
  for (size_t i = 0; i < kBatchDatagrams; ++i) {
    vectors_[i] = {room_.slot(i), DatagramRoom::kBytes};
    msghdr& header = messages_[i].msg_hdr;
    header.msg_iov = &vectors_[i];
    header.msg_iovlen = 1;
    header.msg_name = &names_[i];
    header.msg_control = &controls_[i];
  }
}

size_t ReceiveBatch::receive(int fd) {
  for (size_t i = 0; i < used_; ++i) {
    messages_[i].msg_hdr.msg_namelen = sizeof(PeerName);
    messages_[i].msg_hdr.msg_controllen = sizeof(Control);
  }
  const int count = recvmmsg(fd, messages_.data(), kBatchDatagrams, MSG_DONTWAIT, nullptr);
  used_ = count > 0 ? static_cast<size_t>(count) : 0;
  return used_;
}

// ---- ReplyBatch.

ReplyBatch::ReplyBatch(event::Loop& loop) : loop_(loop) {
  for (size_t i = 0; i < kBatchDatagrams; ++i) {
    vectors_[i] = {room_.slot(i), DatagramRoom::kBytes};
    messages_[i].msg_hdr.msg_iov = &vectors_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
  }
}

void ReplyBatch::make_room(const Sender& sender) {
  if (count_ == kBatchDatagrams || (sender_ != nullptr && sender_ != &sender)) flush();
  sender_ = &sender;
  loop_.at_turn_end(*this);
}

ReplyBatch::Received ReplyBatch::receive(int fd, const Sender& sender, const Flow& flow) {
  make_room(sender);
  const size_t first = count_;
  const size_t room = kBatchDatagrams - first;
  const int count =
      recvmmsg(fd, &messages_[first], static_cast<unsigned>(room), MSG_DONTWAIT, nullptr);
  Received received{.count = count};
  if (count <= 0) return received;
  received.may_be_more = static_cast<size_t>(count) == room;
  for (size_t i = first; i < first + static_cast<size_t>(count); ++i) {
    if ((messages_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      sender.metrics.dropped.add();
      continue;
    }
    received.bytes += messages_[i].msg_len;
    keep(i, messages_[i].msg_len, flow);
  }
  return received;
}

void ReplyBatch::add(std::string_view bytes, const Sender& sender, const Flow& flow) {
  HT_ASSERT(bytes.size() <= kDatagramBytesMax);
  make_room(sender);
  if (!bytes.empty()) std::memcpy(vectors_[count_].iov_base, bytes.data(), bytes.size());
  keep(count_, bytes.size(), flow);
}

void ReplyBatch::keep(size_t index, size_t bytes, const Flow& flow) {
  std::swap(vectors_[index].iov_base, vectors_[count_].iov_base);
  vectors_[count_].iov_len = bytes;
  address_reply(flow, names_[count_], controls_[count_], messages_[count_].msg_hdr);
  ++count_;
}

void ReplyBatch::flush() {
  for (size_t sent = 0; sent < count_;) {
    const auto left = static_cast<unsigned>(count_ - sent);
    const int taken = sendmmsg(sender_->fd, &messages_[sent], left, MSG_DONTWAIT);
    if (taken > 0) {
      sent += static_cast<size_t>(taken);
      continue;
    }
    if (errno == EINTR) continue;
    // A full buffer takes none of the others either; anything else is about the first one.
    const size_t lost = errno == EAGAIN || errno == ENOBUFS ? left : 1;
    sender_->metrics.dropped.add(lost);
    sent += lost;
  }
  for (size_t i = 0; i < count_; ++i) {
    vectors_[i].iov_len = DatagramRoom::kBytes;
    msghdr& header = messages_[i].msg_hdr;
    header.msg_name = header.msg_control = nullptr;
    header.msg_namelen = 0;
    header.msg_controllen = 0;
  }
  count_ = 0;
  sender_ = nullptr;
}

}  // namespace httpteleport::relay
