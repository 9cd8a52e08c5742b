#include "cli/event_stream.h"

namespace httpteleport::cli {

void EventStream::feed(std::string_view bytes, const std::function<void(const Event&)>& on_event) {
  for (const char c : bytes) {
    const bool second_of_crlf = after_cr_ && c == '\n';
    after_cr_ = c == '\r';
    if (second_of_crlf) continue;
    if (c == '\r' || c == '\n') {
      take_line(on_event);
      line_.clear();
    } else if (line_.size() < kEventBytesMax) {
      line_ += c;
    } else {
      too_long_ = true;
    }
  }
}

void EventStream::restart() {
  line_.clear();
  type_.clear();
  data_.clear();
  id_ = last_id_;
  too_long_ = after_cr_ = has_data_ = false;
}

void EventStream::take_line(const std::function<void(const Event&)>& on_event) {
  if (!line_.empty()) {
    const size_t colon = line_.find(':');
    if (colon == 0) return;  // a comment
    std::string_view value;
    if (colon != std::string::npos) value = std::string_view(line_).substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    take_field(std::string_view(line_).substr(0, colon), value);
    return;
  }
  last_id_ = id_;
  if (has_data_ && !too_long_)
    on_event({.id = last_id_, .type = type_.empty() ? "message" : type_, .data = data_});
  restart();
}

void EventStream::take_field(std::string_view name, std::string_view value) {
  if (name == "event") {
    type_ = value;
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) id_ = value;
  } else if (name == "data") {
    if (data_.size() + value.size() > kEventBytesMax) {
      too_long_ = true;
      return;
    }
    if (has_data_) data_ += '\n';
    has_data_ = true;
    data_ += value;
  }
}

}  // namespace httpteleport::cli
