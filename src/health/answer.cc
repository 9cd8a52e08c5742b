#include "health/answer.h"

#include <algorithm>
#include <array>

#include "base/line_writer.h"
#include "http/h1/body_decoder.h"
#include "http/h1/head_parser.h"

namespace httpteleport::health {

namespace {

using http::h1::BodyDecoder;
using http::h1::BodyFraming;

constexpr http::h1::HeadLimits kHeadLimits{.head_bytes_max = Answer::kHeadBytesMax};
constexpr size_t kShownBytesMax = 40;
constexpr size_t kShownStatusesMax = 8;

std::string quoted(std::string_view text) {
  std::array<char, kShownBytesMax * LineWriter::kEscapedBytesMax + 8> memory;
  LineWriter line(memory);
  line.add('"');
  line.add_escaped(text, kShownBytesMax, Escapes::kText);
  line.add('"');
  return std::string(line.text());
}

std::string wanted_statuses(const std::vector<int64_t>& statuses) {
  if (statuses.empty()) return "200-399";
  std::string text;
  for (size_t i = 0; i < statuses.size(); ++i) {
    if (i > 0) text += ", ";
    if (i == kShownStatusesMax) return text + "...";
    text += std::to_string(statuses[i]);
  }
  return text;
}

// Looks for a text in bytes that come in pieces.
class Search {
 public:
  explicit Search(std::string_view wanted) : wanted_(wanted) {}

  // True: found. What is behind the first kSearchedBytesMax bytes is not looked at.
  bool read(std::string_view piece) {
    piece = piece.substr(0, Answer::kSearchedBytesMax - searched_);
    searched_ += piece.size();
    window_ += piece;
    if (window_.find(wanted_) != std::string::npos) return true;
    const size_t kept = std::min(window_.size(), wanted_.size() - (wanted_.empty() ? 0 : 1));
    window_.erase(0, window_.size() - kept);
    return false;
  }
  bool is_over() const { return searched_ == Answer::kSearchedBytesMax; }
  Verdict failure() const {
    const std::string text = quoted(wanted_);
    return Verdict::bad(is_over() ? "the first 64 KiB of the answer lack " + text
                                  : "the answer lacks " + text);
  }

 private:
  std::string_view wanted_;
  std::string window_;
  size_t searched_ = 0;
};

class ExchangeAnswer final : public Answer {
 public:
  explicit ExchangeAnswer(const CheckOptions& options) : search_(options.expect) {}

  Step read(std::string_view bytes) override {
    got_any_ = true;
    if (search_.read(bytes)) return {bytes.size(), Verdict{}};
    if (search_.is_over()) return {bytes.size(), search_.failure()};
    return {bytes.size(), std::nullopt};
  }
  Verdict end() override {
    if (got_any_) return search_.failure();
    return Verdict::bad("the connection ended without an answer");
  }

 private:
  Search search_;
  bool got_any_ = false;
};

class HttpAnswer final : public Answer {
 public:
  explicit HttpAnswer(const CheckOptions& options) : options_(options), search_(options.expect) {}

  Step read(std::string_view bytes) override {
    Step step;
    while (in_head_) {
      const size_t before = step.used;
      read_head(bytes.substr(step.used), step);
      if (step.verdict || step.used == before) return step;
    }
    read_body(bytes.substr(step.used), step);
    return step;
  }
  Verdict end() override {
    if (in_head_) return Verdict::bad("the connection ended before the answer did");
    return search_.failure();
  }

 private:
  void read_head(std::string_view bytes, Step& step) {
    if (bytes.empty() || !scanner_.worth_parsing(bytes, kHeadLimits)) return;
    http::ResponseHead head;
    const Result<size_t> size =
        http::h1::parse_response_head(bytes, kHeadLimits, http::Method::kGet, head);
    if (!size) {
      step.verdict =
          Verdict::bad(std::string("the answer is no good HTTP: ") + size.error().detail);
      return;
    }
    if (*size == 0) return;
    step.used += *size;
    scanner_.reset();
    if (!head.is_informational()) {
      step.verdict = judge_head(head);
    } else if (++informational_ > kInformationalMax) {
      step.verdict = Verdict::bad("too many answers with a status of 1xx");
    }
  }
  std::optional<Verdict> judge_head(const http::ResponseHead& head) {
    const bool good = options_.status.empty()
                          ? head.status >= 200 && head.status <= 399
                          : std::find(options_.status.begin(), options_.status.end(),
                                      head.status) != options_.status.end();
    if (!good)
      return Verdict::bad("answered " + std::to_string(head.status) + ", wanted " +
                          wanted_statuses(options_.status));
    if (options_.expect.empty()) return Verdict{};
    in_head_ = false;
    if (head.body.is_none()) {
      body_.start(BodyFraming::kNone);
    } else if (head.body.is_known()) {
      body_.start(BodyFraming::kLength, head.body.bytes);
    } else {
      body_.start(head.body_is_chunked ? BodyFraming::kChunked : BodyFraming::kUntilClose);
    }
    return std::nullopt;
  }
  void read_body(std::string_view bytes, Step& step) {
    for (;;) {
      const Result<BodyDecoder::Step> part = body_.decode(bytes);
      if (!part) {
        step.verdict =
            Verdict::bad(std::string("the answer is no good HTTP: ") + part.error().detail);
        return;
      }
      step.used += part->consumed;
      bytes.remove_prefix(part->consumed);
      if (search_.read(part->body)) {
        step.verdict = Verdict{};
      } else if (part->done || search_.is_over()) {
        step.verdict = search_.failure();
      }
      if (step.verdict || part->consumed == 0) return;
    }
  }

  const CheckOptions& options_;
  Search search_;
  bool in_head_ = true;
  int informational_ = 0;
  http::h1::HeadScanner scanner_;
  BodyDecoder body_{Source::kUpstream, BodyDecoder::Limits{.trailers = kHeadLimits}};
};

}  // namespace

std::unique_ptr<Answer> make_answer(const CheckOptions& options) {
  switch (options.type) {
    case CheckType::kTcp:
    case CheckType::kTls:
      return nullptr;
    case CheckType::kHttp:
    case CheckType::kHttps:
      return std::make_unique<HttpAnswer>(options);
    case CheckType::kExchange:
      return std::make_unique<ExchangeAnswer>(options);
  }
  return nullptr;
}

std::string make_question(const CheckOptions& options, std::string_view host) {
  switch (options.type) {
    case CheckType::kTcp:
    case CheckType::kTls:
      return {};
    case CheckType::kHttp:
    case CheckType::kHttps:
      return "GET " + options.path + " HTTP/1.1\r\nHost: " + std::string(host) +
             "\r\nUser-Agent: httpteleport-check\r\nAccept: */*\r\nConnection: close\r\n\r\n";
    case CheckType::kExchange:
      return options.send;
  }
  return {};
}

}  // namespace httpteleport::health
