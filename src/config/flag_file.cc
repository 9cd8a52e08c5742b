#include "config/flag_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

#include "base/nearest_name.h"

namespace httpteleport::config {

namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Without a comment, which begins the text or follows a blank.
std::string_view without_comment(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '#') continue;
    if (i == 0 || kBlanks.find(text[i - 1]) != std::string_view::npos) return text.substr(0, i);
  }
  return text;
}

// Reads a value that begins with a quote. Returns what is wrong, or nothing.
std::string unquote(std::string_view text, std::string& value) {
  size_t i = 1;
  for (; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] != '\\') {
      value += text[i];
      continue;
    }
    if (++i == text.size()) break;
    if (text[i] != '"' && text[i] != '\\' && text[i] != 'n')
      return R"(\", \\ and \n are accepted behind a backslash)";
    value += text[i] == 'n' ? '\n' : text[i];
  }
  if (i >= text.size()) return "the quote at the end is missing";
  if (!trimmed(without_comment(text.substr(i + 1))).empty())
    return "only a comment may follow the quoted value";
  return {};
}

class LineReader {
 public:
  LineReader(const std::string& path, GoFlags& flags, std::vector<std::string>& errors)
      : path_(path), flags_(flags), errors_(errors) {}

  void read(std::string_view line, size_t number) {
    line = trimmed(line);
    if (line.empty() || line.front() == '#') return;
    where_ = path_ + ":" + std::to_string(number);
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) return fail("name = value is expected");
    assign(std::string(trimmed(line.substr(0, equals))), trimmed(line.substr(equals + 1)));
  }

 private:
  void assign(const std::string& name, std::string_view text) {
    const GoFlags::Flag* flag = flags_.find(name);
    if (flag == nullptr)
      return fail("unknown flag \"" + name + "\"" + did_you_mean(name, flags_.names()));
    if (flag->is(FlagInfo::kCommandLineOnly)) return fail(name + " is for the command line only");
    if (name == "config") return fail("a file cannot name another one");
    std::string value;
    if (text.starts_with('"')) {
      if (const std::string problem = unquote(text, value); !problem.empty())
        return fail(name + ": " + problem);
    } else {
      value = trimmed(without_comment(text));
    }
    const std::string accepted = flags_.set(*flag, value, {.layer = Layer::kFile, .where = where_});
    if (!accepted.empty()) fail(name + " = \"" + value + "\": " + accepted);
  }
  void fail(const std::string& what) { errors_.push_back(where_ + ": " + what); }

  const std::string& path_;
  GoFlags& flags_;
  std::vector<std::string>& errors_;
  std::string where_;
};

// Empty value: `problem` says why.
std::optional<std::string> read_whole(const std::string& path, std::string& problem) {
  std::string contents(kFlagFileBytesMax + 1, '\0');
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  file.read(contents.data(), static_cast<std::streamsize>(contents.size()));
  if (!file.is_open() || file.bad() || (file.gcount() == 0 && errno != 0)) {
    problem = std::string("cannot be read: ") + std::strerror(errno);
    return {};
  }
  if (file.gcount() > static_cast<std::streamsize>(kFlagFileBytesMax)) {
    problem = "is larger than 1 MiB";
    return {};
  }
  contents.resize(static_cast<size_t>(file.gcount()));
  return contents;
}

}  // namespace

void read_flag_lines(std::string_view contents, const std::string& path, GoFlags& flags,
                     std::vector<std::string>& errors) {
  LineReader reader(path, flags, errors);
  if (contents.starts_with("\xEF\xBB\xBF")) contents.remove_prefix(3);  // a byte order mark
  for (size_t number = 1; !contents.empty(); ++number) {
    const size_t end = std::min(contents.find('\n'), contents.size());
    reader.read(contents.substr(0, end), number);
    contents.remove_prefix(std::min(end + 1, contents.size()));
  }
}

void read_flag_file(const std::string& path, GoFlags& flags, std::vector<std::string>& errors) {
  std::string problem;
  if (const auto contents = read_whole(path, problem)) {
    read_flag_lines(*contents, path, flags, errors);
  } else {
    errors.push_back("-config=\"" + path + "\": " + problem);
  }
}

std::string quoted_if_needed(const std::string& value) {
  const bool plain = !value.empty() && value.front() != '"' &&
                     value.find_first_of("#\n\r\\") == std::string::npos &&
                     trimmed(value).size() == value.size();
  if (plain || value.empty()) return value;
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    if (c == '\n') {
      text += "\\n";
    } else {
      text += c;
    }
  }
  return text + "\"";
}

}  // namespace httpteleport::config
