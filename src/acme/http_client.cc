#include "acme/http_client.h"

#include <arpa/inet.h>

#include <algorithm>

#include "acme/base64url.h"

namespace httpteleport::acme {

namespace {

constexpr size_t kUrlBytesMax = 2048;
constexpr size_t kNonceBytesMax = 512;

bool is_loopback(const std::string& host) {
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) == 1) return ntohl(address.s_addr) >> 24 == 127;
  return host == "localhost" || host == "[::1]";
}

enum class Trust { kNone, kLoopback, kHttps };

Trust trust_in(const std::string& text) {
  const fetch::UrlPtr url = fetch::parse_url(text);
  if (!url) return Trust::kNone;
  const std::string scheme = fetch::url_part(url.get(), CURLUPART_SCHEME);
  if (scheme != "https" && scheme != "http") return Trust::kNone;
  if (is_loopback(fetch::url_part(url.get(), CURLUPART_HOST))) return Trust::kLoopback;
  return scheme == "https" ? Trust::kHttps : Trust::kNone;
}

HttpReply reply_of(const fetch::Transfer& transfer, CURL* easy) {
  HttpReply reply;
  curl_off_t retry_after_s = 0;
  reply.status = transfer.status();
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after_s);
  reply.retry_after = std::chrono::seconds(std::max<curl_off_t>(retry_after_s, 0));
  reply.location = transfer.header("Location");
  reply.replay_nonce = transfer.header("Replay-Nonce");
  if (reply.replay_nonce.size() > kNonceBytesMax || !is_base64url(reply.replay_nonce))
    reply.replay_nonce.clear();
  return reply;
}

}  // namespace

bool HttpClient::accepts(const std::string& url) {
  if (url.size() > kUrlBytesMax) return false;
  const bool plain = std::all_of(
      url.begin(), url.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; });
  return plain && trust_in(url) != Trust::kNone;
}

Result<HttpReply> HttpClient::get(const std::string& url) {
  return run(prepare(url));
}

Result<HttpReply> HttpClient::head(const std::string& url) {
  CURL* easy = prepare(url);
  if (easy != nullptr) curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  return run(easy);
}

Result<HttpReply> HttpClient::post(const std::string& url, const std::string& body) {
  const fetch::HeadersPtr headers(curl_slist_append(nullptr, "Content-Type: application/jose+json"),
                                  curl_slist_free_all);
  CURL* easy = prepare(url);
  if (easy != nullptr) {
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  }
  return run(easy);
}

CURL* HttpClient::prepare(const std::string& url) {
  if (!accepts(url)) return nullptr;
  // Nothing of this machine goes through a proxy that the environment names.
  CURL* easy = transfer_.prepare(url, {.body_bytes_max = kBodyBytesMax,
                                       .connect_timeout = options_.connect_timeout,
                                       .request_timeout = options_.request_timeout,
                                       .use_proxies = trust_in(url) != Trust::kLoopback});
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "httpteleport-acme");
  if (!options_.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, options_.ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  }
  return easy;
}

Result<HttpReply> HttpClient::run(CURL* easy) {
  if (easy == nullptr)
    return Error{Code::kUnsupported, Source::kUpstream, 0, "not an https address"};
  Result<std::string> body = transfer_.run();
  if (!body) return body.error();
  HttpReply reply = reply_of(transfer_, easy);
  reply.body = *std::move(body);
  return reply;
}

}  // namespace httpteleport::acme
