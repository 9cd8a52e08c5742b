#include "fetch/page_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "base/text.h"
#include "fetch/transfer.h"

namespace httpteleport::fetch {

namespace {

constexpr size_t kUrlBytesMax = 4096;
constexpr size_t kFieldBytesMax = 1024;
constexpr std::string_view kText = "text:";
constexpr std::string_view kFile = "file:";
constexpr const char* kHtml = "text/html; charset=utf-8";
constexpr const char* kPlain = "text/plain; charset=utf-8";
constexpr std::array kKeptFields{"Content-Type",  "Content-Encoding", "Content-Language",
                                 "Cache-Control", "Last-Modified",    "Retry-After"};

// Empty: `url` is not of a file with an absolute path.
std::string path_of(std::string_view url) {
  if (!url.starts_with(kFile)) return {};
  url.remove_prefix(kFile.size());
  if (url.starts_with("///")) url.remove_prefix(2);
  return url.starts_with("/") && !url.starts_with("//") ? std::string(url) : std::string();
}

bool is_http(const std::string& text) {
  if (text.size() > kUrlBytesMax) return false;
  const UrlPtr url = parse_url(text);
  if (!url) return false;
  const std::string scheme = url_part(url.get(), CURLUPART_SCHEME);
  return (scheme == "http" || scheme == "https") && !url_part(url.get(), CURLUPART_HOST).empty();
}

const char* type_of_file(const std::string& path) {
  const std::string ending = lower_case(path.substr(std::min(path.rfind('.'), path.size())));
  if (ending == ".txt") return kPlain;
  if (ending == ".json") return "application/json";
  if (ending == ".xml") return "application/xml";
  if (ending == ".svg") return "image/svg+xml";
  return kHtml;
}

PageReader::News problem(std::string text) {
  return {.page = nullptr, .problem = std::move(text)};
}

class FileReader final : public PageReader {
 public:
  FileReader(std::string path, size_t bytes_max) : path_(std::move(path)), bytes_max_(bytes_max) {}

  News read() override {
    // Without waiting: a pipe in the place of a file must hold nobody up.
    const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return problem(failure());
    News news = read_from(fd);
    close(fd);
    return news;
  }

 private:
  std::string failure() const {
    const char* why = strerrordesc_np(errno);
    return "cannot read " + path_ + ": " + (why != nullptr ? why : "unknown error");
  }
  News read_from(int fd) {
    struct stat status {};
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return problem(path_ + " is no file");
    Page page{.body = {}, .fields = {{"Content-Type", type_of_file(path_)}}};
    char bytes[16 * 1024];
    ssize_t count = 0;
    while (page.body.size() <= bytes_max_ && (count = ::read(fd, bytes, sizeof bytes)) > 0)
      page.body.append(bytes, static_cast<size_t>(count));
    if (count < 0) return problem(failure());
    if (page.body.size() > bytes_max_)
      return problem(path_ + " is larger than " + std::to_string(bytes_max_) + " bytes");
    if (page.body.empty()) return problem(path_ + " is empty");
    return {.page = std::make_shared<const Page>(std::move(page)), .problem = {}};
  }

  const std::string path_;
  const size_t bytes_max_;
};

class HttpReader final : public PageReader {
 public:
  HttpReader(const PageSource& source, const PageLimits& limits,
             std::shared_ptr<const ForbiddenAddresses> forbidden)
      : source_(source), limits_(limits), forbidden_(std::move(forbidden)) {}

  News read() override {
    Transfer transfer;
    {
      const std::lock_guard lock(mutex_);
      if (cancelled_) return {};
      running_ = &transfer;
    }
    News news = follow(transfer);
    const std::lock_guard lock(mutex_);
    running_ = nullptr;
    return news;
  }
  void cancel() override {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (running_ != nullptr) running_->cancel();
  }

 private:
  static curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr* address) {
    auto& reader = *static_cast<HttpReader*>(self);
    if (reader.forbidden_->contains(net::Address(&address->addr, address->addrlen))) {
      reader.met_forbidden_ = true;
      return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  News follow(Transfer& transfer) {
    const auto end = std::chrono::steady_clock::now() + limits_.timeout;
    std::string url = source_.url;
    met_forbidden_ = false;
    for (int redirects = 0;; ++redirects) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          end - std::chrono::steady_clock::now());
      if (left.count() <= 0) return problem("it took too long");
      if (!is_http(url)) return problem("it redirects to what is no http address");
      const Result<std::string> body = get(transfer, url, left);
      if (met_forbidden_) return problem("it leads to the admin address");
      if (!body) return problem(body.error().detail);
      std::string next = transfer.redirect();
      if (next.empty()) return judge(transfer, url, *body);
      if (redirects == limits_.redirects_max)
        return problem("more than " + std::to_string(redirects) + " redirects");
      url = std::move(next);
    }
  }
  Result<std::string> get(Transfer& transfer, const std::string& url,
                          std::chrono::milliseconds timeout) {
    CURL* easy = transfer.prepare(
        url, {.body_bytes_max = limits_.body_bytes_max,
              .connect_timeout =
                  std::chrono::duration_cast<std::chrono::milliseconds>(limits_.connect_timeout),
              .request_timeout = timeout});
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "httpteleport-fetch");
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
    HeadersPtr headers(nullptr, curl_slist_free_all);
    if (url == validated_url_) {
      if (!etag_.empty())
        headers.reset(curl_slist_append(headers.release(), ("If-None-Match: " + etag_).c_str()));
      if (!last_modified_.empty())
        headers.reset(
            curl_slist_append(headers.release(), ("If-Modified-Since: " + last_modified_).c_str()));
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
    return transfer.run();
  }
  News judge(const Transfer& transfer, const std::string& url, const std::string& body) {
    const long status = transfer.status();
    if (status == 304 && url == validated_url_) return {};
    const auto& also_good = source_.statuses;
    const bool good = (status >= 200 && status <= 299) ||
                      std::find(also_good.begin(), also_good.end(), status) != also_good.end();
    if (!good) return problem("it answers with " + std::to_string(status));
    if (body.empty()) return problem("its answer is empty");
    Page page{.body = body, .fields = {}};
    for (const char* name : kKeptFields) {
      std::string value = field(transfer, name);
      if (!value.empty()) page.fields.emplace_back(name, std::move(value));
    }
    validated_url_ = url;
    etag_ = field(transfer, "ETag");
    last_modified_ = field(transfer, "Last-Modified");
    return {.page = std::make_shared<const Page>(std::move(page)), .problem = {}};
  }
  static std::string field(const Transfer& transfer, const char* name) {
    std::string value = transfer.header(name);
    return value.size() <= kFieldBytesMax ? value : std::string();
  }

  const PageSource source_;
  const PageLimits limits_;
  const std::shared_ptr<const ForbiddenAddresses> forbidden_;
  bool met_forbidden_ = false;
  // Of the last good answer.
  std::string validated_url_;
  std::string etag_;
  std::string last_modified_;
  std::mutex mutex_;  // guards what follows
  Transfer* running_ = nullptr;
  bool cancelled_ = false;
};

}  // namespace

std::string problem_of_source(const std::string& url) {
  if (url.starts_with(kText)) return url.size() > kText.size() ? "" : "there is no text behind it";
  if (!path_of(url).empty() || is_http(url)) return "";
  return "wanted http://..., https://..., file:/absolute/path or text:what to show";
}

std::unique_ptr<PageReader> make_page_reader(const PageSource& source, const PageLimits& limits,
                                             std::shared_ptr<const ForbiddenAddresses> forbidden) {
  std::string path = path_of(source.url);
  if (!path.empty()) return std::make_unique<FileReader>(std::move(path), limits.body_bytes_max);
  return std::make_unique<HttpReader>(source, limits, std::move(forbidden));
}

std::shared_ptr<const Page> page_of_text(const std::string& url) {
  if (!url.starts_with(kText)) return nullptr;
  std::string body = url.substr(kText.size());
  const char* type = body.starts_with("<") ? kHtml : kPlain;
  return std::make_shared<const Page>(
      Page{.body = std::move(body), .fields = {{"Content-Type", type}}});
}

}  // namespace httpteleport::fetch
