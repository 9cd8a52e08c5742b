#include "service/duration_text.h"

#include <charconv>
#include <cmath>

namespace httpteleport::service {

namespace {

constexpr double kMostMs = 100.0 * 365 * 24 * 3600 * 1000;

// Milliseconds; 0 for what is no unit.
double take_unit(std::string_view& text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 24 * 3600e3}};
  for (const auto& [name, ms] : kUnits) {
    if (!text.starts_with(name)) continue;
    text.remove_prefix(name.size());
    return ms;
  }
  return 0;
}

}  // namespace

std::optional<int64_t> parse_duration_ms(std::string_view text) {
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  double sum = 0;
  while (!text.empty()) {
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || !(number >= 0)) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    const double unit = take_unit(text);
    if (unit == 0) return std::nullopt;
    sum += number * unit;
  }
  if (!(sum <= kMostMs)) return std::nullopt;
  const double whole = std::nearbyint(sum);
  if (std::abs(sum - whole) > 1e-6 * std::max(1.0, sum)) return std::nullopt;
  return static_cast<int64_t>(whole);
}

}  // namespace httpteleport::service
