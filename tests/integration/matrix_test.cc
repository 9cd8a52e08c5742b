// Every protocol of -in with every protocol of -out: the same requests get the same answers,
// through clients and servers that are not ours where there are some: curl, openssl, nginx.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "integration/topology.h"
#include "support/certificates.h"
#include "support/command.h"
#include "support/curl.h"
#include "support/nginx.h"
#include "support/origin.h"
#include "support/temporary_folder.h"

namespace httpteleport::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::StartsWith;

// Links are v2, but for kTeleportV0.
enum class End : uint8_t { kHttp, kHttps, kUnix, kTeleport, kTeleports, kTeleportV0 };

std::string flag_of(End end) {
  constexpr const char* kNames[] = {"http", "https", "unix", "teleport", "teleports", "teleport"};
  return kNames[static_cast<size_t>(end)];
}

bool is_link(End end) {
  return end == End::kTeleport || end == End::kTeleports || end == End::kTeleportV0;
}

// The name in every certificate beside 127.0.0.1.
constexpr const char* kName = "site.test";
constexpr const char* kPageTarget = "/bytes/40000?seed=3";

Content page() {
  return Content::bytes(40000, 3);
}

// One certification authority, and files of what it has signed.
class Certificates {
 public:
  Certificates() : pem_(ca_.issue({.names = {kName}, .ips = {"127.0.0.1"}})) {
    folder_.write("ca.pem", ca_.pem());
    folder_.write("cert.pem", pem_.certificate);
    folder_.write("key.pem", pem_.key);
  }
  const Pem& pem() const { return pem_; }
  std::string ca_file() const { return folder_.file("ca.pem"); }
  // Whoever is asked for TLS shows this; nothing for the types without TLS.
  Flags in_flags(End in) const {
    if (in != End::kHttps && in != End::kTeleports) return {};
    return {"-inTLSCert=" + folder_.file("cert.pem"), "-inTLSKey=" + folder_.file("key.pem")};
  }
  Flags out_flags(End out) const {
    if (out != End::kHttps && out != End::kTeleports) return {};
    return {"-outTLSCA=" + ca_file()};
  }

 private:
  TestCa ca_{"matrix"};
  Pem pem_;
  TemporaryFolder folder_;
};

// Patient enough for a slow machine.
Flags types(End in, End out) {
  Flags flags = {"-inType=" + flag_of(in), "-outType=" + flag_of(out), "-outTimeout=20s"};
  const auto protocol = [](End end) { return end == End::kTeleportV0 ? "v0" : "v2"; };
  if (is_link(in)) flags.push_back(std::string("-inProtocol=") + protocol(in));
  if (is_link(out)) flags.push_back(std::string("-outProtocol=") + protocol(out));
  return flags;
}

// nginx in front of the origin: it answers what it can by itself and passes the rest on.
std::unique_ptr<Nginx> start_nginx(const Origin& origin, const Pem& certificate) {
  const std::string pass = "proxy_pass http://" + origin.address().text() + "; ";
  auto nginx = std::make_unique<Nginx>(
      Nginx::Options{.certificate = certificate,
                     .server = "location /bytes/ { root .; }\n"
                               "location = /status/204 { return 204; }\n"
                               "location = /status/500 { return 500 \"status 500\\n\"; }\n"
                               "location / { client_max_body_size 2m; proxy_http_version 1.1;\n"
                               "  proxy_request_buffering off; proxy_buffering off; " +
                               pass + "}\n"});
  std::filesystem::create_directory(nginx->folder().file("bytes"));
  nginx->folder().write("bytes/40000", page().to_string());
  return nginx;
}

// What stands behind the proxy of one -outType. It answers as Origin does.
class Backend {
 public:
  Backend(End out, const Certificates& certificates) {
    const bool is_unix = out == End::kUnix;
    origin_.emplace(Origin::Options{.unix_path = is_unix ? folder_.file("origin") : ""});
    if (out == End::kHttps) nginx_ = start_nginx(*origin_, certificates.pem());
    if (!is_link(out)) return;
    far_.emplace(types(out, End::kHttp) + certificates.in_flags(out) +
                 Flags{"-in=127.0.0.1:0", "-out=" + origin_->address().text()});
  }

  Address address() const {
    if (nginx_) return nginx_->address();
    return far_ ? far_->address() : origin_->address();
  }
  // From here on it refuses.
  void stop() {
    if (nginx_) {
      EXPECT_EQ(nginx_->stop().code, 0) << nginx_->output();
    }
    far_.reset();
    nginx_.reset();
    origin_.reset();
  }

 private:
  TemporaryFolder folder_;
  std::optional<Origin> origin_;
  std::unique_ptr<Nginx> nginx_;
  std::optional<RunningHttptp> far_;
};

class Matrix : public testing::TestWithParam<std::tuple<End, End>> {
 protected:
  End in() const { return std::get<0>(GetParam()); }
  End out() const { return std::get<1>(GetParam()); }

  void SetUp() override {
    backend_.emplace(out(), certificates_);
    const std::string listen = in() == End::kUnix ? folder_.file("proxy") : "127.0.0.1:0";
    proxy_.emplace(types(in(), out()) + certificates_.in_flags(in()) +
                   certificates_.out_flags(out()) +
                   Flags{"-in=" + listen, "-out=" + backend_->address().text()});
    ASSERT_TRUE(proxy_->started());
    if (is_link(in())) {
      Flags flags = {"-in=127.0.0.1:0", "-out=" + proxy_->address().text()};
      // The other links ask for the address.
      if (in() == End::kTeleports) flags.push_back("-outTLSServerName=" + std::string(kName));
      near_.emplace(types(End::kHttp, in()) + certificates_.out_flags(in()) + flags);
      ASSERT_TRUE(near_->started());
    }
    make_client();
    upload_ = folder_.write("upload", Content::bytes(1 << 20, 5).to_string());
  }
  // Before what it is connected to, so that nothing is left to drain.
  void TearDown() override {
    near_.reset();
    proxy_.reset();
  }

  void make_client() {
    const Address address = near_ ? near_->address() : proxy_->address();
    const std::string port = std::to_string(address.port);
    if (in() == End::kHttps) {
      client_.emplace("https://" + (kName + (":" + port)),
                      Flags{"--cacert", certificates_.ca_file(), "--resolve",
                            kName + (":" + port) + ":127.0.0.1"});
    } else if (in() == End::kUnix) {
      client_.emplace("http://" + std::string(kName), Flags{"--unix-socket", address.unix_path});
    } else {
      client_.emplace("http://" + address.text());
    }
  }

  // Expects an answer of that status and returns it.
  Curl::Answer ask(int status, const std::string& target, const Flags& flags = {}) {
    const Curl::Answer answer = client_->ask(target, flags);
    EXPECT_EQ(answer.exit_code, 0) << target << ": " << answer.problems;
    EXPECT_EQ(answer.head.status, status) << target << ": " << answer.body.substr(0, 200);
    return answer;
  }

  void expect_answers();
  void expect_uploads();
  void expect_answer_to_openssl();
  void expect_refusal();

  Certificates certificates_;
  TemporaryFolder folder_;
  std::optional<Backend> backend_;
  std::optional<RunningHttptp> proxy_;
  std::optional<RunningHttptp> near_;
  std::optional<Curl> client_;
  std::string upload_;
};

void Matrix::expect_answers() {
  // A v0 link carries bodies whole, with their length, and in answer to HEAD no length at all.
  const bool streamed = in() != End::kTeleportV0 && out() != End::kTeleportV0;
  EXPECT_TRUE(ask(200, kPageTarget).body == page().to_string());
  const Curl::Answer head = ask(200, kPageTarget, {"--head"});
  EXPECT_EQ(head.head.find("Content-Length").value_or("none"), streamed ? "40000" : "none");
  const Curl::Answer empty = ask(204, "/status/204");
  EXPECT_THAT(empty.body, IsEmpty());
  EXPECT_FALSE(empty.head.find("Content-Length"));
  EXPECT_EQ(ask(500, "/status/500").body, "status 500\n");
  const Curl::Answer chunked = ask(200, "/chunked/300000?seed=4");
  EXPECT_TRUE(chunked.body == Content::json(300000, 4).to_string());
  EXPECT_EQ(chunked.head.has_token("Transfer-Encoding", "chunked"), streamed);
}

void Matrix::expect_uploads() {
  const std::string sent = Content::bytes(1 << 20, 5).to_string();
  EXPECT_TRUE(ask(200, "/echo", {"--data-binary", "@" + upload_}).body == sent);
  const Flags chunked = {"--data-binary", "@" + upload_, "-H", "Transfer-Encoding: chunked"};
  EXPECT_TRUE(ask(200, "/echo", chunked).body == sent);
}

void Matrix::expect_answer_to_openssl() {
  const std::string request = folder_.write("request",
                                            "GET /status/404 HTTP/1.1\r\nHost: site.test\r\n"
                                            "Connection: close\r\n\r\n");
  const CommandResult result =
      run_command({"/usr/bin/openssl", "s_client", "-connect", proxy_->address().text(),
                   "-servername", kName, "-CAfile", certificates_.ca_file(), "-verify_hostname",
                   kName, "-verify_return_error", "-quiet"},
                  request);
  EXPECT_EQ(result.status.code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("HTTP/1.1 404 "));
  EXPECT_THAT(result.output, HasSubstr("status 404\n"));
}

void Matrix::expect_refusal() {
  backend_->stop();
  const Curl::Answer answer = ask(502, kPageTarget);
  EXPECT_THAT(answer.body, MatchesRegex("[^\n]+\n"));
  EXPECT_THAT(answer.head.find("Content-Type").value_or(""), StartsWith("text/plain"));
}

TEST_P(Matrix, CarriesRequestsAndAnswers) {
  expect_answers();
  expect_uploads();
  if (in() == End::kHttps) expect_answer_to_openssl();
  expect_refusal();
}

std::string combination_name(const testing::TestParamInfo<std::tuple<End, End>>& info) {
  std::string in = flag_of(std::get<0>(info.param));
  std::string out = flag_of(std::get<1>(info.param));
  in[0] = static_cast<char>(std::toupper(in[0]));
  out[0] = static_cast<char>(std::toupper(out[0]));
  if (std::get<0>(info.param) == End::kTeleportV0) in += "V0";
  if (std::get<1>(info.param) == End::kTeleportV0) out += "V0";
  return in + "To" + out;
}

constexpr End kEnds[] = {End::kHttp,     End::kHttps,     End::kUnix,
                         End::kTeleport, End::kTeleports, End::kTeleportV0};

INSTANTIATE_TEST_SUITE_P(All, Matrix,
                         testing::Combine(testing::ValuesIn(kEnds), testing::ValuesIn(kEnds)),
                         combination_name);

}  // namespace
}  // namespace httpteleport::test
