#include "support/scripted_peer.h"

#include <gtest/gtest.h>

#include <utility>

namespace httpteleport::test {

void ScriptedPeer::Connection::fail(std::string what) {
  failed_ = true;
  const std::lock_guard lock(peer_.mutex_);
  peer_.failures_.push_back(std::move(what));
}

std::string ScriptedPeer::Connection::expect(std::string_view text) {
  if (failed_) return {};
  Received received = http_.socket().recv_until(text);
  if (received.status != IoStatus::kOk) {
    fail("expected \"" + std::string(text) + "\", got " + io_status_name(received.status) +
         " after \"" + received.bytes + "\"");
  }
  return received.bytes;
}

void ScriptedPeer::Connection::expect_bytes(std::string_view bytes) {
  if (failed_) return;
  const Received received = http_.socket().recv_exactly(bytes.size());
  if (received.bytes != bytes) {
    fail("expected \"" + std::string(bytes) + "\", got \"" + received.bytes + "\"");
  }
}

Message ScriptedPeer::Connection::expect_request() {
  if (failed_) return {};
  Message message = http_.read_request();
  if (message.outcome != Outcome::kComplete) {
    fail(std::string("expected a request, got ") + outcome_name(message.outcome) + " " +
         message.error);
  }
  return message;
}

void ScriptedPeer::Connection::expect_end() {
  if (!failed_ && !http_.wait_closed()) fail("expected the end of the connection");
}

void ScriptedPeer::Connection::send(std::string_view bytes) {
  if (!failed_ && !http_.send(bytes)) fail("the peer is gone: nothing can be sent");
}

void ScriptedPeer::Connection::close() {
  const std::lock_guard lock(peer_.mutex_);
  http_.socket().close();
}

void ScriptedPeer::Connection::reset() {
  const std::lock_guard lock(peer_.mutex_);
  http_.socket().reset();
}

void ScriptedPeer::Connection::stall() {
  if (failed_) return;
  std::unique_lock lock(peer_.mutex_);
  peer_.changed_.wait(lock, [&] { return peer_.released_; });
}

ScriptedPeer::ScriptedPeer(bool ipv6) : listener_(Listener::Options{.ipv6 = ipv6}) {
  acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedPeer::~ScriptedPeer() {
  release();
  join();
  listener_.shut_down();
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const auto& connection : connections_) {
      if (connection->http_.socket().is_open()) connection->http_.socket().shut_down();
    }
  }
  for (std::thread& thread : threads_)
    thread.join();
}

void ScriptedPeer::accept_all() {
  while (auto socket = listener_.accept(Deadline::max())) {
    const std::lock_guard lock(mutex_);
    if (begun_ == scripts_.size()) {
      ++extra_;
      continue;
    }
    const size_t index = begun_++;
    connections_.push_back(std::unique_ptr<Connection>(new Connection(*this, std::move(*socket))));
    threads_.emplace_back(
        [this, index, &connection = *connections_.back()] { run(index, connection); });
  }
}

void ScriptedPeer::run(size_t index, Connection& connection) {
  Script script;
  {
    const std::lock_guard lock(mutex_);
    script = scripts_[index];
  }
  script(connection);
  connection.close();
  const std::lock_guard lock(mutex_);
  ++ended_;
  changed_.notify_all();
}

void ScriptedPeer::add_script(Script script) {
  const std::lock_guard lock(mutex_);
  scripts_.push_back(std::move(script));
}

void ScriptedPeer::release() {
  const std::lock_guard lock(mutex_);
  released_ = true;
  changed_.notify_all();
}

void ScriptedPeer::join(Deadline deadline) {
  std::unique_lock lock(mutex_);
  const bool all = changed_.wait_until(lock, deadline, [&] { return ended_ == scripts_.size(); });
  EXPECT_TRUE(all) << "of " << scripts_.size() << " scripts " << begun_ << " began and " << ended_
                   << " ended; " << extra_ << " connections came without a script";
  for (const std::string& failure : std::exchange(failures_, {}))
    ADD_FAILURE() << failure;
}

size_t ScriptedPeer::extra_connections() const {
  const std::lock_guard lock(mutex_);
  return extra_;
}

}  // namespace httpteleport::test
