// What shuttle-cli shows on a terminal, and which keys it takes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>

#include "integration/fake_admin.h"
#include "integration/shuttle_cli.h"
#include "support/pseudo_terminal.h"

namespace httpteleport::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kEnterScreen = "\x1b[?1049h";
constexpr const char* kLeaveScreen = "\x1b[?1049l";

constexpr const char* kStats = R"([{"name":"web","backends":[
  {"name":"a","up":true,"http_active":1},{"name":"b","up":false,"http_active":9}]}])";

// shuttle-cli on a terminal, with an admin API that has two backends.
class ShuttleCliTerminal : public ShuttleCliTest {
 protected:
  explicit ShuttleCliTerminal()
      : admin_([this](const Message& request) {
          if (request.head.target == "/_events")
            return FakeAnswer{.raw = "HTTP/1.1 200 OK\r\n\r\ndata: {\"text\":\"x\\u001b[2J\"}\n\n",
                              .hold = true};
          if (request.head.target == "/_config")
            return FakeAnswer{.body =
                                  "{\"x\": \"\xc2\x9b"
                                  "2J\"}\n"};
          return FakeAnswer{.status = status_, .body = status_ == 200 ? kStats : "not now\n"};
        }) {}

  std::unique_ptr<Process> start(std::vector<std::string> arguments,
                                 const Process::Environment& more = {}) {
    arguments.insert(arguments.begin(), {"-addr", admin_.address()});
    Process::Environment all = environment(more);
    all.emplace_back("TERM", "xterm");
    return std::make_unique<Process>(terminal_.command(command(arguments)), all);
  }

  static int code_of(Process& process) { return process.wait_exit().value_or(ExitStatus{}).code; }

  std::atomic<int> status_{200};
  FakeAdmin admin_;
  PseudoTerminal terminal_;
};

TEST_F(ShuttleCliTerminal, StatusIsATableInColours) {
  const auto status = start({"status"});
  EXPECT_THAT(terminal_.wait_text("\x1b[31mdown\x1b[0m"),
              AllOf(EndsWith("down\x1b[0m"), HasSubstr("SERVICE")));
  EXPECT_EQ(code_of(*status), 0);
}

TEST_F(ShuttleCliTerminal, NoColorMeansNone) {
  const auto status = start({"status"}, {{"NO_COLOR", "1"}});
  EXPECT_EQ(code_of(*status), 0);
  EXPECT_THAT(terminal_.wait_text("down "), AllOf(EndsWith("down "), Not(HasSubstr("\x1b"))));
}

TEST_F(ShuttleCliTerminal, JsonIsThereWhenAskedFor) {
  const auto status = start({"status", "-o", "json"});
  EXPECT_EQ(code_of(*status), 0);
  EXPECT_THAT(terminal_.wait_text("}]}]"), EndsWith("}]}]"));
}

TEST_F(ShuttleCliTerminal, AWatchedStatusIsDrawnAnewUntilQ) {
  const auto status = start({"status", "-w"});
  EXPECT_THAT(terminal_.wait_text(kEnterScreen), EndsWith(kEnterScreen));
  EXPECT_TRUE(wait_until([&] { return admin_.requests().size() >= 2; }));
  EXPECT_FALSE(terminal_.is_cooked());
  terminal_.press("q");
  EXPECT_EQ(code_of(*status), 0);
  EXPECT_THAT(terminal_.wait_text(kLeaveScreen), EndsWith(kLeaveScreen));
  EXPECT_TRUE(terminal_.is_cooked());
}

TEST_F(ShuttleCliTerminal, AWatchGoesOnWhenTheServerIsAwayForAWhile) {
  const auto status = start({"status", "-w"});
  EXPECT_THAT(terminal_.wait_text("SERVICE"), EndsWith("SERVICE"));
  status_ = 500;
  EXPECT_THAT(terminal_.wait_text("shuttle refuses: not now"), EndsWith("not now"));
  status_ = 200;
  EXPECT_THAT(terminal_.wait_text("SERVICE"), EndsWith("SERVICE"));
  terminal_.press("q");
  EXPECT_EQ(code_of(*status), 0);
}

TEST_F(ShuttleCliTerminal, ASignalLeavesTheTerminalAsItWas) {
  for (const auto& [number, code] : {std::pair{SIGINT, 130}, {SIGTERM, 143}, {SIGHUP, 129}}) {
    const auto top = start({"top"});
    EXPECT_THAT(terminal_.wait_text("arrows"), EndsWith("arrows"));
    EXPECT_FALSE(terminal_.is_cooked());
    top->signal(number);
    EXPECT_EQ(code_of(*top), code);
    EXPECT_THAT(terminal_.wait_text(kLeaveScreen), EndsWith(kLeaveScreen));
    EXPECT_TRUE(terminal_.is_cooked());
  }
}

TEST_F(ShuttleCliTerminal, TopSortsAndSelects) {
  const auto top = start({"top"});
  EXPECT_THAT(terminal_.wait_text("2 backends by name"), EndsWith("name"));
  EXPECT_THAT(terminal_.wait_text("\x1b[7mweb      a"), EndsWith("a"));
  terminal_.press("\x1b[B");
  EXPECT_THAT(terminal_.wait_text("\x1b[7mweb      b"), EndsWith("b"));
  terminal_.press("k");
  EXPECT_THAT(terminal_.wait_text("\x1b[7mweb      a"), EndsWith("a"));
  terminal_.press("s");
  EXPECT_THAT(terminal_.wait_text("2 backends by rps"), EndsWith("rps"));
  terminal_.press("s");
  EXPECT_THAT(terminal_.wait_text("2 backends by conns"), EndsWith("conns"));
  const std::string screen = terminal_.wait_text("\x1b[7mweb      a");
  EXPECT_THAT(screen, HasSubstr("web      b"));  // has more, so it is before the other
  terminal_.press("q");
  EXPECT_EQ(code_of(*top), 0);
}

TEST_F(ShuttleCliTerminal, TopDrainsAfterAYes) {
  const auto top = start({"top"});
  EXPECT_THAT(terminal_.wait_text("arrows"), EndsWith("arrows"));
  terminal_.press("d");
  EXPECT_THAT(terminal_.wait_text("drain web/a?"), EndsWith("?"));
  terminal_.press("n");
  terminal_.press("jd");
  EXPECT_THAT(terminal_.wait_text("drain web/b?"), EndsWith("?"));
  terminal_.press("y");
  EXPECT_TRUE(wait_until(
      [&] { return testing::Value(admin_.lines(), Contains("PUT /web/b/_state drain")); }));
  EXPECT_THAT(admin_.lines(), Not(Contains("PUT /web/a/_state drain")));
  terminal_.press("q");
  EXPECT_EQ(code_of(*top), 0);
}

TEST_F(ShuttleCliTerminal, DocumentsCannotSteerTheTerminal) {
  const auto config = start({"config"});
  EXPECT_THAT(terminal_.wait_text("\"}"), HasSubstr("{\"x\": \"\\u009b2J\"}"));
  EXPECT_EQ(code_of(*config), 0);
}

TEST_F(ShuttleCliTerminal, EventsCannotSteerTheTerminal) {
  const auto tail = start({"tail"});
  EXPECT_THAT(terminal_.wait_text("message x?[2J"), EndsWith("message x?[2J"));
  tail->signal(SIGINT);
  EXPECT_EQ(code_of(*tail), 130);
}

}  // namespace
}  // namespace httpteleport::test
