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
    incoming_[i].msg_hdr.msg_iov = &vectors_[i];
    incoming_[i].msg_hdr.msg_iovlen = 1;
  }
}

void ReplyBatch::make_room(Sender& sender) {
  if (count_ == kBatchDatagrams || (sender_ != nullptr && sender_ != &sender)) flush();
  sender_ = &sender;
  loop_.at_turn_end(*this);
}

ReplyBatch::Received ReplyBatch::receive_one(int fd, Sender& sender, const Flow& flow) {
  make_room(sender);
  const ssize_t bytes = recv(fd, vectors_[count_].iov_base, DatagramRoom::kBytes, MSG_DONTWAIT);
  if (bytes < 0) return {.count = -1};
  keep(count_, static_cast<size_t>(bytes), flow);
  return {.count = 1, .bytes = static_cast<size_t>(bytes)};
}

ReplyBatch::Received ReplyBatch::receive_many(int fd, Sender& sender, const Flow& flow) {
  make_room(sender);
  const size_t first = count_;
  const size_t room = kBatchDatagrams - first;
  const int count =
      recvmmsg(fd, &incoming_[first], static_cast<unsigned>(room), MSG_DONTWAIT, nullptr);
  Received received{.count = count};
  if (count <= 0) return received;
  for (size_t i = first; i < first + static_cast<size_t>(count); ++i) {
    if ((incoming_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      sender.metrics.dropped.add();
      continue;
    }
    received.bytes += incoming_[i].msg_len;
    keep(i, incoming_[i].msg_len, flow);
  }
  return received;
}

void ReplyBatch::add(std::string_view bytes, Sender& sender, const Flow& flow) {
  HT_ASSERT(bytes.size() <= kDatagramBytesMax);
  make_room(sender);
  if (!bytes.empty()) std::memcpy(vectors_[count_].iov_base, bytes.data(), bytes.size());
  keep(count_, bytes.size(), flow);
}

void ReplyBatch::keep(size_t index, size_t bytes, const Flow& flow) {
  std::swap(vectors_[index].iov_base, vectors_[count_].iov_base);
  vectors_[count_].iov_len = bytes;
  flows_[count_] = flow;
  ++count_;
}

size_t ReplyBatch::group_at(size_t first) const {
  size_t same = 1;
  while (first + same < count_ && flows_[first + same] == flows_[first])
    ++same;
  return same == 1 ? 1 : sender_->segments.count({&vectors_[first], same});
}

size_t ReplyBatch::make_messages(size_t first) {
  size_t messages = 0;
  while (first < count_) {
    const size_t group = group_at(first);
    msghdr& header = outgoing_[messages].msg_hdr;
    header = {};
    header.msg_iov = &vectors_[first];
    header.msg_iovlen = group;
    address_reply(flows_[first], names_[messages], controls_[messages], header);
    if (group > 1) set_segment_size(vectors_[first].iov_len, controls_[messages], header);
    first += group;
    ++messages;
  }
  return messages;
}

void ReplyBatch::flush() {
  for (size_t sent = 0; sent < count_;) {
    const size_t messages = make_messages(sent);
    const int taken =
        sendmmsg(sender_->fd, outgoing_.data(), static_cast<unsigned>(messages), MSG_DONTWAIT);
    for (int i = 0; i < taken; ++i)
      sent += outgoing_[static_cast<size_t>(i)].msg_hdr.msg_iovlen;
    if (taken > 0 || errno == EINTR) continue;
    const size_t of_first = outgoing_[0].msg_hdr.msg_iovlen;
    if (of_first > 1 && sender_->segments.learn(errno, vectors_[sent].iov_len)) continue;
    // A full buffer takes none of the others either; anything else is about the first one.
    const size_t lost = errno == EAGAIN || errno == ENOBUFS ? count_ - sent : of_first;
    sender_->metrics.dropped.add(lost);
    sent += lost;
  }
  for (size_t i = 0; i < count_; ++i)
    vectors_[i].iov_len = DatagramRoom::kBytes;
  count_ = 0;
  sender_ = nullptr;
}

}  // namespace httpteleport::relay
