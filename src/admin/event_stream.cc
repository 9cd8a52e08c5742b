#include "admin/event_stream.h"

#include <charconv>
#include <chrono>
#include <ctime>

#include "service/json_writer.h"

namespace httpteleport::admin {

namespace {

constexpr std::string_view kRetry = "retry: 2000\n";
constexpr std::string_view kHeartbeat = ":\n\n";

int64_t system_time_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// At most `bytes_max` of it, not cut within a character.
std::string_view cut(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0) == 0x80)
    --bytes_max;
  return text.substr(0, bytes_max);
}

}  // namespace

// One client. Its events are those from next_ on.
class EventStream::Stream final : public StreamOwner {
 public:
  Stream(EventStream& events, uint64_t first) : next_(first), events_(events) {}

  void start(Answer answer, std::string text) {
    Page head{.body = std::move(text), .content_type = "text/event-stream"};
    head.fields.emplace_back("Cache-Control", "no-store");
    head.fields.emplace_back("X-Accel-Buffering", "no");  // for nginx in front of us
    stream_ = answer.stream(head, *this);
    send_kept();
  }
  // Everything that it has not got, as far as it takes that now.
  void send_kept() {
    while (!is_blocked_ && next_ < events_.next_number()) {
      stream_.send(events_.kept_[next_ - events_.first_number_]);
      ++next_;
      is_idle_ = false;
    }
  }
  void send_heartbeat() {
    if (is_idle_ && !is_blocked_) stream_.send(kHeartbeat);
    is_idle_ = true;
  }
  void end() { stream_.end(); }
  bool is_late() const { return next_ < events_.first_number_; }

 private:
  void on_stream_blocked() override { is_blocked_ = true; }
  void on_stream_unblocked() override {
    is_blocked_ = false;
    send_kept();
  }
  void on_stream_gone() override { events_.drop(*this); }

  uint64_t next_;
  EventStream& events_;
  AnswerStream stream_;
  bool is_blocked_ = false;
  bool is_idle_ = true;  // since the last heartbeat
};

EventStream::EventStream(event::Loop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      run_(std::to_string(options_.unix_time_ms ? options_.unix_time_ms() : system_time_ms())) {}

EventStream::~EventStream() = default;

void EventStream::on_event(const service::Event& event) {
  std::string data;
  service::JsonWriter json(data, service::kCompact);
  json.begin_object();
  json.member("time", now());
  if (!event.service.empty()) json.member("service", event.service);
  if (!event.backend.empty()) json.member("backend", event.backend);
  json.member("text", cut(event.text, options_.text_bytes_max));
  json.end_object();
  publish(event.type, data);
}

void EventStream::on_config_changed(const service::ConfigChange& change) {
  std::string data;
  service::JsonWriter json(data, service::kCompact);
  json.begin_object();
  json.member("time", now());
  json.member("version", static_cast<int64_t>(change.version));
  json.member("text", cut(change.summary, options_.text_bytes_max));
  json.key("changes");
  json.begin_array();
  const size_t told = std::min(change.changes.size(), options_.changes_max);
  for (size_t i = 0; i < told; ++i)
    json.value(cut(change.changes[i], options_.text_bytes_max));
  json.end_array();
  json.member("changes_in_all", static_cast<int64_t>(change.changes.size()));
  json.end_object();
  publish("config_changed", data);
}

void EventStream::publish(std::string_view type, std::string_view data) {
  std::string text = "id: " + run_ + "-" + std::to_string(next_number()) + "\nevent: ";
  text.append(type).append("\ndata: ").append(data).append("\n\n");
  kept_.push_back(std::move(text));
  for (Stream& stream : streams_)
    stream.send_kept();
  if (kept_.size() <= options_.kept_max) return;
  kept_.pop_front();
  ++first_number_;
  disconnect_the_late();
}

std::string EventStream::now() const {
  const int64_t ms = options_.unix_time_ms ? options_.unix_time_ms() : system_time_ms();
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%03dZ", static_cast<int>(ms % 1000));
  return text;
}

uint64_t EventStream::resume_at(const Request& request, bool& missed) const {
  const std::string* last = request.find("Last-Event-ID");
  if (last == nullptr || last->empty()) return next_number();
  const size_t dash = last->find('-');
  uint64_t number = 0;
  const bool is_ours =
      dash != std::string::npos && std::string_view(*last).substr(0, dash) == run_ &&
      std::from_chars(last->data() + dash + 1, last->data() + last->size(), number).ec ==
          std::errc() &&
      number < next_number();
  missed = !is_ours || number + 1 < first_number_;
  return missed ? first_number_ : number + 1;
}

void EventStream::serve(const Request& request, Answer answer) {
  if (draining_) return answer.send(error_page(503, "the program is about to end"));
  if (streams_.size() >= options_.streams_max) {
    return answer.send(error_page(
        503, "there are " + std::to_string(streams_.size()) + " listeners to events already"));
  }
  bool missed = false;
  const uint64_t first = resume_at(request, missed);
  // With the place where it begins: one that is cut off before its first event resumes there.
  std::string text = std::string(kRetry) + "id: " + run_ + "-" + std::to_string(first - 1) + "\n\n";
  if (missed) text += "event: missed\ndata: {\"text\":\"some events are not kept any more\"}\n\n";
  streams_.emplace_back(*this, first).start(std::move(answer), std::move(text));
  if (!heartbeat_timer_.is_set()) loop_.set_timer(heartbeat_timer_, options_.heartbeat);
}

void EventStream::disconnect_the_late() {
  for (auto stream = streams_.begin(); stream != streams_.end();)
    stream = stream->is_late() ? streams_.erase(stream) : std::next(stream);
}

void EventStream::send_heartbeats() {
  for (Stream& stream : streams_)
    stream.send_heartbeat();
  if (!streams_.empty()) loop_.set_timer(heartbeat_timer_, options_.heartbeat);
}

void EventStream::drain() {
  draining_ = true;
  for (Stream& stream : streams_)
    stream.end();
  streams_.clear();
}

void EventStream::drop(Stream& stream) {
  streams_.remove_if([&](const Stream& other) { return &other == &stream; });
}

}  // namespace httpteleport::admin
