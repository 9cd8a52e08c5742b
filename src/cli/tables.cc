#include "cli/tables.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "cli/terminal.h"

namespace httpteleport::cli {

namespace {

constexpr size_t kGap = 2;

const char* sequence_of(Style style) {
  switch (style) {
    case Style::kBold:
      return "\x1b[1m";
    case Style::kGood:
      return "\x1b[32m";
    case Style::kWarning:
      return "\x1b[33m";
    case Style::kBad:
      return "\x1b[31m";
    case Style::kPlain:
      break;
  }
  return "";
}

// Characters of UTF-8; all are taken to be one column wide.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string joined(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts)
    list.append(list.empty() ? "" : ",").append(text);
  return list;
}

Cell number_cell(int64_t number, Style style = Style::kPlain) {
  return {short_number(static_cast<double>(number)), style};
}

Cell error_cell(int64_t errors) {
  return number_cell(errors, errors == 0 ? Style::kPlain : Style::kWarning);
}

Cell service_state(const ServiceRow& service) {
  const auto& backends = service.stats.backends;
  const auto up = std::count_if(backends.begin(), backends.end(),
                                [](const service::BackendStats& backend) { return backend.up; });
  const Style style = up == 0                                     ? Style::kBad
                      : static_cast<size_t>(up) < backends.size() ? Style::kWarning
                                                                  : Style::kGood;
  return {std::to_string(up) + "/" + std::to_string(backends.size()) + " up", style};
}

void add_service(TextTable& table, const ServiceRow& service, bool wide) {
  const service::ServiceStats& stats = service.stats;
  const std::string where =
      service.address.empty() ? joined(service.virtual_hosts) : service.address;
  std::vector<Cell> row = {{service.name, Style::kBold},
                           {},
                           {where},
                           service_state(service),
                           number_cell(stats.active + stats.http_active),
                           number_cell(stats.connections + stats.http_connections),
                           error_cell(stats.errors + stats.http_errors),
                           number_cell(stats.received),
                           number_cell(stats.sent)};
  if (wide) row.insert(row.end(), {{}, {}, {}, {}, {}});
  table.add(std::move(row));
}

void add_backend(TextTable& table, const service::BackendStats& backend,
                 const TableOptions& options) {
  std::vector<Cell> row = {{},
                           {backend.name},
                           {backend.address},
                           state_cell(backend),
                           number_cell(backend.active + backend.http_active),
                           number_cell(backend.connections + backend.http_requests),
                           error_cell(backend.errors),
                           number_cell(backend.received),
                           number_cell(backend.sent)};
  if (options.wide) {
    row.push_back(number_cell(backend.weight));
    row.push_back({age(backend.up_since, options.now)});
    row.push_back(number_cell(backend.check_success));
    row.push_back(error_cell(backend.check_fail));
    row.push_back({backend.last_error});
  }
  table.add(std::move(row));
}

}  // namespace

std::string TextTable::line(const std::vector<Cell>& cells, const std::vector<size_t>& widths,
                            bool colors) const {
  std::string out;
  size_t blanks = 0;  // not written yet: none at the end of a line
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string text = printable(cells[i].text);
    const size_t pad = widths[i] - width_of(text);
    if (columns_[i].right) blanks += pad;
    if (!text.empty()) {
      out.append(blanks, ' ');
      blanks = 0;
      const std::string style = colors ? sequence_of(cells[i].style) : "";
      out += style + text + (style.empty() ? "" : "\x1b[0m");
    }
    blanks += kGap + (columns_[i].right ? 0 : pad);
  }
  return out;
}

std::string TextTable::text(bool colors, int marked) const {
  std::vector<size_t> widths;
  std::vector<Cell> titles;
  for (const Column& column : columns_) {
    titles.push_back({column.title, Style::kBold});
    widths.push_back(width_of(column.title));
  }
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], width_of(printable(row[i].text)));
  }
  std::string out = line(titles, widths, colors) + "\n";
  for (size_t i = 0; i < rows_.size(); ++i) {
    const bool is_marked = static_cast<int>(i) == marked;
    const std::string text = line(rows_[i], widths, colors && !is_marked);
    out += is_marked ? "\x1b[7m" + text + "\x1b[0m\n" : text + "\n";
  }
  return out;
}

std::string short_number(double number) {
  constexpr std::array<const char*, 6> kUnits = {"", "k", "M", "G", "T", "P"};
  size_t unit = 0;
  // What would be written as 1000 of a unit is 1.0 of the next.
  while (std::abs(number) >= 999.5 && unit + 1 < kUnits.size()) {
    number /= 1000;
    ++unit;
  }
  char text[32];
  const bool has_fraction = unit > 0 ? std::abs(number) < 9.95 : number != std::floor(number);
  std::snprintf(text, sizeof text, has_fraction ? "%.1f%s" : "%.0f%s", number, kUnits[unit]);
  return text;
}

std::string age(int64_t since, int64_t now) {
  if (since == 0) return {};
  const int64_t s = std::max<int64_t>(now - since, 0);
  if (s < 60) return std::to_string(s) + "s";
  if (s < 3600) return std::to_string(s / 60) + "m" + std::to_string(s % 60) + "s";
  if (s < 86400) return std::to_string(s / 3600) + "h" + std::to_string(s % 3600 / 60) + "m";
  return std::to_string(s / 86400) + "d" + std::to_string(s % 86400 / 3600) + "h";
}

Cell state_cell(const service::BackendStats& backend) {
  const std::string& status = backend.status;
  if (status == "up") return {status, Style::kGood};
  const bool by_hand = status == "drain" || status == "maint" || status == "slow_start";
  return {status, by_hand ? Style::kWarning : Style::kBad};
}

std::string status_table(const std::vector<ServiceRow>& services, const TableOptions& options) {
  if (services.empty())
    return "no services; 'shuttle-cli add SERVICE -address HOST:PORT' adds one\n";
  std::vector<TextTable::Column> columns = {{"SERVICE"},   {"BACKEND"},      {"ADDRESS"},
                                            {"STATE"},     {"ACTIVE", true}, {"TOTAL", true},
                                            {"ERR", true}, {"UP", true},     {"DOWN", true}};
  if (options.wide)
    columns.insert(
        columns.end(),
        {{"WEIGHT", true}, {"SINCE", true}, {"CHECKS", true}, {"FAILED", true}, {"LAST ERROR"}});
  TextTable table(std::move(columns));
  for (const ServiceRow& service : services) {
    add_service(table, service, options.wide);
    for (const service::BackendStats& backend : service.stats.backends)
      add_backend(table, backend, options);
  }
  return table.text(options.colors);
}

std::string history_table(const std::vector<HistoryRow>& rows, bool colors) {
  TextTable table({{"VERSION", true}, {"TIME"}, {"CHANGE"}});
  for (const HistoryRow& row : rows)
    table.add({{row.version}, {row.time}, {row.summary}});
  return table.text(colors);
}

}  // namespace httpteleport::cli
