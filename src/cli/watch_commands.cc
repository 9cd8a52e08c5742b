// status top tail
#include <poll.h>

#include <chrono>
#include <cstdio>

#include "cli/commands.h"
#include "cli/event_stream.h"
#include "cli/terminal.h"
#include "cli/top.h"

namespace httpteleport::cli {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPeriod{1};

void wait_until(TimePoint time) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(time - Clock::now());
  if (left.count() > 0) ::poll(nullptr, 0, static_cast<int>(left.count()));
}

// GET /_stats says 503 when there is no service: that is an answer as well.
bool is_stats(const Reply& reply) {
  return reply.ok() || (reply.reached && reply.status == 503 && parse_stats(reply.body));
}

int print_status(Session& session, const Reply& reply) {
  if (session.wants_json()) return print_document(reply.body) ? kExitOk : kExitError;
  const auto services = parse_stats(reply.body);
  if (!services) return session.refuse_document();
  return print(status_table(*services, session.table_options())) ? kExitOk : kExitError;
}

// What a watched screen shows of an answer.
std::string status_screen(Session& session, const Reply& reply) {
  if (!is_stats(reply)) return session.refusal(reply, false) + "\n";
  const auto services = parse_stats(reply.body);
  return services ? status_table(*services, session.table_options()) : "no answer in JSON\n";
}

bool is_quit(const std::optional<KeyPress>& key) {
  return key && key->key == Key::kOther && key->letter == 'q';
}

int watch_on_screen(Session& session) {
  Screen screen;
  for (;;) {
    const TimePoint next = Clock::now() + kPeriod;
    screen.draw(status_screen(session, session.client().get("/_stats")));
    while (const auto key = screen.wait_key(next)) {
      if (is_quit(key)) return kExitOk;
    }
  }
}

int watch_as_text(Session& session) {
  for (;;) {
    const TimePoint next = Clock::now() + kPeriod;
    const Reply reply = session.client().get("/_stats");
    if (!is_stats(reply)) return session.refuse(reply, false);
    const int code = print_status(session, reply);
    if (code != kExitOk) return code;
    wait_until(next);
  }
}

// top on a terminal.
class Top {
 public:
  explicit Top(Session& session) : session_(session) {}

  int run() {
    for (;;) {
      const TimePoint next = Clock::now() + kPeriod;
      look();
      draw();
      while (const auto key = screen_.wait_key(next)) {
        if (is_quit(key)) return kExitOk;
        press(*key);
        draw();
      }
    }
  }

 private:
  void look() {
    const Reply reply = session_.client().get("/_stats");
    const auto services = parse_stats(reply.body);
    if (is_stats(reply) && services) {
      rows_.look(*services, Clock::now());
      if (asked_.empty()) message_.clear();
    } else {
      message_ = session_.refusal(reply, false);
      asked_.clear();
    }
  }

  void press(const KeyPress& key) {
    if (!asked_.empty()) {
      answer(key);
    } else if (key.key == Key::kUp || key.letter == 'k') {
      rows_.mark_next(-1);
    } else if (key.key == Key::kDown || key.letter == 'j') {
      rows_.mark_next(1);
    } else if (key.letter == 's') {
      rows_.next_order();
    } else if (key.letter == 'd') {
      ask();
    }
  }

  void ask() {
    const TopRow* row = rows_.marked();
    if (row == nullptr) return;
    asked_ = "/" + encoded(row->service) + "/" + encoded(row->backend.name) + "/_state";
    message_ = "drain " + row->service + "/" + row->backend.name + "? y: yes, other keys: no";
  }

  void answer(const KeyPress& key) {
    message_.clear();
    if (key.key == Key::kOther && key.letter == 'y') {
      const Reply reply = session_.client().change("PUT", asked_, "drain");
      if (!reply.ok()) message_ = session_.refusal(reply, true);
    }
    asked_.clear();
  }

  void draw() {
    constexpr size_t kOtherLines = 4;  // head, titles, message, and none scrolls
    const size_t rows = terminal_size().rows;
    screen_.draw(
        rows_.text(output_has_colors(), true, rows > kOtherLines ? rows - kOtherLines : 1) +
        printable(message_));
  }

  Session& session_;
  Screen screen_;
  TopRows rows_;
  std::string message_;
  std::string asked_;  // the path of the change that waits for a yes
};

// One table, with the rates of a second.
int print_top(Session& session) {
  TopRows rows;
  for (int looks = 0; looks < 2; ++looks) {
    const TimePoint next = Clock::now() + kPeriod;
    const Reply reply = session.client().get("/_stats");
    if (!is_stats(reply)) return session.refuse(reply, false);
    const auto services = parse_stats(reply.body);
    if (!services) return session.refuse_document();
    rows.look(*services, Clock::now());
    if (looks == 0) wait_until(next);
  }
  return print(rows.text(false, false, rows.rows().size())) ? kExitOk : kExitError;
}

// What a stream that has ended is: over for good, or to be taken up again.
bool is_over_for_good(const Reply& reply, bool had_a_stream) {
  if (!reply.reached) return !had_a_stream;
  return reply.status != 200 && (reply.status < 500 || !had_a_stream);
}

}  // namespace

int run_status(Session& session) {
  if (session.line().options.watch) {
    const bool on_screen = output_is_terminal() && !session.wants_json();
    return on_screen ? watch_on_screen(session) : watch_as_text(session);
  }
  const Reply reply = session.client().get("/_stats");
  if (!is_stats(reply)) return session.refuse(reply, false);
  return print_status(session, reply);
}

int run_top(Session& session) {
  return output_is_terminal() ? Top(session).run() : print_top(session);
}

int run_tail(Session& session) {
  EventStream stream;
  bool had_a_stream = false;
  bool has_complained = false;
  bool can_print = true;
  const auto on_event = [&](const EventStream::Event& event) {
    if (!can_print) return;
    can_print = session.wants_json()
                    ? print_document(event_json(event.id, event.type, event.data) + "\n")
                    : print(printable(event_text(event.type, event.data)) + "\n");
  };
  const auto on_bytes = [&](std::string_view bytes) {
    had_a_stream = true;
    has_complained = false;
    stream.feed(bytes, on_event);
  };
  while (can_print) {
    const TimePoint next = Clock::now() + kPeriod;
    const Reply reply = session.client().follow("/_events", stream.last_id(), on_bytes);
    had_a_stream = had_a_stream || reply.status == 200;
    if (is_over_for_good(reply, had_a_stream)) return session.refuse(reply, false);
    if (!has_complained) complain("the connection has ended; trying again each second");
    has_complained = true;
    stream.restart();
    wait_until(next);
  }
  return kExitError;
}

}  // namespace httpteleport::cli
