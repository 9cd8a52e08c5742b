#include "acme/http_client.h"

#include <arpa/inet.h>
#include <fcntl.h>

#include <algorithm>

#include "acme/base64url.h"
#include "base/assert.h"

namespace httpteleport::acme {

namespace {

constexpr size_t kUrlBytesMax = 2048;
constexpr size_t kNonceBytesMax = 512;
// A turn ends sooner by data or by cancel().
constexpr int kTurn_ms = 1000;

using UrlPtr = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;
using HeadersPtr = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

std::string url_part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  std::string copy = text;
  curl_free(text);
  return copy;
}

bool is_loopback(const std::string& host) {
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) == 1) return ntohl(address.s_addr) >> 24 == 127;
  return host == "localhost" || host == "[::1]";
}

enum class Trust { kNone, kLoopback, kHttps };

Trust trust_in(const std::string& text) {
  const UrlPtr url(curl_url(), curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK)
    return Trust::kNone;
  const std::string scheme = url_part(url.get(), CURLUPART_SCHEME);
  if (scheme != "https" && scheme != "http") return Trust::kNone;
  if (is_loopback(url_part(url.get(), CURLUPART_HOST))) return Trust::kLoopback;
  return scheme == "https" ? Trust::kHttps : Trust::kNone;
}

size_t take_body(char* data, size_t size, size_t count, void* body) {
  auto& text = *static_cast<std::string*>(body);
  if (size * count > HttpClient::kBodyBytesMax - text.size()) return 0;
  text.append(data, size * count);
  return size * count;
}

// Programs started meanwhile (an upgrade) must not inherit it.
int close_on_exec(void*, curl_socket_t socket, curlsocktype) {
  fcntl(socket, F_SETFD, FD_CLOEXEC);
  return CURL_SOCKOPT_OK;
}

std::string header(CURL* easy, const char* name) {
  curl_header* found = nullptr;
  if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK) return {};
  return found->value;
}

Error error_of(CURLcode code, bool cancelled) {
  const char* detail = curl_easy_strerror(code);  // static text
  if (cancelled) return {Code::kCancelled, Source::kInternal, 0, "given up"};
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return {Code::kTimeout, Source::kUpstream, 0, detail};
    case CURLE_WRITE_ERROR:
      return {Code::kBodyTooLarge, Source::kUpstream, 0, "the answer is too large"};
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return {Code::kConnectFailed, Source::kUpstream, 0, detail};
    default:
      return {Code::kConnectionLost, Source::kUpstream, 0, detail};
  }
}

HttpReply reply_of(CURL* easy) {
  HttpReply reply;
  curl_off_t retry_after_s = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply.status);
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after_s);
  reply.retry_after = std::chrono::seconds(std::max<curl_off_t>(retry_after_s, 0));
  reply.location = header(easy, "Location");
  reply.replay_nonce = header(easy, "Replay-Nonce");
  if (reply.replay_nonce.size() > kNonceBytesMax || !is_base64url(reply.replay_nonce))
    reply.replay_nonce.clear();
  return reply;
}

}  // namespace

HttpClient::HttpClient(Options options) : options_(std::move(options)) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  multi_ = curl_multi_init();
  easy_ = curl_easy_init();
  HT_ASSERT(initialised == CURLE_OK && multi_ != nullptr && easy_ != nullptr);
}

HttpClient::~HttpClient() {
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_);
}

bool HttpClient::accepts(const std::string& url) {
  if (url.size() > kUrlBytesMax) return false;
  const bool plain = std::all_of(
      url.begin(), url.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; });
  return plain && trust_in(url) != Trust::kNone;
}

Result<HttpReply> HttpClient::get(const std::string& url) {
  curl_easy_reset(easy_);
  return run(url);
}

Result<HttpReply> HttpClient::head(const std::string& url) {
  curl_easy_reset(easy_);
  curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
  return run(url);
}

Result<HttpReply> HttpClient::post(const std::string& url, const std::string& body) {
  const HeadersPtr headers(curl_slist_append(nullptr, "Content-Type: application/jose+json"),
                           curl_slist_free_all);
  curl_easy_reset(easy_);
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  return run(url);
}

Result<HttpReply> HttpClient::run(const std::string& url) {
  if (!accepts(url)) return Error{Code::kUnsupported, Source::kUpstream, 0, "not an https address"};
  std::string body;
  curl_easy_setopt(easy_, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  // Nothing of this machine goes through a proxy that the environment names.
  if (trust_in(url) == Trust::kLoopback) curl_easy_setopt(easy_, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy_, CURLOPT_USERAGENT, "httpteleport-acme");
  curl_easy_setopt(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options_.ca_file.empty()) {
    curl_easy_setopt(easy_, CURLOPT_CAINFO, options_.ca_file.c_str());
    curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  // A resolver that hangs must not hold up the end of the process.
  curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options_.connect_timeout.count()));
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.request_timeout.count()));
  curl_easy_setopt(easy_, CURLOPT_SOCKOPTFUNCTION, close_on_exec);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &body);
  curl_multi_add_handle(multi_, easy_);
  CURLcode code = CURLE_ABORTED_BY_CALLBACK;
  while (!cancelled_ && !turn(code))
    curl_multi_poll(multi_, nullptr, 0, kTurn_ms, nullptr);
  curl_multi_remove_handle(multi_, easy_);
  if (cancelled_ || code != CURLE_OK) return error_of(code, cancelled_);
  HttpReply reply = reply_of(easy_);
  reply.body = std::move(body);
  return reply;
}

bool HttpClient::turn(CURLcode& code) {
  int running = 0;
  if (curl_multi_perform(multi_, &running) != CURLM_OK) return true;
  int left = 0;
  const CURLMsg* message = curl_multi_info_read(multi_, &left);
  if (message == nullptr) return false;
  code = message->data.result;
  return true;
}

void HttpClient::cancel() {
  cancelled_ = true;
  curl_multi_wakeup(multi_);
}

}  // namespace httpteleport::acme
