#include "cli/top.h"

#include <algorithm>

#include "cli/tables.h"

namespace httpteleport::cli {

namespace {

const char* order_name(TopOrder order) {
  switch (order) {
    case TopOrder::kName:
      return "name";
    case TopOrder::kRate:
      return "rps";
    case TopOrder::kActive:
      return "conns";
    case TopOrder::kErrors:
      return "err";
    case TopOrder::kBytes:
      break;
  }
  return "bytes";
}

double per_second(int64_t before, int64_t after, double seconds) {
  return after < before ? 0 : static_cast<double>(after - before) / seconds;
}

void set_rates(TopRow& row, const service::BackendStats& before, double seconds) {
  const service::BackendStats& after = row.backend;
  row.rate = per_second(before.connections + before.http_requests,
                        after.connections + after.http_requests, seconds);
  row.errors = per_second(before.errors, after.errors, seconds);
  row.bytes_up = per_second(before.received, after.received, seconds);
  row.bytes_down = per_second(before.sent, after.sent, seconds);
}

int64_t active(const TopRow& row) {
  return row.backend.active + row.backend.http_active;
}

double key_of(const TopRow& row, TopOrder order) {
  switch (order) {
    case TopOrder::kRate:
      return row.rate;
    case TopOrder::kActive:
      return static_cast<double>(active(row));
    case TopOrder::kErrors:
      return static_cast<double>(row.backend.errors);
    case TopOrder::kBytes:
      return row.bytes_up + row.bytes_down;
    case TopOrder::kName:
      break;
  }
  return 0;
}

Cell rate_cell(double rate) {
  return {short_number(rate)};
}

}  // namespace

void TopRows::look(const std::vector<ServiceRow>& services, TimePoint now) {
  std::map<Name, service::BackendStats> before;
  for (TopRow& row : rows_)
    before.emplace(Name(row.service, row.backend.name), std::move(row.backend));
  const double seconds = std::chrono::duration<double>(now - looked_at_).count();
  rows_.clear();
  for (const ServiceRow& service : services) {
    for (const service::BackendStats& backend : service.stats.backends) {
      TopRow row{.service = service.name, .backend = backend};
      const auto found = before.find({service.name, backend.name});
      if (found != before.end() && seconds > 0) set_rates(row, found->second, seconds);
      rows_.push_back(std::move(row));
    }
  }
  looked_at_ = now;
  sort();
}

void TopRows::sort() {
  std::stable_sort(rows_.begin(), rows_.end(), [this](const TopRow& a, const TopRow& b) {
    const double first = key_of(a, order_);
    const double second = key_of(b, order_);
    if (first != second) return first > second;
    return Name(a.service, a.backend.name) < Name(b.service, b.backend.name);
  });
}

void TopRows::next_order() {
  order_ = order_ == TopOrder::kBytes ? TopOrder::kName
                                      : static_cast<TopOrder>(static_cast<uint8_t>(order_) + 1);
  sort();
}

size_t TopRows::marked_index() const {
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (Name(rows_[i].service, rows_[i].backend.name) == marked_) return i;
  }
  return 0;
}

const TopRow* TopRows::marked() const {
  return rows_.empty() ? nullptr : &rows_[marked_index()];
}

void TopRows::mark_next(int step) {
  if (rows_.empty()) return;
  const auto last = static_cast<int>(rows_.size()) - 1;
  const TopRow& row =
      rows_[static_cast<size_t>(std::clamp(static_cast<int>(marked_index()) + step, 0, last))];
  marked_ = {row.service, row.backend.name};
}

std::string TopRows::text(bool colors, bool marks, size_t lines_max) const {
  TextTable table({{"SERVICE"},
                   {"BACKEND"},
                   {"STATE"},
                   {"RPS", true},
                   {"CONNS", true},
                   {"ERR", true},
                   {"ERR/S", true},
                   {"UP/S", true},
                   {"DOWN/S", true}});
  const size_t mark = marked_index();
  const size_t begin = mark < lines_max ? 0 : mark - lines_max + 1;
  for (size_t i = begin; i < rows_.size() && i - begin < lines_max; ++i) {
    const TopRow& row = rows_[i];
    table.add({{row.service},
               {row.backend.name},
               state_cell(row.backend),
               rate_cell(row.rate),
               rate_cell(static_cast<double>(active(row))),
               rate_cell(static_cast<double>(row.backend.errors)),
               rate_cell(row.errors),
               rate_cell(row.bytes_up),
               rate_cell(row.bytes_down)});
  }
  std::string head;
  if (marks) {
    head = std::to_string(rows_.size()) + " backends by " + order_name(order_) +
           "; q: quit, s: sort, arrows: select, d: drain\n";
  }
  return head + table.text(colors, marks && !rows_.empty() ? static_cast<int>(mark - begin) : -1);
}

}  // namespace httpteleport::cli
