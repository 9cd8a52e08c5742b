#include "metrics/prometheus_text.h"

#include <array>
#include <charconv>

namespace httpteleport::metrics {

void PrometheusText::family(std::string_view name, std::string_view type) {
  family_ = name;
  text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void PrometheusText::sample(std::string_view labels, std::string_view more, int64_t value) {
  text_ += family_;
  if (!labels.empty()) {
    text_.append("{").append(labels);
    if (!more.empty()) text_.append(",").append(more);
    text_ += '}';
  }
  std::array<char, 24> number;
  const auto end = std::to_chars(number.begin(), number.end(), value).ptr;
  text_.append(" ").append(number.begin(), end).append("\n");
}

void PrometheusText::line(std::string_view name_with_labels, std::string_view value) {
  text_.append(name_with_labels).append(" ").append(value).append("\n");
}

std::string PrometheusText::label(std::string_view name, std::string_view value) {
  std::string text(name);
  text += "=\"";
  for (const char c : value) {
    if (c == '\n') {
      text += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + "\"";
}

}  // namespace httpteleport::metrics
