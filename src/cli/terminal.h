// The terminal: what it can show, its keys, and its state at the end of the program.
#pragma once

#include <termios.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace httpteleport::cli {

// Whether standard output is one that people look at.
bool output_is_terminal();
// Whether it may have colours: no with NO_COLOR in the environment, or TERM=dumb.
bool output_has_colors();

struct TerminalSize {
  size_t columns = 80;
  size_t rows = 24;
};
TerminalSize terminal_size();

// From here on SIGINT, SIGTERM and SIGHUP end the program with 128 and their number, and leave the
// terminal as it was.
void end_orderly_on_signals();

// Text from elsewhere without what would steer a terminal: control characters become '?'.
std::string printable(std::string_view text);
// The same of a JSON document, which says the same still: they become \u001b and the like.
std::string printable_json(std::string_view text);

enum class Key : unsigned char { kNone, kUp, kDown, kOther };
struct KeyPress {
  Key key = Key::kNone;
  char letter = '\0';  // of kOther
};

// While it lives the whole terminal is ours: another screen, no cursor, keys without echo. One at a
// time.
class Screen {
 public:
  Screen();
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // Shows `text` from the top left corner on, cut to the screen.
  void draw(const std::string& text);
  // The next key, or nothing when `until` comes first. Standard input that has ended or is no
  // terminal has none.
  std::optional<KeyPress> wait_key(TimePoint until);
};

// `text` cut to so many columns and lines; sequences of colours take none.
std::string cut_to(std::string_view text, TerminalSize size);

}  // namespace httpteleport::cli
