#include "config/httptp_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace httpteleport::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

// The defaults, but with numeric addresses: no name is resolved here.
HttptpOptions numeric_options() {
  HttptpOptions options;
  options.expvar_address = "";
  options.workers = 2;
  return options;
}

std::shared_ptr<const Snapshot> snapshot_of(const HttptpOptions& options) {
  std::vector<std::string> errors;
  auto snapshot = make_snapshot(options, errors);
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_NE(snapshot, nullptr);
  return snapshot;
}

std::vector<std::string> errors_of(const std::function<void(HttptpOptions&)>& change) {
  HttptpOptions options = numeric_options();
  change(options);
  std::vector<std::string> errors;
  EXPECT_EQ(make_snapshot(options, errors), nullptr);
  return errors;
}

TEST(HttptpOptions, HasTheGoProgramsDefaults) {
  HttptpOptions options;
  GoFlags flags;
  add_httptp_flags(options, flags);
  const std::string usage = flags.usage();
  struct {
    std::string_view flag;
    std::string_view shown;  // behind the help text; empty: the type's zero
  } const kDefaults[] = {
      {"-in string", "(default 127.0.0.1:8080)"},
      {"-inType string", "(default http)"},
      {"-inDelay duration", ""},
      {"-inCompress string", "(default flate)"},
      {"-inMaxHeaderSize int", "(default 4096)"},
      {"-inMaxBodySize int", "(default 4194304)"},
      {"-reusePort", ""},
      {"-out string", "(default 127.0.0.1:8043)"},
      {"-outType string", "(default teleport)"},
      {"-outDelay duration", ""},
      {"-outCompress string", "(default flate)"},
      {"-outMaxHeaderSize int", "(default 4096)"},
      {"-outTimeout duration", "(default 3s)"},
      {"-outConnsPerAddr int", "(default 1)"},
      {"-concurrency int", "(default 100000)"},
      {"-clientIPHeader string", ""},
      {"-expvarAddr string", "(default localhost:8040)"},
  };
  for (const auto& row : kDefaults) {
    const size_t begin = usage.find("  " + std::string(row.flag) + "\n");
    ASSERT_NE(begin, std::string::npos) << row.flag;
    const size_t help = usage.find("    \t", begin);
    const std::string line = usage.substr(help, usage.find('\n', help) - help);
    if (row.shown.empty()) {
      EXPECT_EQ(line.find("(default"), std::string::npos) << line;
    } else {
      EXPECT_TRUE(line.ends_with(row.shown)) << line;
    }
  }
}

TEST(HttptpOptions, BindsEveryFlagToItsOption) {
  HttptpOptions o;
  GoFlags flags;
  add_httptp_flags(o, flags);
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

TEST(Snapshot, FollowsFromTheDefaults) {
  const auto snapshot = snapshot_of(numeric_options());
  EXPECT_EQ(snapshot->workers, 2u);
  EXPECT_EQ(snapshot->listener.protocol, ListenerProtocol::kHttp1);
  EXPECT_EQ(snapshot->listener.address.to_string(), "127.0.0.1:8080");
  EXPECT_FALSE(snapshot->listener.shared_with_others);
  EXPECT_FALSE(snapshot->admin_address);
  ASSERT_EQ(snapshot->clusters.size(), 1u);
  const upstream::ClusterOptions& cluster = snapshot->clusters[0];
  EXPECT_EQ(cluster.protocol, upstream::Protocol::kTeleport);
  ASSERT_EQ(cluster.endpoints.size(), 1u);
  EXPECT_EQ(cluster.endpoints[0].name, "127.0.0.1:8043");
  EXPECT_EQ(cluster.teleport.compression.method, compress::Method::kFlate);
  EXPECT_EQ(cluster.teleport.pending_max, 100'000u);
  EXPECT_EQ(snapshot->http1_sessions.head_limits.head_bytes_max, 4096u);
  EXPECT_EQ(snapshot->teleport_sessions.compression.method, compress::Method::kFlate);
  EXPECT_EQ(snapshot->exchanges.exchanges_max, 50'000u);
  EXPECT_EQ(snapshot->exchanges.request_body_bytes_max, 4u * 1024 * 1024);
  EXPECT_EQ(snapshot->exchanges.response_timeout, 3s);
  EXPECT_EQ(snapshot->shutdown_timeout, 10s);
}

TEST(Snapshot, HasAWorkerForEachCoreUnlessTold) {
  HttptpOptions options = numeric_options();
  options.workers = 0;
  EXPECT_GE(snapshot_of(options)->workers, 1u);
}

TEST(Snapshot, KnowsTheOldNamesOfTeleport) {
  for (const std::string type : {"teleport", "httptp", "tepelorts"}) {
    HttptpOptions options = numeric_options();
    options.in_type = options.out_type = type;
    const auto snapshot = snapshot_of(options);
    EXPECT_EQ(snapshot->listener.protocol, ListenerProtocol::kTeleport) << type;
    EXPECT_EQ(snapshot->clusters[0].protocol, upstream::Protocol::kTeleport) << type;
  }
  HttptpOptions options = numeric_options();
  options.out_type = "http";
  EXPECT_EQ(snapshot_of(options)->clusters[0].protocol, upstream::Protocol::kHttp1);
}

TEST(Snapshot, TakesSeveralEndpoints) {
  HttptpOptions options = numeric_options();
  options.out = "127.0.0.1:1, 127.0.0.2:2,,[::1]:3,:4";
  const auto snapshot = snapshot_of(options);
  std::vector<std::string> names;
  std::vector<std::string> addresses;
  for (const upstream::EndpointOptions& endpoint : snapshot->clusters[0].endpoints) {
    names.push_back(endpoint.name);
    ASSERT_EQ(endpoint.addresses.size(), 1u);
    addresses.push_back(endpoint.addresses[0].to_string());
  }
  EXPECT_THAT(names, ElementsAre("127.0.0.1:1", "127.0.0.2:2", "[::1]:3", ":4"));
  EXPECT_THAT(addresses, ElementsAre("127.0.0.1:1", "127.0.0.2:2", "[::1]:3", "127.0.0.1:4"));
}

TEST(Snapshot, TakesIpv6Everywhere) {
  HttptpOptions options = numeric_options();
  options.in = "[::1]:80";
  options.expvar_address = "[2001:db8::1]:0";
  const auto snapshot = snapshot_of(options);
  EXPECT_EQ(snapshot->listener.address.to_string(), "[::1]:80");
  ASSERT_TRUE(snapshot->admin_address);
  EXPECT_EQ(snapshot->admin_address->to_string(), "[2001:db8::1]:0");
}

TEST(Snapshot, SharesLinksAndRequestsOutOverTheWorkers) {
  HttptpOptions options = numeric_options();
  options.workers = 4;
  options.out_connections = 6;
  options.concurrency = 10;
  const auto snapshot = snapshot_of(options);
  EXPECT_EQ(snapshot->clusters[0].teleport.links, 2u);
  EXPECT_EQ(snapshot->exchanges.exchanges_max, 3u);
}

TEST(Snapshot, KnowsTheCompressions) {
  struct {
    std::string_view text;
    compress::Method method;
    int level;
  } const kCases[] = {
      {"none", compress::Method::kNone, 1},     {"snappy", compress::Method::kSnappy, 1},
      {"flate", compress::Method::kFlate, 1},   {"flate:1", compress::Method::kFlate, 1},
      {"flate:6", compress::Method::kFlate, 6}, {"flate:9", compress::Method::kFlate, 9},
  };
  for (const auto& c : kCases) {
    HttptpOptions options = numeric_options();
    options.in_compress = options.out_compress = c.text;
    const auto snapshot = snapshot_of(options);
    for (const compress::Settings& settings :
         {snapshot->teleport_sessions.compression, snapshot->clusters[0].teleport.compression}) {
      EXPECT_EQ(settings.method, c.method) << c.text;
      EXPECT_EQ(settings.level, c.level) << c.text;
    }
  }
}

TEST(Snapshot, SaysInOneLineWhatIsWrongWithAValueAndWhatIsAccepted) {
  struct {
    std::function<void(HttptpOptions&)> change;
    std::string_view error;
  } const kCases[] = {
      {[](auto& o) { o.in_type = "https"; }, "-inType=\"https\": http and teleport are accepted"},
      {[](auto& o) { o.in_type = ""; }, "-inType=\"\": http and teleport are accepted"},
      {[](auto& o) { o.out_type = "Http"; }, "-outType=\"Http\": http and teleport are accepted"},
      {[](auto& o) { o.in_compress = "gzip"; },
       "-inCompress=\"gzip\": none, flate, flate:1 to flate:9, and snappy are accepted"},
      {[](auto& o) { o.out_compress = "flate:0"; },
       "-outCompress=\"flate:0\": none, flate, flate:1 to flate:9, and snappy are accepted"},
      {[](auto& o) { o.out_compress = "flate:10"; },
       "-outCompress=\"flate:10\": none, flate, flate:1 to flate:9, and snappy are accepted"},
      {[](auto& o) { o.in = "8080"; },
       "-in=\"8080\": no port; host:port, :port or [ipv6]:port is accepted"},
      {[](auto& o) { o.in = ""; },
       "-in=\"\": no port; host:port, :port or [ipv6]:port is accepted"},
      {[](auto& o) { o.in = "::1:8080"; },
       "-in=\"::1:8080\": an IPv6 address goes in brackets: [ipv6]:port"},
      {[](auto& o) { o.in = "127.0.0.1:65536"; },
       "-in=\"127.0.0.1:65536\": the port is not a number from 0 to 65535"},
      {[](auto& o) { o.in = "127.0.0.1:"; },
       "-in=\"127.0.0.1:\": the port is not a number from 0 to 65535"},
      {[](auto& o) { o.in = "127.0.0.1:+80"; },
       "-in=\"127.0.0.1:+80\": the port is not a number from 0 to 65535"},
      {[](auto& o) { o.expvar_address = "127.0.0.1:x"; },
       "-expvarAddr=\"127.0.0.1:x\": the port is not a number from 0 to 65535"},
      {[](auto& o) { o.out = ""; }, "-out=\"\": at least one host:port is needed"},
      {[](auto& o) { o.out = " , ,"; }, "-out=\" , ,\": at least one host:port is needed"},
      {[](auto& o) { o.out = "127.0.0.1"; },
       "-out=\"127.0.0.1\": no port; host:port, :port or [ipv6]:port is accepted"},
      {[](auto& o) { o.out = "127.0.0.1:1,127.0.0.1:-2"; },
       "-out=\"127.0.0.1:-2\": the port is not a number from 0 to 65535"},
      {[](auto& o) { o.in_header_bytes_max = 255; },
       "-inMaxHeaderSize=\"255\": a number from 256 to 1048576 is accepted"},
      {[](auto& o) { o.in_header_bytes_max = 1048577; },
       "-inMaxHeaderSize=\"1048577\": a number from 256 to 1048576 is accepted"},
      {[](auto& o) { o.out_header_bytes_max = -1; },
       "-outMaxHeaderSize=\"-1\": a number from 256 to 1048576 is accepted"},
      {[](auto& o) { o.in_body_bytes_max = -1; },
       "-inMaxBodySize=\"-1\": a number from 0 to 9223372036854775807 is accepted"},
      {[](auto& o) { o.out_body_bytes_max = (int64_t{1} << 30) + 1; },
       "-outMaxBodySize=\"1073741825\": a number from 0 to 1073741824 is accepted"},
      {[](auto& o) { o.out_connections = 0; },
       "-outConnsPerAddr=\"0\": a number from 1 to 1024 is accepted"},
      {[](auto& o) { o.concurrency = 0; },
       "-concurrency=\"0\": a number from 1 to 100000000 is accepted"},
      {[](auto& o) { o.buffer_bytes_max = (1 << 20) - 1; },
       "-maxMemory=\"1048575\": a number from 1048576 to 9223372036854775807 is accepted"},
      {[](auto& o) { o.client_ip_header = "X-Ip: 1\r\nY"; },
       "-clientIPHeader=\"X-Ip: 1\r\nY\": letters, digits and !#$%&'*+-.^_`|~ are accepted"},
      {[](auto& o) { o.via = "a b"; },
       "-via=\"a b\": letters, digits and !#$%&'*+-.^_`|~ are accepted"},
      {[](auto& o) { o.workers = -1; }, "-workers=\"-1\": a number from 0 to 256 is accepted"},
      {[](auto& o) { o.workers = 257; }, "-workers=\"257\": a number from 0 to 256 is accepted"},
      {[](auto& o) { o.in_delay = -5ms; },
       "-inDelay=\"-5ms\": a duration of 0 or more is accepted"},
      {[](auto& o) { o.out_delay = -1ns; },
       "-outDelay=\"-1ns\": a duration of 0 or more is accepted"},
      {[](auto& o) { o.out_timeout = 0s; }, "-outTimeout=\"0s\": a duration above 0 is accepted"},
      {[](auto& o) { o.out_idle_timeout = -3s; },
       "-outIdleTimeout=\"-3s\": a duration above 0 is accepted"},
      {[](auto& o) { o.shutdown_timeout = -1s; },
       "-shutdownTimeout=\"-1s\": a duration of 0 or more is accepted"},
  };
  for (const auto& c : kCases)
    EXPECT_THAT(errors_of(c.change), ElementsAre(std::string(c.error)));
}

TEST(Snapshot, SaysAllThatIsWrongAtOnce) {
  EXPECT_THAT(errors_of([](HttptpOptions& o) {
                o.in_type = "x";
                o.out = "a,127.0.0.1:1,b";
                o.concurrency = -3;
              }),
              ElementsAre("-concurrency=\"-3\": a number from 1 to 100000000 is accepted",
                          "-inType=\"x\": http and teleport are accepted",
                          "-out=\"a\": no port; host:port, :port or [ipv6]:port is accepted",
                          "-out=\"b\": no port; host:port, :port or [ipv6]:port is accepted"));
}

TEST(Snapshot, AcceptsTheEdgesOfItsRanges) {
  HttptpOptions options = numeric_options();
  options.in_header_bytes_max = options.out_header_bytes_max = 256;
  options.in_body_bytes_max = options.out_body_bytes_max = 0;
  options.out_connections = 1024;
  options.concurrency = 1;
  options.workers = 256;
  options.out_timeout = options.out_idle_timeout = 1ns;
  options.in_delay = options.out_delay = options.shutdown_timeout = 0ns;
  const auto snapshot = snapshot_of(options);
  EXPECT_EQ(snapshot->exchanges.exchanges_max, 1u);
  EXPECT_EQ(snapshot->clusters[0].teleport.links, 4u);
  options.in_header_bytes_max = options.out_header_bytes_max = 1024 * 1024;
  options.in_body_bytes_max = INT64_MAX;
  options.out_body_bytes_max = int64_t{1} << 30;
  options.concurrency = 100'000'000;
  snapshot_of(options);
}

}  // namespace
}  // namespace httpteleport::config
