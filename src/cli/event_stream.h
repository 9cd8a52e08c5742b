// Server-sent events, receive side (the HTML standard, "event stream interpretation").
//
// Sans-I/O: bytes in, events out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace httpteleport::cli {

class EventStream {
 public:
  // One event may be as long; a line or an event that is longer is left out.
  static constexpr size_t kEventBytesMax = size_t{4} << 20;

  struct Event {
    std::string id;
    std::string type;  // "message" when the stream names none
    std::string data;  // lines joined by \n
  };

  // Calls `on_event` for each that is complete.
  void feed(std::string_view bytes, const std::function<void(const Event&)>& on_event);
  // A new connection begins: half an event is forgotten, the last id is not.
  void restart();
  // Of the last complete event; empty: none yet.
  const std::string& last_id() const { return last_id_; }

 private:
  void take_line(const std::function<void(const Event&)>& on_event);
  void take_field(std::string_view name, std::string_view value);

  std::string line_;
  bool too_long_ = false;  // the event under way; dropped
  bool after_cr_ = false;
  bool has_data_ = false;
  std::string id_;
  std::string type_;
  std::string data_;
  std::string last_id_;
};

}  // namespace httpteleport::cli
