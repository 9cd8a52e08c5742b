#include "relay/udp_socket.h"

#include <netinet/udp.h>

#include <cerrno>
#include <cstring>

namespace httpteleport::relay {

namespace {

// Of a listening socket: what comes in while other sessions have their turn. The kernel may give
// less.
constexpr int kReceiveBufferBytes = 4 * 1024 * 1024;
// What one message may become: the limit of older kernels, too.
constexpr size_t kSegmentsMax = 64;

void set_option(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof value);
}

bool is_any(const net::Address& address) {
  if (address.is_ipv6()) {
    const auto* name = reinterpret_cast<const sockaddr_in6*>(address.get());
    return IN6_IS_ADDR_UNSPECIFIED(&name->sin6_addr);
  }
  return reinterpret_cast<const sockaddr_in*>(address.get())->sin_addr.s_addr == INADDR_ANY;
}

bool is_zero(const in6_addr& address) {
  return IN6_IS_ADDR_UNSPECIFIED(&address);
}

in6_addr mapped(in_addr address) {
  in6_addr result{};
  result.s6_addr[10] = result.s6_addr[11] = 0xff;
  std::memcpy(&result.s6_addr[12], &address, sizeof address);
  return result;
}

in_addr unmapped(const in6_addr& address) {
  in_addr result{};
  std::memcpy(&result, &address.s6_addr[12], sizeof result);
  return result;
}

// The address that an answer to a datagram sent to `address` may come from.
in6_addr local_of(const in6_addr& address) {
  return IN6_IS_ADDR_MULTICAST(&address) ? in6_addr{} : address;
}

// Behind what is there.
template <class Info>
void put_control(int level, int type, const Info& info, Control& control, msghdr& message) {
  auto* header = reinterpret_cast<cmsghdr*>(control.bytes.data() + message.msg_controllen);
  std::memset(header, 0, CMSG_SPACE(sizeof info));
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(header), &info, sizeof info);
  message.msg_control = control.bytes.data();
  message.msg_controllen += CMSG_SPACE(sizeof info);
}

}  // namespace

Result<net::Socket> open_udp(const net::Address& address, bool reuse_port) {
  net::Socket socket(::socket(address.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) {
    return Error{Code::kSystem, Source::kInternal, errno, "cannot create a socket"};
  }
  const int fd = socket.fd();
  if (reuse_port) set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  set_option(fd, SOL_SOCKET, SO_RCVBUF, kReceiveBufferBytes);
  set_option(fd, SOL_SOCKET, SO_SNDBUF, kReceiveBufferBytes);
  if (address.is_ipv6()) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (is_any(address) && address.is_ipv6()) set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  if (is_any(address) && !address.is_ipv6()) set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
  if (bind(fd, address.get(), address.length()) != 0) {
    return Error{Code::kSystem, Source::kInternal, errno, "cannot bind"};
  }
  return socket;
}

Result<net::Socket> connect_udp(const net::Address& address) {
  net::Socket socket(::socket(address.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // Our own want of descriptors is not the endpoint's fault.
  if (!socket.is_open()) {
    return Error{Code::kConnectFailed, Source::kInternal, errno, "cannot create a socket"};
  }
  if (connect(socket.fd(), address.get(), address.length()) != 0) {
    return Error{Code::kConnectFailed, Source::kUpstream, errno, "cannot send to the endpoint"};
  }
  return socket;
}

net::Address Flow::client_address() const {
  if (family == AF_INET) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = port;
    name.sin_addr = unmapped(client);
    return {reinterpret_cast<const sockaddr*>(&name), sizeof name};
  }
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_port = port;
  name.sin6_addr = client;
  name.sin6_scope_id = scope;
  return {reinterpret_cast<const sockaddr*>(&name), sizeof name};
}

bool operator==(const Flow& a, const Flow& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

Flow flow_of(const net::Address& client) {
  Flow flow;
  if (!client.is_valid() || client.is_unix()) return flow;
  flow.family = static_cast<uint16_t>(client.family());
  if (flow.family == AF_INET) {
    const auto& v4 = *reinterpret_cast<const sockaddr_in*>(client.get());
    flow.client = mapped(v4.sin_addr);
    flow.port = v4.sin_port;
  } else {
    const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(client.get());
    flow.client = v6.sin6_addr;
    flow.port = v6.sin6_port;
    flow.scope = v6.sin6_scope_id;
  }
  return flow;
}

Flow flow_of(const msghdr& message) {
  Flow flow;
  const auto& name = *static_cast<const PeerName*>(message.msg_name);
  flow.family = name.any.sa_family;
  if (flow.family == AF_INET) {
    flow.client = mapped(name.v4.sin_addr);
    flow.port = name.v4.sin_port;
  } else {
    flow.client = name.v6.sin6_addr;
    flow.port = name.v6.sin6_port;
    flow.scope = name.v6.sin6_scope_id;
  }
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr) return flow;
  if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
    in_pktinfo info;
    std::memcpy(&info, CMSG_DATA(header), sizeof info);
    flow.local = mapped(info.ipi_spec_dst);
  } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
    in6_pktinfo info;
    std::memcpy(&info, CMSG_DATA(header), sizeof info);
    flow.local = local_of(info.ipi6_addr);
  }
  return flow;
}

void address_reply(const Flow& flow, PeerName& name, Control& control, msghdr& message) {
  message.msg_name = &name;
  message.msg_control = nullptr;
  message.msg_controllen = 0;
  if (flow.family == AF_INET) {
    name.v4 = {};
    name.v4.sin_family = AF_INET;
    name.v4.sin_port = flow.port;
    name.v4.sin_addr = unmapped(flow.client);
    message.msg_namelen = sizeof name.v4;
    if (is_zero(flow.local)) return;
    in_pktinfo info{};
    info.ipi_spec_dst = unmapped(flow.local);
    return put_control(IPPROTO_IP, IP_PKTINFO, info, control, message);
  }
  name.v6 = {};
  name.v6.sin6_family = AF_INET6;
  name.v6.sin6_port = flow.port;
  name.v6.sin6_addr = flow.client;
  name.v6.sin6_scope_id = flow.scope;
  message.msg_namelen = sizeof name.v6;
  if (is_zero(flow.local)) return;
  in6_pktinfo info{};
  info.ipi6_addr = flow.local;
  if (IN6_IS_ADDR_LINKLOCAL(&flow.local)) info.ipi6_ifindex = flow.scope;
  put_control(IPPROTO_IPV6, IPV6_PKTINFO, info, control, message);
}

size_t SegmentLimit::count(std::span<const iovec> datagrams) const {
  const size_t size = datagrams.front().iov_len;
  if (size == 0 || size > bytes_max_) return 1;
  size_t bytes = size;
  size_t count = 1;
  while (count < datagrams.size() && count < kSegmentsMax) {
    const size_t next = datagrams[count].iov_len;
    if (next == 0 || next > size || bytes + next > kDatagramBytesMax) break;
    bytes += next;
    ++count;
    if (next < size) break;
  }
  return count;
}

void set_segment_size(size_t size, Control& control, msghdr& message) {
  put_control(IPPROTO_UDP, UDP_SEGMENT, static_cast<uint16_t>(size), control, message);
}

bool SegmentLimit::learn(int error, size_t size) {
  if (error == EINVAL || error == EMSGSIZE) {
    bytes_max_ = size - 1;
    return true;
  }
  // The card does not compute checksums, or the kernel is too old.
  if (error != EIO && error != ENOPROTOOPT && error != EOPNOTSUPP) return false;
  bytes_max_ = 0;
  return true;
}

}  // namespace httpteleport::relay
