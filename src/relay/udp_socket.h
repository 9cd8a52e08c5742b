// Sockets of datagrams, and what one of them tells of its sender.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "net/address.h"
#include "net/socket.h"

namespace httpteleport::relay {

// The largest datagram that is passed on: what IPv4 carries at most.
inline constexpr size_t kDatagramBytesMax = 65507;

// A bound, non-blocking UDP socket. With `reuse_port` several may share the address; the kernel
// keeps each client at one of them while their number stays the same. (With port 0 it may then
// choose a port that another such socket has.) An address of all hosts (::) takes IPv4 as well; its
// datagrams tell which address they were sent to. Errors: kSystem.
Result<net::Socket> open_udp(const net::Address& address, bool reuse_port = true);

// A non-blocking socket that sends to `address` and receives from it alone. Errors: kConnectFailed.
Result<net::Socket> connect_udp(const net::Address& address);

// Who sent a datagram, and to which of our addresses: all of them together are one flow.
struct Flow {
  in6_addr client{};  // IPv4 as mapped into IPv6
  in6_addr local{};   // all zero: the socket has one address, or it is not known
  uint32_t scope = 0;
  uint16_t port = 0;    // in network order
  uint16_t family = 0;  // of the socket

  net::Address client_address() const;
  friend bool operator==(const Flow& a, const Flow& b);
};
static_assert(sizeof(Flow) == 40);

// Enough for the control messages of one datagram, or of several that leave as one message.
struct alignas(cmsghdr) Control {
  std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))> bytes;
};
// The name of a datagram's peer.
union PeerName {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

// Of a datagram that was received with its name and control messages.
Flow flow_of(const msghdr& message);
// Of a client that has sent none itself; it may be invalid.
Flow flow_of(const net::Address& client);
// Makes `message` go back where `flow` comes from; its bytes are the caller's. `name` and `control`
// are filled in and must last as long as it.
void address_reply(const Flow& flow, PeerName& name, Control& control, msghdr& message);

// Whether several datagrams may leave as one message that the kernel, or the network card, cuts
// into datagrams again: up to a size that is found out, as each must fit into one packet. That is
// of a way, so it may be found too small for others; they only lose a little speed.
class SegmentLimit {
 public:
  // How many of the first datagrams may: they are of one size, but for the last, which may be
  // smaller.
  size_t count(std::span<const iovec> datagrams) const;
  // A message of datagrams of `size` could not be sent. False: that has another reason.
  bool learn(int error, size_t size);

 private:
  size_t bytes_max_ = kDatagramBytesMax;
};
// The bytes of `message` are datagrams of `size` each. Comes after address_reply(), if that is
// needed.
void set_segment_size(size_t size, Control& control, msghdr& message);

}  // namespace httpteleport::relay
