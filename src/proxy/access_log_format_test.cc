#include "proxy/access_log_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace httpteleport::proxy {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

constexpr timespec kNow{.tv_sec = 1'795'253'571, .tv_nsec = 7'900'000};

ExchangeRecord whole_record() {
  ExchangeRecord record;
  record.client_ip = "10.0.0.1";
  record.client_port = 5123;
  record.request_id = "0123456789abcdef0123456789abcdef";
  record.method = "POST";
  record.target = "/a?b=c";
  record.host = "example.org";
  record.user_agent = "agent/1.0 (x) y";
  record.referer = "http://example.org/";
  record.status = 200;
  record.body_bytes_in = 17;
  record.body_bytes_out = 1234;
  record.duration = 12'345us;
  record.upstream_head_after = 7ms;
  record.upstream = "server1:80";
  record.attempts = 2;
  return record;
}

std::string format(const ExchangeRecord& record, AccessLogFormat as) {
  std::vector<char> memory(kAccessLineBytesMax);
  LineWriter line({memory.data(), memory.size()});
  AccessTime time(as);
  format_access_line(line, record, kNow, time);
  EXPECT_TRUE(line.did_fit());
  return std::string(line.text());
}

TEST(AccessLogFormat, WritesTheCombinedFormAndThenPairs) {
  EXPECT_THAT(
      format(whole_record(), AccessLogFormat::kText),
      MatchesRegex("10\\.0\\.0\\.1 - - "
                   "\\[[0-9]{2}/Nov/2026:[0-9]{2}:[0-9]{2}:51 [-+][0-9]{4}\\] "
                   "\"POST /a\\?b=c HTTP/1\\.1\" 200 1234 \"http://example\\.org/\" "
                   "\"agent/1\\.0 \\(x\\) y\" request_id=0123456789abcdef0123456789abcdef "
                   "client_port=5123 host=example\\.org protocol=http/1\\.1 bytes_in=17 "
                   "duration_ms=12\\.345 upstream_ms=7\\.000 upstream=server1:80 attempts=2 "
                   "error=- error_detail=-\n"));
}

TEST(AccessLogFormat, WritesOneJsonObjectALine) {
  const std::string line = format(whole_record(), AccessLogFormat::kJson);
  EXPECT_EQ(line,
            R"({"time":"2026-11-21T09:32:51.007Z","client_ip":"10.0.0.1","client_port":5123,)"
            R"("request_id":"0123456789abcdef0123456789abcdef","method":"POST","target":"/a?b=c",)"
            R"("host":"example.org","protocol":"http/1.1","user_agent":"agent/1.0 (x) y",)"
            R"("referer":"http://example.org/","status":200,"error":null,"error_detail":null,)"
            R"("bytes_in":17,"bytes_out":1234,"duration_ms":12.345,"upstream_ms":7.000,)"
            R"("upstream":"server1:80","attempts":2})"
            "\n");
  EXPECT_TRUE(nlohmann::json::accept(line));
}

TEST(AccessLogFormat, ShowsWhatIsNotKnown) {
  ExchangeRecord record;
  record.status = 400;
  record.failure = Error{Code::kMalformed, Source::kDownstream, 0, "not HTTP"};
  EXPECT_THAT(
      format(record, AccessLogFormat::kText),
      MatchesRegex("- - - \\[.*\\] \"-\" 400 0 \"-\" \"-\" request_id=- client_port=0 host=- "
                   "protocol=http/1.1 bytes_in=0 duration_ms=0.000 upstream_ms=- "
                   "upstream=- attempts=0 error=malformed error_detail=\"not HTTP\"\n"));
  const auto line = nlohmann::json::parse(format(record, AccessLogFormat::kJson));
  for (const char* key : {"client_ip", "method", "target", "host", "upstream", "upstream_ms"})
    EXPECT_TRUE(line[key].is_null()) << key;
  EXPECT_EQ(line["error"], "malformed");
  EXPECT_EQ(line["error_detail"], "not HTTP");
}

TEST(AccessLogFormat, TellsLinksAndHttp10) {
  ExchangeRecord record = whole_record();
  record.version_minor = 0;
  EXPECT_THAT(format(record, AccessLogFormat::kText), HasSubstr("HTTP/1.0\""));
  EXPECT_THAT(format(record, AccessLogFormat::kText), HasSubstr("protocol=http/1.0 "));
  record.came_over_link = true;
  EXPECT_THAT(format(record, AccessLogFormat::kText), HasSubstr("protocol=teleport "));
  EXPECT_EQ(nlohmann::json::parse(format(record, AccessLogFormat::kJson))["protocol"], "teleport");
}

TEST(AccessLogFormat, LetsNobodyForgeALineOrAField) {
  const std::string evil =
      "x\" 200 0 \"-\" \"-\" status=200\n10.9.9.9 - - [] \"GET / HTTP/1.1\"\r\x1b[2J\xff\\";
  ExchangeRecord record = whole_record();
  record.method = record.target = record.host = record.user_agent = record.referer = evil;
  record.request_id = evil;
  for (const AccessLogFormat as : {AccessLogFormat::kText, AccessLogFormat::kJson}) {
    const std::string line = format(record, as);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_THAT(line, Not(HasSubstr("x\" 200")));
    EXPECT_EQ(line.find_first_of("\r\x1b\xff"), std::string::npos);
  }
  const auto line = nlohmann::json::parse(format(record, AccessLogFormat::kJson));
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(line["target"], evil.substr(0, evil.size() - 2) + "\\xff\\");
}

TEST(AccessLogFormat, BoundsEveryValueAndWithThemTheLine) {
  const std::string longest(100'000, '\x01');
  ExchangeRecord record = whole_record();
  record.client_ip = record.request_id = record.method = record.target = record.host = longest;
  record.user_agent = record.referer = record.upstream = longest;
  record.failure = Error{Code::kTimeout, Source::kUpstream, 0, longest.c_str()};
  record.client_port = UINT16_MAX;
  record.body_bytes_in = record.body_bytes_out = record.attempts = UINT64_MAX;
  record.duration = Duration::max();
  record.upstream_head_after = Duration::max();
  for (const AccessLogFormat as : {AccessLogFormat::kText, AccessLogFormat::kJson}) {
    const std::string line = format(record, as);
    EXPECT_LE(line.size(), kAccessLineBytesMax);
    EXPECT_THAT(line, EndsWith("\n"));
  }
  EXPECT_TRUE(nlohmann::json::accept(format(record, AccessLogFormat::kJson)));
}

TEST(AccessTime, FollowsTheClock) {
  AccessTime time(AccessLogFormat::kJson);
  EXPECT_EQ(time.text(kNow.tv_sec), "2026-11-21T09:32:51");
  EXPECT_EQ(time.text(kNow.tv_sec), "2026-11-21T09:32:51");
  EXPECT_EQ(time.text(kNow.tv_sec + 1), "2026-11-21T09:32:52");
}

}  // namespace
}  // namespace httpteleport::proxy
