// GET /_events: what happens, as it happens, as server-sent events (the HTML standard,
// section 9.2). Control thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <string>
#include <string_view>

#include "admin/pages.h"
#include "event/loop.h"
#include "service/registry.h"
#include "service/runtime.h"

namespace httpteleport::admin {

// Keeps the last events. Every listener has its place among them and is sent what follows as fast
// as it takes that, so that a slow one costs nothing; one whose place is no longer kept is
// disconnected, and may come back with the id of the last event that it has seen.
class EventStream final : public service::EventSink, public service::ConfigListener {
 public:
  struct Options {
    size_t kept_max = 1000;
    size_t text_bytes_max = 4096;  // of an event's text; the rest is cut off
    size_t changes_max = 100;      // told in one event; the rest is only counted
    size_t streams_max = 64;       // over it: 503
    Duration heartbeat = std::chrono::seconds(15);
    std::function<int64_t()> unix_time_ms{};  // nothing: the system's clock
  };

  // `loop` outlives this.
  EventStream(event::Loop& loop, Options options);
  explicit EventStream(event::Loop& loop) : EventStream(loop, Options{}) {}
  ~EventStream();

  void on_event(const service::Event& event) override;
  void on_config_changed(const service::ConfigChange& change) override;

  // A GET. Starts with what came after the event that Last-Event-ID names. If some of that is not
  // kept any more, an event "missed" comes first; of an id of another run, all that is kept.
  void serve(const Request& request, Answer answer);
  // Ends all streams in good order; new ones get 503.
  void drain();

  size_t streams_open() const { return streams_.size(); }

 private:
  class Stream;

  void publish(std::string_view type, std::string_view data);
  uint64_t next_number() const { return first_number_ + kept_.size(); }
  std::string now() const;
  // The number of the event to start with; `missed`: some before it should have come.
  uint64_t resume_at(const Request& request, bool& missed) const;
  void disconnect_the_late();
  void send_heartbeats();
  void drop(Stream& stream);

  event::Loop& loop_;
  const Options options_;
  const std::string run_;         // what ids of this run begin with
  uint64_t first_number_ = 1;     // of the oldest that is kept
  std::deque<std::string> kept_;  // whole, as they are sent
  std::list<Stream> streams_;
  bool draining_ = false;
  event::MemberTimer<EventStream, &EventStream::send_heartbeats> heartbeat_timer_{*this};
};

}  // namespace httpteleport::admin
