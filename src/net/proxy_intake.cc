#include "net/proxy_intake.h"

#include <sys/socket.h>

#include <cerrno>

namespace httpteleport::net {

class ProxyIntake::Entry final : public IntrusiveNode, public Deletable, private event::IoHandler {
 public:
  Entry(ProxyIntake& owner, Socket accepted, const Address& from)
      : socket(std::move(accepted)), peer(from), owner_(owner) {}
  ~Entry() override { unwatch(); }

  bool watch() { return watched_ = owner_.loop_.watch(socket.fd(), *this).has_value(); }
  void unwatch() {
    if (watched_) owner_.loop_.unwatch(socket.fd());
    watched_ = false;
    timer_.cancel();
  }
  void start_timer(Duration timeout) { owner_.loop_.set_timer(timer_, timeout); }

  Socket socket;
  const Address peer;

 private:
  void on_ready(event::Readiness) override {
    if (is_linked()) owner_.look_at(*this);
  }
  void on_timeout() { owner_.refuse(*this, ProxyRefusal::kTimeout); }

  ProxyIntake& owner_;
  bool watched_ = false;
  event::MemberTimer<Entry, &Entry::on_timeout> timer_{*this};
};

ProxyIntake::~ProxyIntake() {
  close();
}

void ProxyIntake::close() {
  while (!entries_.empty())
    forget(entries_.front());
}

void ProxyIntake::take(Socket socket, const Address& peer) {
  if (count_ >= options_.waiting_max) refuse(entries_.front(), ProxyRefusal::kCrowded);
  auto* entry = new Entry(*this, std::move(socket), peer);
  entries_.push_back(*entry);
  ++count_;
  entry->start_timer(options_.timeout);
  if (!entry->watch()) return refuse(*entry, ProxyRefusal::kCrowded);
  // Usually the header came with the connection.
  look_at(*entry);
}

void ProxyIntake::look_at(Entry& entry) {
  const std::span<char> buffer = loop_.read_buffer().first(kProxyV2BytesMax);
  const ssize_t count = recv(entry.socket.fd(), buffer.data(), buffer.size(), MSG_PEEK);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return refuse(entry, ProxyRefusal::kTimeout);
  ProxyHeader header;
  const Result<size_t> size =
      parse_proxy_header({buffer.data(), static_cast<size_t>(count)}, options_.versions, header);
  if (!size) return refuse(entry, ProxyRefusal::kMalformed);
  if (*size == 0) return;
  if (recv(entry.socket.fd(), buffer.data(), *size, 0) != static_cast<ssize_t>(*size))
    return refuse(entry, ProxyRefusal::kTimeout);
  entry.unwatch();
  Socket socket = std::move(entry.socket);
  const Address peer = entry.peer;
  forget(entry);
  handler_.on_proxy_header(std::move(socket), peer, header);
}

void ProxyIntake::refuse(Entry& entry, ProxyRefusal refusal) {
  entry.unwatch();
  // Closed last: who sees the end finds it counted.
  const Socket closing = std::move(entry.socket);
  const Address peer = entry.peer;
  forget(entry);
  handler_.on_proxy_refused(peer, refusal);
}

void ProxyIntake::forget(Entry& entry) {
  entry.unlink();
  --count_;
  entry.unwatch();
  entry.socket.reset();
  loop_.delete_later(std::unique_ptr<Entry>(&entry));
}

}  // namespace httpteleport::net
