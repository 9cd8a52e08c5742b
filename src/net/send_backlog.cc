#include "net/send_backlog.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace httpteleport::net {

SendBacklog send_backlog_of(int fd) {
  SendBacklog backlog;
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return backlog;
  backlog.is_stuck = info.tcpi_retransmits > 0 || info.tcpi_probes > 0;
  int bytes = 0;
  if (ioctl(fd, SIOCOUTQNSD, &bytes) == 0 && bytes > 0)
    backlog.unsent_bytes = static_cast<size_t>(bytes);
  return backlog;
}

}  // namespace httpteleport::net
