#include "config/httptp_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "config/environment.h"

namespace httpteleport::config {
namespace {

using namespace std::chrono_literals;
using Kind = GoFlags::Kind;

class HttptpFlags : public testing::Test {
 protected:
  HttptpFlags() { add_httptp_flags(options, flags); }

  HttptpOptions options;
  GoFlags flags;
};

TEST_F(HttptpFlags, HaveTheGoProgramsNamesAndDefaults) {
  struct {
    std::string_view name;
    std::string_view value;
  } const kGo[] = {
      {"in", "127.0.0.1:8080"},
      {"inType", "http"},
      {"inDelay", "0s"},
      {"inGetOnly", "false"},
      {"inMaxHeaderSize", "4096"},
      {"inMaxBodySize", "4194304"},
      {"inAllowIP", ""},
      {"inTLSCert", ""},
      {"inTLSKey", ""},
      {"inTLSSessionTicketKey", ""},
      {"autocertCacheDir", "autocert-cache"},
      {"autocertHostRegexp", "^.*$"},
      {"reusePort", "false"},
      {"out", "127.0.0.1:8043"},
      {"outType", "teleport"},
      {"outDelay", "0s"},
      {"outMaxHeaderSize", "4096"},
      {"outTimeout", "3s"},
      {"outConnsPerAddr", "1"},
      {"concurrency", "100000"},
      {"clientIPHeader", ""},
      {"logAllErrors", "false"},
      {"expvarAddr", "localhost:8040"},
  };
  for (const auto& row : kGo) {
    const GoFlags::Flag* flag = flags.find(row.name);
    ASSERT_NE(flag, nullptr) << row.name;
    EXPECT_EQ(flag->default_text, row.value) << row.name;
  }
}

// Where the Go program has flate, which it gets here too: it speaks v0 only.
TEST_F(HttptpFlags, ChooseTheBestThatBothEndsOfALinkKnow) {
  for (const char* name : {"inProtocol", "inCompress", "outProtocol", "outCompress"})
    EXPECT_EQ(flags.find(name)->default_text, "auto") << name;
}

// A value that no other flag has, of the flag's kind.
std::string value_for(const GoFlags::Flag& flag, size_t index) {
  switch (flag.kind) {
    case Kind::kInt:
      return std::to_string(1'000'000 + index);
    case Kind::kBool:
      return "true";
    case Kind::kDuration:
      return std::to_string(index) + "h0m1s";
    case Kind::kMilliseconds:
      return std::to_string(index);
    case Kind::kString:
    case Kind::kStrings:
      break;
  }
  return "text" + std::to_string(index);
}

// Each flag changes one field, and no two the same.
TEST_F(HttptpFlags, AreBoundToFieldsOfTheirOwn) {
  std::set<const void*> fields;
  for (size_t i = 0; i < flags.all().size(); ++i) {
    const GoFlags::Flag& flag = flags.all()[i];
    EXPECT_TRUE(fields.insert(flag.value).second) << flag.info.name;
    const std::string value = value_for(flag, i);
    ASSERT_EQ(flags.parse({"-" + std::string(flag.info.name) + "=" + value}), GoFlags::Outcome::kOk)
        << flags.error();
  }
  for (size_t i = 0; i < flags.all().size(); ++i)
    EXPECT_EQ(flags.all()[i].text(), value_for(flags.all()[i], i)) << flags.all()[i].info.name;
}

TEST_F(HttptpFlags, HaveFieldsWithTheirNames) {
  ASSERT_EQ(flags.parse({"-in=a",           "-inType=b",           "-inDelay=1ms",
                         "-inCompress=c",   "-inMaxHeaderSize=1",  "-inMaxBodySize=2",
                         "-out=d",          "-outType=e",          "-outDelay=2ms",
                         "-outCompress=f",  "-outMaxHeaderSize=3", "-outMaxBodySize=4",
                         "-outTimeout=3ms", "-outIdleTimeout=4ms", "-outConnsPerAddr=5",
                         "-concurrency=6",  "-clientIPHeader=g",   "-xForwarded",
                         "-via=h",          "-reusePort",          "-expvarAddr=i",
                         "-maxMemory=8",    "-workers=7",          "-shutdownTimeout=5ms"}),
            GoFlags::Outcome::kOk)
      << flags.error();
  const HttptpOptions& o = options;
  EXPECT_EQ(o.in + o.in_type + o.in_compress + o.out + o.out_type + o.out_compress +
                o.client_ip_header + o.via + o.expvar_address,
            "abcdefghi");
  EXPECT_EQ(o.in_header_bytes_max, 1);
  EXPECT_EQ(o.in_body_bytes_max, 2);
  EXPECT_EQ(o.out_header_bytes_max, 3);
  EXPECT_EQ(o.out_body_bytes_max, 4);
  EXPECT_EQ(o.out_connections, 5);
  EXPECT_EQ(o.concurrency, 6);
  EXPECT_EQ(o.workers, 7);
  EXPECT_EQ(o.buffer_bytes_max, 8);
  EXPECT_EQ(o.in_delay, 1ms);
  EXPECT_EQ(o.out_delay, 2ms);
  EXPECT_EQ(o.out_timeout, 3ms);
  EXPECT_EQ(o.out_idle_timeout, 4ms);
  EXPECT_EQ(o.shutdown_timeout, 5ms);
  EXPECT_TRUE(o.x_forwarded);
  EXPECT_TRUE(o.reuse_port);
}

TEST_F(HttptpFlags, AreAllInTheHelpUnderTheirGroup) {
  for (const GoFlags::Flag& flag : flags.all()) {
    EXPECT_STRNE(flag.group, "") << flag.info.name;
    EXPECT_STRNE(flag.info.help, "") << flag.info.name;
    EXPECT_EQ(flag.kind == Kind::kBool, *flag.info.placeholder == '\0')
        << flag.info.name << ": a switch has no placeholder, all else has one";
  }
}

TEST_F(HttptpFlags, HaveAVariableEach) {
  std::set<std::string> names;
  for (const GoFlags::Flag& flag : flags.all()) {
    const std::string name = environment_name(flag.info.name);
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace httpteleport::config
