// A terminal for programs that behave in another way on one.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "support/deadline.h"
#include "support/fd.h"

namespace httpteleport::test {

// Both ends of a pseudo terminal of 100 columns and 30 rows. One thread.
class PseudoTerminal {
 public:
  PseudoTerminal() : ours_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    if (!ours_ || ::grantpt(ours_.get()) != 0 || ::unlockpt(ours_.get()) != 0) die("posix_openpt");
    char name[64];
    if (::ptsname_r(ours_.get(), name, sizeof name) != 0) die("ptsname_r");
    path_ = name;
    // As long as it is open, the end of a program is no end of the terminal.
    theirs_ = Fd(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!theirs_) die("opening a pseudo terminal");
    const winsize size{.ws_row = 30, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
    if (::ioctl(ours_.get(), TIOCSWINSZ, &size) != 0) die("TIOCSWINSZ");
  }

  // The arguments with which a program runs on it, as /bin/sh becomes it.
  std::vector<std::string> command(const std::vector<std::string>& argv) const {
    std::vector<std::string> shell = {"/bin/sh", "-c", "exec \"$@\" <\"$0\" >\"$0\" 2>&1", path_};
    shell.insert(shell.end(), argv.begin(), argv.end());
    return shell;
  }

  void press(std::string_view keys) {
    if (::write(ours_.get(), keys.data(), keys.size()) != static_cast<ssize_t>(keys.size()))
      die("writing to a pseudo terminal");
  }

  // What has been shown from behind the last text that was waited for up to the end of `text`;
  // without `text` in it when the deadline came first.
  std::string wait_text(std::string_view text, Deadline deadline = after()) {
    size_t found = 0;
    while ((found = shown_.find(text)) == std::string::npos) {
      pollfd entry{ours_.get(), POLLIN, 0};
      if (::poll(&entry, 1, poll_timeout_ms(deadline)) <= 0) return std::exchange(shown_, {});
      char piece[4096];
      const ssize_t got = ::read(ours_.get(), piece, sizeof piece);
      if (got <= 0) return std::exchange(shown_, {});
      shown_.append(piece, static_cast<size_t>(got));
    }
    std::string before = shown_.substr(0, found + text.size());
    shown_.erase(0, before.size());
    return before;
  }

  // Whether keys are shown and come by lines, as a shell wants it.
  bool is_cooked() const {
    termios settings;
    if (::tcgetattr(theirs_.get(), &settings) != 0) die("tcgetattr");
    return (settings.c_lflag & (ICANON | ECHO)) == (ICANON | ECHO);
  }

 private:
  Fd ours_;
  Fd theirs_;
  std::string path_;
  std::string shown_;
};

}  // namespace httpteleport::test
