// Prometheus' exposition format 0.0.4, line by line.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace httpteleport::metrics {

inline constexpr std::string_view kPrometheusContentType =
    "text/plain; version=0.0.4; charset=utf-8";

// Samples of one family follow its family(), as the format asks.
class PrometheusText {
 public:
  using Label = std::pair<std::string_view, std::string_view>;

  // `type`: counter, gauge or histogram.
  void family(std::string_view name, std::string_view type);
  // Of the last family. `labels` as they stand between braces, made by label(); `more` follow them.
  void sample(std::string_view labels, int64_t value) { sample(labels, {}, value); }
  void sample(std::string_view labels, std::string_view more, int64_t value);
  void sample(int64_t value) { sample({}, value); }
  // A line under another name than its family's.
  void line(std::string_view name_with_labels, std::string_view value);

  // name="value", with what the value must not have escaped.
  static std::string label(std::string_view name, std::string_view value);

  // So much more will come.
  void reserve(size_t bytes) { text_.reserve(text_.size() + bytes); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::string family_;
};

}  // namespace httpteleport::metrics
