// Tables as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/documents.h"

namespace httpteleport::cli {

enum class Style : uint8_t { kPlain, kBold, kGood, kWarning, kBad };

struct Cell {
  std::string text;  // made printable when the table is written
  Style style = Style::kPlain;
};

class TextTable {
 public:
  struct Column {
    const char* title;
    bool right = false;  // numbers
  };

  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  // Lines that end in \n, the titles first, two blanks between columns. `marked`: the index of a
  // row that is shown inverse, with colours or without; -1: none.
  std::string text(bool colors, int marked = -1) const;

 private:
  std::string line(const std::vector<Cell>& cells, const std::vector<size_t>& widths,
                   bool colors) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// 999, 1.2k, 34M, ...: at most four letters and a sign.
std::string short_number(double number);
// "3h12m": how long ago; empty when `since` is 0.
std::string age(int64_t since, int64_t now);
// The word for a backend's state in its colour.
Cell state_cell(const service::BackendStats& backend);

struct TableOptions {
  bool colors = false;
  bool wide = false;
  int64_t now = 0;  // seconds since 1970
};
std::string status_table(const std::vector<ServiceRow>& services, const TableOptions& options);
std::string history_table(const std::vector<HistoryRow>& rows, bool colors);

}  // namespace httpteleport::cli
