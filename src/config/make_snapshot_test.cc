#include "config/make_snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "config/load.h"
#include "support/certificates.h"
#include "support/process.h"
#include "teleport/link_choice.h"

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
  Problems problems;
  auto snapshot = make_snapshot(options, problems);
  EXPECT_THAT(problems.errors(), IsEmpty());
  EXPECT_NE(snapshot, nullptr);
  return snapshot;
}

std::vector<std::string> errors_of(const std::function<void(HttptpOptions&)>& change) {
  HttptpOptions options = numeric_options();
  change(options);
  Problems problems;
  EXPECT_EQ(make_snapshot(options, problems), nullptr);
  return problems.errors();
}

net::Address ip_address(const std::string& ip) {
  return net::resolve_connect({ip, 80})->front();
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
  for (const std::string type : {"teleport", "httptp"}) {
    HttptpOptions options = numeric_options();
    options.in_type = options.out_type = type;
    const auto snapshot = snapshot_of(options);
    EXPECT_EQ(snapshot->listener.protocol, ListenerProtocol::kTeleport) << type;
    EXPECT_FALSE(snapshot->tls) << type;
    EXPECT_EQ(snapshot->clusters[0].protocol, upstream::Protocol::kTeleport) << type;
    EXPECT_FALSE(snapshot->clusters[0].tls) << type;
  }
}

TEST(Snapshot, EncryptsLinksAndHttpToEndpoints) {
  for (const std::string type : {"teleports", "httptps", "tepelorts", "https"}) {
    HttptpOptions options = numeric_options();
    options.out_type = type;
    options.out_tls_insecure = true;
    options.out_tls_server_name = "example.com";
    const auto snapshot = snapshot_of(options);
    const upstream::ClusterOptions& cluster = snapshot->clusters[0];
    EXPECT_EQ(cluster.protocol,
              type == "https" ? upstream::Protocol::kHttp1 : upstream::Protocol::kTeleport)
        << type;
    ASSERT_TRUE(cluster.tls) << type;
    EXPECT_EQ(cluster.tls->server_name, "example.com");
    EXPECT_EQ(cluster.tls->trusted, nullptr);
  }
}

TEST(Snapshot, TakesUnixSocketsForEveryType) {
  HttptpOptions options = numeric_options();
  options.out = "unix:/run/a.sock,127.0.0.1:1,unix:@abstract;weight=3";
  const auto snapshot = snapshot_of(options);
  const auto& endpoints = snapshot->clusters[0].endpoints;
  ASSERT_EQ(endpoints.size(), 3u);
  EXPECT_EQ(endpoints[0].addresses[0].to_string(), "unix:/run/a.sock");
  EXPECT_EQ(endpoints[1].addresses[0].to_string(), "127.0.0.1:1");
  EXPECT_EQ(endpoints[2].addresses[0].path(), "@abstract");
  EXPECT_EQ(endpoints[2].weight, 3u);
  options.out_type = "unix";
  options.out = "/run/a.sock,b.sock";
  EXPECT_EQ(snapshot_of(options)->clusters[0].endpoints[1].addresses[0].path(), "b.sock");
}

TEST(Snapshot, TakesWeights) {
  HttptpOptions options = numeric_options();
  options.out = "127.0.0.1:1;weight=1, 127.0.0.1:2 ; weight=256,[::1]:3";
  std::vector<uint32_t> weights;
  const auto snapshot = snapshot_of(options);
  for (const upstream::EndpointOptions& endpoint : snapshot->clusters[0].endpoints)
    weights.push_back(endpoint.weight);
  EXPECT_THAT(weights, ElementsAre(1u, 256u, 1u));
}

TEST(Snapshot, TakesTimeoutsAndRetries) {
  HttptpOptions options = numeric_options();
  options.in_head_timeout = 1s;
  options.in_body_idle_timeout = 2s;
  options.in_keep_alive_timeout = 3s;
  options.in_write_idle_timeout = 4s;
  options.in_handshake_timeout = 5s;
  options.out_timeout = 60s;
  options.out_connect_timeout = 20s;
  options.out_retries = 7;
  options.drain_delay = 6s;
  options.tunnel_idle_timeout = 8s;
  options.in_get_only = true;
  const auto snapshot = snapshot_of(options);
  EXPECT_EQ(snapshot->http1_sessions.head_timeout, 1s);
  EXPECT_EQ(snapshot->http1_sessions.body_idle_timeout, 2s);
  EXPECT_EQ(snapshot->http1_sessions.keep_alive_timeout, 3s);
  EXPECT_EQ(snapshot->http1_sessions.write_idle_timeout, 4s);
  EXPECT_EQ(snapshot->http1_sessions.handshake_timeout, 5s);
  EXPECT_EQ(snapshot->clusters[0].http1.connect_timeout, 20s);
  EXPECT_EQ(snapshot->clusters[0].teleport.connect_timeout, 20s);
  EXPECT_EQ(snapshot->exchanges.retries_max, 7u);
  EXPECT_EQ(snapshot->drain_delay, 6s);
  EXPECT_EQ(snapshot->exchanges.tunnel_idle_timeout, 8s);
  EXPECT_TRUE(snapshot->exchanges.get_only);
  EXPECT_EQ(snapshot->teleport_sessions.handshake_timeout, 3s) << "there is no TLS";
  options.out_timeout = 10s;
  EXPECT_EQ(snapshot_of(options)->clusters[0].http1.connect_timeout, 5s)
      << "another endpoint must still be able to answer";
}

TEST(Snapshot, ListensOnUnixSockets) {
  HttptpOptions options = numeric_options();
  options.in = "unix:/run/a.sock";
  options.in_unix_mode = "0660";
  options.in_type = "teleport";
  EXPECT_EQ(snapshot_of(options)->listener.address.path(), "/run/a.sock");
  EXPECT_EQ(snapshot_of(options)->listener.unix_mode, 0660u);
  options.in_type = "unix";
  options.in = "b.sock";
  EXPECT_EQ(snapshot_of(options)->listener.address.path(), "b.sock");
  EXPECT_EQ(snapshot_of(options)->listener.protocol, ListenerProtocol::kHttp1);
}

TEST(Snapshot, TakesTheVersionOfTheProxyHeader) {
  HttptpOptions options = numeric_options();
  EXPECT_FALSE(snapshot_of(options)->clusters[0].http1.proxy_header);
  options.out_proxy_protocol = "v1";
  EXPECT_EQ(snapshot_of(options)->clusters[0].http1.proxy_header, net::ProxyVersion::kV1);
  options.out_proxy_protocol = "v2";
  EXPECT_EQ(snapshot_of(options)->clusters[0].http1.proxy_header, net::ProxyVersion::kV2);
  EXPECT_EQ(snapshot_of(options)->clusters[0].teleport.proxy_header, net::ProxyVersion::kV2);
}

TEST(Snapshot, TakesWhatIsLogged) {
  HttptpOptions options = numeric_options();
  options.log_file = "some.log";
  options.log_format = "logfmt";
  options.log_level = "error";
  options.log_all_errors = true;
  options.access_log = "-";
  options.access_log_format = "json";
  options.request_id_header = "X-Request-Id";
  const auto snapshot = snapshot_of(options);
  EXPECT_EQ(snapshot->log.file, "some.log");
  EXPECT_EQ(snapshot->log.format, LogFormat::kLogfmt);
  EXPECT_EQ(snapshot->log.level, LogLevel::kError);
  EXPECT_TRUE(snapshot->log_all_errors);
  EXPECT_EQ(snapshot->access_log.file, "-");
  EXPECT_EQ(snapshot->access_log.format, proxy::AccessLogFormat::kJson);
  EXPECT_EQ(snapshot->exchanges.forwarding.request_id_field, "X-Request-Id");
}

TEST(Snapshot, IsSummedUpInALine) {
  HttptpOptions options = numeric_options();
  options.out = "127.0.0.1:1,[::1]:2";
  EXPECT_EQ(summary(options, *snapshot_of(options)),
            "ok: http at 127.0.0.1:8080, 0 certificates; teleport to 2 endpoints with 2 addresses");
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

TEST(Snapshot, LinksSpeakWhatTheirFlagsSay) {
  using Method = teleport::v2::EncoderOptions::Method;
  HttptpOptions options = numeric_options();
  auto snapshot = snapshot_of(options);
  EXPECT_TRUE(snapshot->teleport_sessions.versions.v0);
  EXPECT_TRUE(snapshot->teleport_sessions.versions.v2);
  const upstream::TeleportOptions* out = &snapshot->clusters[0].teleport;
  EXPECT_TRUE(out->versions.v0 && out->versions.v2);
  EXPECT_EQ(out->v2.secret_fields, teleport::v2::EncoderOptions{}.secret_fields);
  EXPECT_EQ(out->v2.hello.tables, teleport::v2::kNormalTables);

  options.out_protocol = "v2";
  options.out_compress = "zstd:7";
  options.in_compress = "snappy";
  options.link_memory = "large";
  options.link_secret_headers = "Cookie, X-Token";
  options.link_plain_bodies = "/login, /media/";
  options.concurrency = 12345;
  snapshot = snapshot_of(options);
  const proxy::TeleportSessionOptions& in = snapshot->teleport_sessions;
  EXPECT_FALSE(in.versions.v2) << "snappy is v0's";
  EXPECT_THAT(snapshot->exchanges.plain_body_paths, testing::ElementsAre("/login", "/media/"));
  out = &snapshot->clusters[0].teleport;
  EXPECT_TRUE(out->versions.v2 && !out->versions.v0);
  EXPECT_EQ(out->v2.method, Method::kZstd);
  EXPECT_EQ(out->v2.level, 7);
  for (const teleport::V2Options* v2 : {&in.v2, &out->v2}) {
    EXPECT_EQ(v2->hello.tables, teleport::v2::kLargeTables);
    EXPECT_THAT(v2->secret_fields, testing::ElementsAre("cookie", "x-token"));
  }
  EXPECT_EQ(in.v2.hello.streams, 12345u);

  options.out_protocol = "v0";
  options.out_compress = options.in_compress = "none";
  options.link_secret_headers = "";
  options.in_protocol = "v2";
  snapshot = snapshot_of(options);
  EXPECT_FALSE(snapshot->teleport_sessions.versions.v0);
  EXPECT_EQ(snapshot->teleport_sessions.v2.method, Method::kNone);
  EXPECT_THAT(snapshot->teleport_sessions.v2.secret_fields, testing::IsEmpty());
  EXPECT_FALSE(snapshot->clusters[0].teleport.versions.v2);
}

const std::string kCodings(teleport::kCodingsAccepted);

TEST(Snapshot, SaysInOneLineWhatIsWrongWithAValueAndWhatIsAccepted) {
  struct {
    std::function<void(HttptpOptions&)> change;
    std::string error;
  } const kCases[] = {
      {[](auto& o) { o.in_type = ""; },
       "-inType=\"\": http, https, unix, teleport and teleports are accepted"},
      {[](auto& o) { o.out_type = "Http"; },
       "-outType=\"Http\": http, https, unix, teleport and teleports are accepted"},
      {[](auto& o) { o.in_compress = "gzip"; }, "-inCompress=\"gzip\": " + kCodings},
      {[](auto& o) { o.out_compress = "flate:0"; }, "-outCompress=\"flate:0\": " + kCodings},
      {[](auto& o) { o.out_compress = "zstd:20"; }, "-outCompress=\"zstd:20\": " + kCodings},
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
      {[](auto& o) { o.expvar_address = "unix:/run/x"; },
       "-expvarAddr=\"unix:/run/x\": host:port, :port or [ipv6]:port is accepted"},
      {[](auto& o) { o.out_type = "unix"; },
       "-out=\"127.0.0.1:8043\": the path of a unix socket is accepted, because the type is unix"},
      {[](auto& o) { o.out = "unix:"; }, "-out=\"unix:\": the path of a unix socket is empty"},
      {[](auto& o) { o.out = "127.0.0.1:1;weight=0"; },
       "-out=\"127.0.0.1:1;weight=0\": only ;weight=1 to ;weight=256 may follow an address"},
      {[](auto& o) { o.out = "127.0.0.1:1;weight=257"; },
       "-out=\"127.0.0.1:1;weight=257\": only ;weight=1 to ;weight=256 may follow an address"},
      {[](auto& o) { o.out = "127.0.0.1:1;"; },
       "-out=\"127.0.0.1:1;\": only ;weight=1 to ;weight=256 may follow an address"},
      {[](auto& o) { o.out = "127.0.0.1:1;wait=2"; },
       "-out=\"127.0.0.1:1;wait=2\": only ;weight=1 to ;weight=256 may follow an address"},
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
              ElementsAre("-inType=\"x\": http, https, unix, teleport and teleports are accepted",
                          "-concurrency=\"-3\": a number from 1 to 100000000 is accepted",
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

// Writes a certificate for localhost and its key into the folder.
void make_certificate(const std::string& folder, const std::string& name,
                      const std::vector<std::string>& key = {"ec", "-pkeyopt",
                                                             "ec_paramgen_curve:P-256"}) {
  std::vector<std::string> command = {"/usr/bin/openssl", "req", "-x509", "-newkey"};
  command.insert(command.end(), key.begin(), key.end());
  for (const std::string& argument :
       {std::string("-nodes"), std::string("-subj"), "/CN=" + name, std::string("-days"),
        std::string("2"), std::string("-keyout"), folder + "/" + name + ".key", std::string("-out"),
        folder + "/" + name + ".pem"}) {
    command.push_back(argument);
  }
  test::Process openssl(command);
  const auto status = openssl.wait_exit();
  ASSERT_TRUE(status && status->code == 0) << openssl.output();
}

class SnapshotWithFiles : public testing::Test {
 protected:
  SnapshotWithFiles() {
    std::string pattern = testing::TempDir() + "/snapshotXXXXXX";
    folder_ = mkdtemp(pattern.data());
    make_certificate(folder_, "one");
    make_certificate(folder_, "two");
  }
  ~SnapshotWithFiles() override { std::filesystem::remove_all(folder_); }

  const std::string& folder() const { return folder_; }
  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name)) << text;
    return file(name);
  }
  HttptpOptions tls_options(const std::string& type) const {
    HttptpOptions options = numeric_options();
    options.in_type = type;
    options.in_tls_cert = file("one.pem") + ", " + file("two.pem");
    options.in_tls_key = file("one.key") + ", " + file("two.key");
    return options;
  }

 private:
  std::string folder_;
};

TEST_F(SnapshotWithFiles, EncryptsWhatIsTaken) {
  using Answer = tls::CertificateProvider::Answer;
  for (const std::string type : {"https", "teleports", "httptps", "tepelorts"}) {
    const auto snapshot = snapshot_of(tls_options(type));
    EXPECT_EQ(snapshot->listener.protocol,
              type == "https" ? ListenerProtocol::kHttp1 : ListenerProtocol::kTeleport);
    ASSERT_TRUE(snapshot->tls) << type;
    EXPECT_TRUE(snapshot->teleport_sessions.tls_required);
    EXPECT_EQ(snapshot->teleport_sessions.handshake_timeout, 10s);
    EXPECT_EQ(snapshot->tls->client_cas, nullptr);
    const auto found = snapshot->tls->certificates->find("two");
    ASSERT_EQ(found.answer, Answer::kReady);
    EXPECT_TRUE(found.certificate->matches("two"));
  }
  HttptpOptions options = tls_options("teleports");
  options.in_allow_plaintext = true;
  options.in_tls_client_ca = file("one.pem");
  const auto snapshot = snapshot_of(options);
  EXPECT_FALSE(snapshot->teleport_sessions.tls_required);
  EXPECT_NE(snapshot->tls->client_cas, nullptr);
  EXPECT_FALSE(snapshot_of(tls_options("http"))->tls) << "only where the type asks for it";
}

TEST_F(SnapshotWithFiles, VerifiesAndShowsCertificatesToEndpoints) {
  HttptpOptions options = numeric_options();
  options.out_type = "https";
  options.out_tls_ca = file("one.pem");
  options.out_tls_cert = file("two.pem");
  options.out_tls_key = file("two.key");
  const auto snapshot = snapshot_of(options);
  ASSERT_TRUE(snapshot->clusters[0].tls);
  EXPECT_NE(snapshot->clusters[0].tls->trusted, nullptr);
  ASSERT_NE(snapshot->clusters[0].tls->certificate, nullptr);
  EXPECT_TRUE(snapshot->clusters[0].tls->certificate->matches("two"));
}

TEST_F(SnapshotWithFiles, SaysWhichFileIsWrong) {
  HttptpOptions options = tls_options("https");
  options.in_tls_key = file("two.key") + "," + file("none");
  options.in_tls_client_ca = file("one.key");
  options.out_type = "teleports";
  options.out_tls_ca = file("none");
  options.out_tls_cert = file("one.pem");
  options.out_tls_key = file("two.key");
  Problems problems;
  EXPECT_EQ(make_snapshot(options, problems), nullptr);
  const std::string mismatch =
      "\": the private key does not belong to the certificate (key file \"" + file("two.key") +
      "\")";
  ASSERT_EQ(problems.errors().size(), 5u) << testing::PrintToString(problems.errors());
  EXPECT_EQ(problems.errors()[0], "-inTLSCert=\"" + file("one.pem") + mismatch);
  EXPECT_THAT(problems.errors()[1], testing::HasSubstr("No such file or directory"));
  EXPECT_TRUE(problems.errors()[2].starts_with("-inTLSClientCA=\"" + file("one.key")));
  EXPECT_TRUE(problems.errors()[3].starts_with("-outTLSCA=\"" + file("none")));
  EXPECT_EQ(problems.errors()[4], "-outTLSCert=\"" + file("one.pem") + mismatch);
}

// In a handshake OpenSSL would refuse them.
TEST_F(SnapshotWithFiles, RefusesCertificatesThatNoHandshakeCanUse) {
  make_certificate(folder(), "short", {"rsa:1024"});
  HttptpOptions options = tls_options("https");
  options.in_tls_cert = options.out_tls_cert = file("short.pem");
  options.in_tls_key = options.out_tls_key = file("short.key");
  options.out_type = "https";
  options.out_tls_insecure = true;
  Problems problems;
  EXPECT_EQ(make_snapshot(options, problems), nullptr);
  ASSERT_EQ(problems.errors().size(), 2u) << testing::PrintToString(problems.errors());
  EXPECT_THAT(problems.errors()[0], testing::HasSubstr("short.pem\": the key of the certificate is "
                                                       "too short"));
  EXPECT_TRUE(problems.errors()[1].starts_with("-outTLSCert="));
}

TEST_F(SnapshotWithFiles, WarnsOfCertificatesThatAreNotValidNow) {
  const test::TestCa ca("root");
  const auto warnings_of = [&](const test::CertificateRequest& request) {
    const test::Pem pem = ca.issue(request);
    HttptpOptions options = tls_options("https");
    options.in_tls_cert = write("now.pem", pem.certificate);
    options.in_tls_key = write("now.key", pem.key);
    Problems problems;
    EXPECT_NE(make_snapshot(options, problems), nullptr);
    return problems.warnings();
  };
  EXPECT_THAT(warnings_of({.names = {"a"}}), IsEmpty());
  EXPECT_THAT(warnings_of({.names = {"a"}, .not_before = -2h, .valid_for = 1h}),
              ElementsAre(testing::HasSubstr("-inTLSCert: the certificate in " + file("now.pem") +
                                             " expired on ")));
  EXPECT_THAT(warnings_of({.names = {"a"}, .not_before = 1h}),
              ElementsAre(testing::HasSubstr(" is not valid before ")));
}

TEST(Snapshot, ObtainsTheCertificatesThatItIsNotGiven) {
  HttptpOptions options = numeric_options();
  options.in_type = "https";
  const auto snapshot = snapshot_of(options);
  ASSERT_NE(snapshot->autocert, nullptr);
  EXPECT_EQ(snapshot->tls->certificates, snapshot->autocert);
  EXPECT_EQ(errors_of([](HttptpOptions& o) {
              o.in_type = "https";
              o.autocert_http_address = "80";
              o.autocert_ca_file = "/none";
              o.autocert_host_regexp = "(";
            }).size(),
            3u);
}

TEST(Snapshot, KeepsWhatTheRunningOneHasMade) {
  HttptpOptions options = numeric_options();
  options.in_type = "https";
  const auto running = snapshot_of(options);
  Problems problems;
  const auto next = make_snapshot(options, problems, running.get());
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->autocert, running->autocert);
  EXPECT_EQ(next->tls->ticket_keys, running->tls->ticket_keys);
  options.in_tls_ticket_key = "secret";
  EXPECT_NE(make_snapshot(options, problems, running.get())->tls->ticket_keys,
            running->tls->ticket_keys);
}

// Looking a name up again would hold the reload up, and a name server that is down would prevent
// it.
TEST(Snapshot, KeepsTheAddressesOfNamesThatAreInForce) {
  HttptpOptions options = numeric_options();
  options.out = "127.0.0.1:8043,name.invalid:80";
  options.in = options.expvar_address = "other.invalid:80";
  Snapshot running;
  running.listener.address = running.admin_address.emplace(ip_address("127.0.0.8"));
  running.clusters.emplace_back().endpoints.push_back(
      {.name = "name.invalid:80;weight=2",
       .addresses = {ip_address("127.0.0.9"), ip_address("::1")},
       .lookup = net::HostPort{"name.invalid", 80}});
  Problems problems;
  const auto next = make_snapshot(options, problems, &running);
  ASSERT_NE(next, nullptr) << testing::PrintToString(problems.errors());
  ASSERT_EQ(next->clusters[0].endpoints.size(), 2u);
  const upstream::EndpointOptions& kept = next->clusters[0].endpoints[1];
  EXPECT_EQ(kept.addresses, running.clusters[0].endpoints[0].addresses);
  EXPECT_TRUE(kept.lookup);
  EXPECT_EQ(kept.weight, 1u);
  EXPECT_EQ(next->listener.address, running.listener.address);
  EXPECT_EQ(next->admin_address, running.admin_address);
}

TEST(Snapshot, DoesNotBeginToObtainCertificatesInARunningProcess) {
  HttptpOptions options = numeric_options();
  options.in_type = "https";
  const Snapshot reading;
  Problems problems;
  EXPECT_EQ(make_snapshot(options, problems, &reading), nullptr);
  EXPECT_THAT(
      problems.errors(),
      ElementsAre("-inTLSCert: to obtain certificates, or to read them instead, takes a restart"));
}

TEST(Snapshot, TakesBalancingQueueAndAccess) {
  HttptpOptions options = numeric_options();
  options.workers = 2;
  options.out_balance = "hash:X-User";
  options.out_check = "/ok";
  options.out_check_interval = 7s;
  options.out_slow_start = 8s;
  options.out_eject_failures = 3;
  options.out_eject_ratio_percent = 30;
  options.out_eject_share_percent = 40;
  options.out_retry_budget_percent = 10;
  options.out_try_timeout = 1s;
  options.out_total_timeout = 9s;
  options.out_requests_max = 5;
  options.queue_size = 10;
  options.queue_timeout = 2s;
  options.in_allow_ip = "127.0.0.2, 10.0.0.0/8";
  options.in_proxy_protocol = "v2";
  options.in_proxy_protocol_from = "::1";
  options.pid_file = "/run/pid";
  const auto snapshot = snapshot_of(options);
  const upstream::ClusterOptions& cluster = snapshot->clusters[0];
  EXPECT_EQ(cluster.balancer.policy, upstream::Policy::kHash);
  EXPECT_EQ(cluster.balancer.hash_field, "X-User");
  EXPECT_EQ(cluster.check.path, "/ok");
  EXPECT_EQ(cluster.check.interval, 7s);
  EXPECT_EQ(cluster.ejection.slow_start, 8s);
  EXPECT_EQ(cluster.ejection.failures_max, 3u);
  EXPECT_EQ(cluster.ejection.ratio_percent_max, 30u);
  EXPECT_EQ(cluster.ejection.share_percent_max, 40u);
  EXPECT_EQ(cluster.pending_max, 3u) << "shared out over the workers";
  EXPECT_EQ(snapshot->exchanges.retry_budget.percent, 10u);
  EXPECT_EQ(snapshot->exchanges.try_timeout, 1s);
  EXPECT_EQ(snapshot->exchanges.total_timeout, 9s);
  EXPECT_EQ(snapshot->exchanges.queue.length_max, 5u);
  EXPECT_EQ(snapshot->exchanges.queue.timeout, 2s);
  const auto allows = [&](const char* ip) {
    return snapshot->listener.allow.contains(net::resolve_connect({ip, 1})->front());
  };
  EXPECT_TRUE(allows("10.1.2.3"));
  EXPECT_FALSE(allows("127.0.0.1"));
  EXPECT_TRUE(snapshot->listener.proxy_versions.v2);
  EXPECT_FALSE(snapshot->listener.proxy_versions.v1);
  EXPECT_FALSE(snapshot->listener.proxy_senders.is_empty());
  EXPECT_EQ(snapshot->pid_file, "/run/pid");
}

}  // namespace
}  // namespace httpteleport::config
