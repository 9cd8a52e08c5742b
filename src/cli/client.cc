#include "cli/client.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/assert.h"

namespace httpteleport::cli {

namespace {

using HeadersPtr = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

constexpr const char* kDefaultPort = "9090";

HeadersPtr with_header(HeadersPtr headers, const std::string& line) {
  curl_slist* list = curl_slist_append(headers.get(), line.c_str());
  HT_ASSERT(list != nullptr);
  static_cast<void>(headers.release());
  return {list, curl_slist_free_all};
}

size_t take_body(char* data, size_t size, size_t count, void* body) {
  auto& text = *static_cast<std::string*>(body);
  if (size * count > Client::kBodyBytesMax - text.size()) return 0;
  text.append(data, size * count);
  return size * count;
}

struct Stream {
  CURL* easy;
  const std::function<void(std::string_view)>& on_bytes;
  std::string refusal;  // the body of an answer that is no stream
};

size_t take_stream(char* data, size_t size, size_t count, void* context) {
  constexpr size_t kRefusalBytesMax = 64 * 1024;
  auto& stream = *static_cast<Stream*>(context);
  long status = 0;
  curl_easy_getinfo(stream.easy, CURLINFO_RESPONSE_CODE, &status);
  if (status == 200) {
    stream.on_bytes({data, size * count});
  } else {
    stream.refusal.append(data, std::min(size * count, kRefusalBytesMax - stream.refusal.size()));
  }
  return size * count;
}

// Names may not bring another part of a URL in.
bool is_authority(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c != '\x7f' && std::string_view("/?#@\\").find(c) == std::string_view::npos;
  });
}

std::string reason_of(CURL* easy, CURLcode code) {
  long number = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
  if (code == CURLE_COULDNT_CONNECT && number != 0) return std::strerror(static_cast<int>(number));
  if (code == CURLE_GOT_NOTHING) return "it closed the connection without an answer";
  return curl_easy_strerror(code);
}

}  // namespace

std::optional<AdminAddress> AdminAddress::parse(const std::string& text) {
  if (text.starts_with('/')) return AdminAddress{.unix_path = text, .authority = "localhost"};
  if (text.starts_with("unix:")) {
    if (text.size() == 5) return std::nullopt;
    return AdminAddress{.unix_path = text.substr(5), .authority = "localhost"};
  }
  std::string authority = text.starts_with("http://") ? text.substr(7) : text;
  if (authority.ends_with('/')) authority.pop_back();
  if (!is_authority(authority)) return std::nullopt;
  if (authority.starts_with(':')) authority.insert(0, "127.0.0.1");
  const size_t colon = authority.rfind(':');
  const size_t bracket = authority.rfind(']');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || bracket < colon);
  if (!has_port) authority.append(":").append(kDefaultPort);
  return AdminAddress{.unix_path = {}, .authority = authority};
}

Client::Client(Options options) : options_(std::move(options)) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  easy_ = curl_easy_init();
  HT_ASSERT(easy_ != nullptr);
}

Client::~Client() {
  curl_easy_cleanup(easy_);
  curl_global_cleanup();
}

void Client::prepare() {
  curl_easy_reset(easy_);
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);  // ".." is a name like any other
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(easy_, CURLOPT_NOPROXY, "*");  // whatever http_proxy says
  curl_easy_setopt(easy_, CURLOPT_USERAGENT, "shuttle-cli");
  curl_easy_setopt(easy_, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(kBodyBytesMax));
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(options_.timeout).count();
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, std::max<long>(timeout, 1));
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, std::max<long>(timeout, 1));
  if (!options_.address.unix_path.empty())
    curl_easy_setopt(easy_, CURLOPT_UNIX_SOCKET_PATH, options_.address.unix_path.c_str());
}

Reply Client::run(const std::string& path, curl_slist* more_headers) {
  HeadersPtr headers(more_headers, curl_slist_free_all);
  // Bodies go at once: a server of our own does not send 100 in vain.
  headers = with_header(std::move(headers), "Expect:");
  if (!options_.token.empty())
    headers = with_header(std::move(headers), "Authorization: Bearer " + options_.token);
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy_, CURLOPT_URL, ("http://" + options_.address.authority + path).c_str());

  const CURLcode code = curl_easy_perform(easy_);
  Reply reply;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &reply.status);
  reply.reached = code == CURLE_OK;
  reply.timed_out = code == CURLE_OPERATION_TIMEDOUT;
  reply.too_large = code == CURLE_WRITE_ERROR || code == CURLE_FILESIZE_EXCEEDED;
  if (!reply.reached) reply.error = reason_of(easy_, code);
  curl_header* etag = nullptr;
  if (curl_easy_header(easy_, "ETag", 0, CURLH_HEADER, -1, &etag) == CURLHE_OK)
    reply.etag = etag->value;
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, nullptr);
  return reply;
}

Reply Client::get(const std::string& path) {
  prepare();
  std::string body;
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &body);
  Reply reply = run(path, nullptr);
  reply.body = std::move(body);
  return reply;
}

Reply Client::change(const char* method, const std::string& path, const std::string& body) {
  prepare();
  std::string answer;
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, method);
  curl_slist* headers = nullptr;
  if (!body.empty()) {
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    headers = curl_slist_append(nullptr, "Content-Type: application/json");
  }
  Reply reply = run(path, headers);
  reply.body = std::move(answer);
  return reply;
}

Reply Client::follow(const std::string& path, const std::string& last_event_id,
                     const std::function<void(std::string_view)>& on_bytes) {
  prepare();
  Stream stream{.easy = easy_, .on_bytes = on_bytes, .refusal = {}};
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, take_stream);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &stream);
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, 0L);
  curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.silence_max.count()));
  curl_slist* headers = curl_slist_append(nullptr, "Accept: text/event-stream");
  if (!last_event_id.empty())
    headers = curl_slist_append(headers, ("Last-Event-ID: " + last_event_id).c_str());
  Reply reply = run(path, headers);
  // The end of a stream that has begun, whatever it was, is no failure to reach the server.
  reply.reached = reply.reached || reply.status != 0;
  reply.body = std::move(stream.refusal);
  return reply;
}

std::string encoded(const std::string& segment) {
  char* text = curl_easy_escape(nullptr, segment.c_str(), static_cast<int>(segment.size()));
  HT_ASSERT(text != nullptr);
  std::string copy = text;
  curl_free(text);
  return copy;
}

}  // namespace httpteleport::cli
