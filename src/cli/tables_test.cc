#include "cli/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/terminal.h"

namespace httpteleport::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<ServiceRow> some_services() {
  service::BackendStats a;
  a.name = "a";
  a.address = "10.0.0.1:80";
  a.status = "up";
  a.active = 3;
  a.received = 1'234'567;
  a.last_error = "refused";
  service::BackendStats b;
  b.name = "b";
  b.address = "10.0.0.2:80";
  b.up = false;
  b.status = "down";
  b.errors = 7;
  ServiceRow web{.name = "web", .address = "127.0.0.1:80", .virtual_hosts = {}, .stats = {}};
  web.stats.backends = {a, b};
  return {web};
}

TEST(Tables, AStatusHasALineForEachServiceAndBackend) {
  EXPECT_EQ(status_table(some_services(), {}),
            "SERVICE  BACKEND  ADDRESS       STATE   ACTIVE  TOTAL  ERR    UP  DOWN\n"
            "web               127.0.0.1:80  1/2 up       0      0    0     0     0\n"
            "         a        10.0.0.1:80   up           3      0    0  1.2M     0\n"
            "         b        10.0.0.2:80   down         0      0    7     0     0\n");
}

TEST(Tables, AWideOneTellsMoreOfBackends) {
  EXPECT_THAT(status_table(some_services(), {}), Not(HasSubstr("refused")));
  EXPECT_THAT(status_table(some_services(), {.wide = true}), HasSubstr("refused"));
}

TEST(Tables, ColorsTakeNoRoom) {
  std::string colored = status_table(some_services(), {.colors = true});
  EXPECT_THAT(colored, HasSubstr("\x1b[31mdown\x1b[0m"));
  for (size_t at = 0; (at = colored.find('\x1b')) != std::string::npos;)
    colored.erase(at, colored.find('m', at) + 1 - at);
  EXPECT_EQ(colored, status_table(some_services(), {}));
}

TEST(Tables, NamesCannotSteerTheTerminal) {
  auto services = some_services();
  services[0].name = "a\x1b[2Jb\xc2\x9b-\n";
  EXPECT_THAT(status_table(services, {}), HasSubstr("a?[2Jb?-?"));
  EXPECT_EQ(printable("ä€"), "ä€");
}

TEST(Tables, DocumentsCannotSteerTheTerminal) {
  EXPECT_EQ(printable_json("{\n  \"a\xc2\x9b\": \"\xc2\x80\xc2\x9f\xc2\xa0\x7f\x1b[2J\"\n}\n"),
            "{\n  \"a\\u009b\": \"\\u0080\\u009f\xc2\xa0\\u007f\\u001b[2J\"\n}\n");
  EXPECT_EQ(printable_json("[\"\xc3\xa4\xe2\x82\xac\"]\xc2"), "[\"\xc3\xa4\xe2\x82\xac\"]\xc2");
}

TEST(Tables, NumbersAreShort) {
  for (const auto& [number, text] : std::vector<std::pair<double, std::string>>{{0, "0"},
                                                                                {999, "999"},
                                                                                {1000, "1.0k"},
                                                                                {9949, "9.9k"},
                                                                                {9960, "10k"},
                                                                                {999'499, "999k"},
                                                                                {999'500, "1.0M"},
                                                                                {0.5, "0.5"},
                                                                                {12.25, "12.2"},
                                                                                {34'000'000, "34M"},
                                                                                {2e18, "2000P"}})
    EXPECT_EQ(short_number(number), text);
}

TEST(Tables, AgesAreShort) {
  for (const auto& [seconds, text] : std::vector<std::pair<int64_t, std::string>>{
           {5, "5s"}, {65, "1m5s"}, {3600, "1h0m"}, {90'000, "1d1h"}})
    EXPECT_EQ(age(1000, 1000 + seconds), text);
  EXPECT_EQ(age(0, 1000), "");
  EXPECT_EQ(age(1000, 900), "0s");
}

TEST(Terminal, CutsToItsSize) {
  EXPECT_EQ(cut_to("abcdef\nxyz\n3\n", {.columns = 3, .rows = 2}), "abc\nxyz");
  EXPECT_EQ(cut_to("\x1b[31mabcd\x1b[0m", {.columns = 3, .rows = 2}), "\x1b[31mabc\x1b[0m");
  EXPECT_EQ(cut_to("äöü", {.columns = 2, .rows = 2}), "äö");
}

}  // namespace
}  // namespace httpteleport::cli
