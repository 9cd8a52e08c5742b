#include "cli/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iterator>

namespace httpteleport::cli {

namespace {

constexpr std::string_view kEnterScreen = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view kLeaveScreen = "\x1b[?25h\x1b[?1049l";

// What restore_terminal() needs, also in a signal handler.
volatile std::sig_atomic_t screen_is_ours = 0;
volatile std::sig_atomic_t keys_are_ours = 0;
termios keys_before;

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

void restore_terminal() {
  if (screen_is_ours != 0) write_all(kLeaveScreen);
  if (keys_are_ours != 0) tcsetattr(STDIN_FILENO, TCSANOW, &keys_before);
  screen_is_ours = 0;
  keys_are_ours = 0;
}

extern "C" void end_by_signal(int number) {
  restore_terminal();
  _exit(128 + number);
}

void take_keys() {
  termios keys;
  if (tcgetattr(STDIN_FILENO, &keys) != 0) return;
  if (keys_are_ours == 0) keys_before = keys;
  keys_are_ours = 1;
  keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  keys.c_cc[VMIN] = 1;
  keys.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSANOW, &keys);
}

// Where the sequence that begins at `escape` ends.
size_t end_of_sequence(std::string_view text, size_t escape) {
  size_t end = escape + 1;
  if (end < text.size() && text[end] == '[') ++end;
  while (end < text.size() && (text[end] < '@' || text[end] > '~'))
    ++end;
  return std::min(end + 1, text.size());
}

// The control character that begins there.
std::optional<unsigned> control_at(std::string_view text, size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x20 || byte == 0x7f) return byte;
  if (byte != 0xc2 || at + 1 == text.size()) return std::nullopt;
  // C1 controls are two bytes in UTF-8: C2 80 to C2 9F.
  const auto second = static_cast<unsigned char>(text[at + 1]);
  if ((second & 0xe0) != 0x80) return std::nullopt;
  return second;
}

}  // namespace

bool output_is_terminal() {
  return isatty(STDOUT_FILENO) == 1;
}

bool output_has_colors() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  if (no_color != nullptr && *no_color != '\0') return false;
  return output_is_terminal() && terminal != nullptr && std::string_view(terminal) != "dumb";
}

TerminalSize terminal_size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    return {};
  return {.columns = size.ws_col, .rows = size.ws_row};
}

void end_orderly_on_signals() {
  struct sigaction action {};
  action.sa_handler = end_by_signal;
  for (const int number : {SIGINT, SIGTERM, SIGHUP})
    sigaction(number, &action, nullptr);
}

std::string printable(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto control = control_at(text, i);
    out += control ? '?' : text[i];
    if (control && *control >= 0x80) ++i;
  }
  return out;
}

std::string printable_json(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto control = control_at(text, i);
    if (!control || text[i] == '\n') {
      out += text[i];
      continue;
    }
    char escape[8];
    std::snprintf(escape, sizeof escape, "\\u%04x", *control);
    out += escape;
    if (*control >= 0x80) ++i;
  }
  return out;
}

std::string cut_to(std::string_view text, TerminalSize size) {
  std::string out;
  size_t column = 0;
  size_t row = 0;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '\x1b') {
      const size_t end = end_of_sequence(text, i);
      out += text.substr(i, end - i);
      i = end;
      continue;
    }
    if (text[i] == '\n') {
      if (++row == size.rows) return out;
      column = 0;
      out += '\n';
    } else {
      const bool begins = (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
      if (begins) ++column;
      if (column <= size.columns) out += text[i];
    }
    ++i;
  }
  return out;
}

Screen::Screen() {
  take_keys();
  screen_is_ours = 1;
  write_all(kEnterScreen);
}

Screen::~Screen() {
  restore_terminal();
}

void Screen::draw(const std::string& text) {
  take_keys();  // again: a shell that stopped us has set its own
  std::string out = "\x1b[H";
  for (const char c : cut_to(text, terminal_size()))
    out.append(c == '\n' ? "\x1b[K\r\n" : std::string_view(&c, 1));
  write_all(out + "\x1b[J");
}

std::optional<KeyPress> Screen::wait_key(TimePoint until) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  const int timeout = static_cast<int>(std::max<int64_t>(left.count(), 0));
  pollfd input{.fd = keys_are_ours != 0 ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0};
  if (::poll(&input, 1, timeout) <= 0) return std::nullopt;
  char bytes[8];
  const ssize_t got = ::read(STDIN_FILENO, bytes, 1);
  if (got <= 0) return KeyPress{.key = Key::kOther, .letter = 'q'};  // the terminal is gone
  if (bytes[0] != '\x1b') return KeyPress{.key = Key::kOther, .letter = bytes[0]};
  // The rest of a key's sequence is there already.
  if (::poll(&input, 1, 0) <= 0) return KeyPress{.key = Key::kOther, .letter = '\x1b'};
  const ssize_t rest = ::read(STDIN_FILENO, bytes, sizeof bytes);
  if (rest >= 2 && bytes[1] == 'A') return KeyPress{.key = Key::kUp};
  if (rest >= 2 && bytes[1] == 'B') return KeyPress{.key = Key::kDown};
  return KeyPress{};
}

}  // namespace httpteleport::cli
