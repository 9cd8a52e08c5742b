#include "net/lingering.h"

namespace httpteleport::net {

class LingeringConnections::Entry final : public IntrusiveNode,
                                          public Deletable,
                                          private ConnectionHandler {
 public:
  Entry(LingeringConnections& owner, std::unique_ptr<Connection> connection)
      : owner_(owner), connection_(std::move(connection)) {}

  void start() {
    connection_->set_handler(*this);
    owner_.loop_.set_timer(timer_, owner_.options_.drain_timeout);
    taken_at_check_ = connection_->bytes_acknowledged();
    connection_->shutdown_write();
    connection_->resume(PauseReason::kBusy);
    connection_->resume(PauseReason::kOtherSideFull);
  }

  void close() {
    timer_.cancel();
    connection_->close();
  }

 private:
  size_t on_data(std::string_view bytes) override {
    discarded_ += bytes.size();
    if (discarded_ > owner_.options_.discard_bytes_max) owner_.drop(*this);
    return bytes.size();
  }
  // The peer may send FIN before it has read our answer: what is unsent still goes out, and then
  // the connection reports that both directions have ended.
  void on_end() override {}
  void on_closed(const Error&) override { owner_.drop(*this); }
  // A peer that takes the output, however slowly, gets all of it.
  void on_timeout() {
    const bool progress = connection_->bytes_acknowledged() != taken_at_check_;
    taken_at_check_ = connection_->bytes_acknowledged();
    stalled_ = progress ? Duration::zero() : stalled_ + owner_.options_.drain_timeout;
    const bool all_sent = connection_->unsent_bytes() == 0 && !progress;
    if (all_sent || stalled_ >= owner_.options_.send_timeout) return owner_.drop(*this);
    owner_.loop_.set_timer(timer_, owner_.options_.drain_timeout);
  }

  LingeringConnections& owner_;
  std::unique_ptr<Connection> connection_;
  uint64_t discarded_ = 0;
  uint64_t taken_at_check_ = 0;
  Duration stalled_{};
  event::MemberTimer<Entry, &Entry::on_timeout> timer_{*this};
};

LingeringConnections::~LingeringConnections() {
  while (!entries_.empty())
    drop(entries_.front());
}

void LingeringConnections::take(std::unique_ptr<Connection> connection, bool peer_may_send) {
  if (!peer_may_send && connection->try_finish()) connection->close();
  if (!connection->is_open()) return loop_.delete_later(std::move(connection));
  if (count_ >= options_.connections_max) drop(entries_.front());
  auto* entry = new Entry(*this, std::move(connection));
  entries_.push_back(*entry);
  ++count_;
  entry->start();
}

void LingeringConnections::drop(Entry& entry) {
  if (!entry.is_linked()) return;
  entry.unlink();
  --count_;
  entry.close();
  loop_.delete_later(std::unique_ptr<Entry>(&entry));
}

}  // namespace httpteleport::net
