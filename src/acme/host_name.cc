#include "acme/host_name.h"

#include <re2/re2.h>

#include <algorithm>

#include "base/text.h"

namespace httpteleport::acme {

namespace {

constexpr size_t kNameBytesMax = 253;
constexpr size_t kLabelBytesMax = 63;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > kLabelBytesMax) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-'; });
}

}  // namespace

std::optional<std::string> canonical_host_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.size() > kNameBytesMax) return {};
  std::string canonical = lower_case(name);
  size_t labels = 0;
  std::string_view last;
  for (std::string_view rest = canonical;; rest.remove_prefix(last.size() + 1)) {
    last = rest.substr(0, rest.find('.'));
    if (!is_label(last)) return {};
    ++labels;
    if (last.size() == rest.size()) break;
  }
  if (labels < 2 || std::all_of(last.begin(), last.end(), is_digit)) return {};
  return canonical;
}

HostPattern::HostPattern(std::unique_ptr<re2::RE2> expression)
    : expression_(std::move(expression)) {}

HostPattern::~HostPattern() = default;

std::unique_ptr<const HostPattern> HostPattern::compile(const std::string& expression,
                                                        std::string& error) {
  RE2::Options options;
  options.set_log_errors(false);
  auto compiled = std::make_unique<re2::RE2>(expression, options);
  if (!compiled->ok()) {
    error = compiled->error();
    return nullptr;
  }
  return std::unique_ptr<const HostPattern>(new HostPattern(std::move(compiled)));
}

bool HostPattern::admits(const std::string& name) const {
  return RE2::PartialMatch(name, *expression_);
}

bool HostPattern::admits_anything() const {
  return admits("q7x2k9.zv4w8-j3.invalid");
}

}  // namespace httpteleport::acme
