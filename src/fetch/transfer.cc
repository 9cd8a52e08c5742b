#include "fetch/transfer.h"

#include <fcntl.h>

#include <utility>

#include "base/assert.h"

namespace httpteleport::fetch {

namespace {

// A turn ends sooner by data or by cancel().
constexpr int kTurn_ms = 1000;

// Programs started meanwhile (an upgrade) must not inherit it.
int close_on_exec(void*, curl_socket_t socket, curlsocktype) {
  fcntl(socket, F_SETFD, FD_CLOEXEC);
  return CURL_SOCKOPT_OK;
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

}  // namespace

UrlPtr parse_url(const std::string& text) {
  UrlPtr url(curl_url(), curl_url_cleanup);
  if (url && curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) url.reset();
  return url;
}

std::string url_part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  std::string copy = text;
  curl_free(text);
  return copy;
}

Transfer::Transfer() {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  multi_ = curl_multi_init();
  easy_ = curl_easy_init();
  HT_ASSERT(initialised == CURLE_OK && multi_ != nullptr && easy_ != nullptr);
}

Transfer::~Transfer() {
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_);
}

CURL* Transfer::prepare(const std::string& url, const Options& options) {
  curl_easy_reset(easy_);
  body_.clear();
  body_bytes_max_ = options.body_bytes_max;
  curl_easy_setopt(easy_, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  if (!options.use_proxies) curl_easy_setopt(easy_, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  // A resolver that hangs must not hold up the end of the process.
  curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options.connect_timeout.count()));
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(options.request_timeout.count()));
  curl_easy_setopt(easy_, CURLOPT_SOCKOPTFUNCTION, close_on_exec);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  return easy_;
}

size_t Transfer::take_body(char* data, size_t size, size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (size * count > transfer.body_bytes_max_ - transfer.body_.size()) return 0;
  transfer.body_.append(data, size * count);
  return size * count;
}

Result<std::string> Transfer::run() {
  curl_multi_add_handle(multi_, easy_);
  CURLcode code = CURLE_ABORTED_BY_CALLBACK;
  while (!cancelled_ && !turn(code))
    curl_multi_poll(multi_, nullptr, 0, kTurn_ms, nullptr);
  curl_multi_remove_handle(multi_, easy_);
  if (cancelled_ || code != CURLE_OK) return error_of(code, cancelled_);
  return std::exchange(body_, {});
}

bool Transfer::turn(CURLcode& code) {
  int running = 0;
  if (curl_multi_perform(multi_, &running) != CURLM_OK) return true;
  int left = 0;
  const CURLMsg* message = curl_multi_info_read(multi_, &left);
  if (message == nullptr) return false;
  code = message->data.result;
  return true;
}

std::string Transfer::header(const char* name) const {
  curl_header* found = nullptr;
  if (curl_easy_header(easy_, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK) return {};
  return found->value;
}

long Transfer::status() const {
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

std::string Transfer::redirect() const {
  const char* url = nullptr;
  curl_easy_getinfo(easy_, CURLINFO_REDIRECT_URL, &url);
  return url != nullptr ? url : "";
}

void Transfer::cancel() {
  cancelled_ = true;
  curl_multi_wakeup(multi_);
}

}  // namespace httpteleport::fetch
