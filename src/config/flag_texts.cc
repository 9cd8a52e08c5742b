#include "config/flag_texts.h"

#include <algorithm>

#include "config/environment.h"
#include "config/flag_file.h"

namespace httpteleport::config {

namespace {

constexpr size_t kColumns = 80;
constexpr size_t kHelpColumn = 31;

const char* kind_name(GoFlags::Kind kind) {
  switch (kind) {
    case GoFlags::Kind::kInt:
      return "int";
    case GoFlags::Kind::kBool:
      return "bool";
    case GoFlags::Kind::kDuration:
    case GoFlags::Kind::kMilliseconds:
      return "duration";
    case GoFlags::Kind::kStrings:
      return "strings";
    case GoFlags::Kind::kString:
      break;
  }
  return "string";
}

// Empty when the default is the zero of its kind, which goes without saying.
std::string shown_default(const GoFlags::Flag& flag) {
  const std::string& text = flag.default_text;
  if (flag.is(FlagInfo::kNoDefault)) return "";
  return text == "0s" || text == "false" ? "" : text;
}

// `text` in lines from column `indent` on, behind something that ends at `column`.
std::string wrapped(const std::string& text, size_t column, size_t indent) {
  std::string out;
  if (column >= indent) {
    out = "\n";
    column = 0;
  }
  out.append(indent - column, ' ');
  column = indent;
  bool first = true;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    if (!first && column + 1 + end - begin > kColumns) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
      first = true;
    }
    if (!first) out += ' ';
    out += text.substr(begin, end - begin);
    column += end - begin + (first ? 0 : 1);
    first = false;
    begin = end + 1;
  }
  return out + "\n";
}

// What scdoc would take for markup is escaped.
std::string escaped_for_scdoc(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\_*<>#`~[]|").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string help_text(const GoFlags& flags) {
  std::string text;
  const char* group = "";
  for (const GoFlags::Flag& flag : flags.all()) {
    if (std::string_view(flag.group) != group) {
      group = flag.group;
      text += (text.empty() ? "" : "\n") + std::string(group) + ":\n";
    }
    std::string head = std::string("  -") + flag.info.name;
    if (*flag.info.placeholder != '\0') head += std::string(" ") + flag.info.placeholder;
    std::string help = flag.info.help;
    if (const std::string value = shown_default(flag); !value.empty())
      help += " (default " + value + ")";
    text += head + wrapped(help, head.size(), kHelpColumn);
  }
  return text;
}

std::string man_options(const GoFlags& flags) {
  std::string text;
  const char* group = "";
  for (const GoFlags::Flag& flag : flags.all()) {
    if (std::string_view(flag.group) != group) {
      group = flag.group;
      text += (text.empty() ? "## " : "\n## ") + std::string(group) + "\n";
    }
    text += std::string("\n*-") + flag.info.name + "*";
    if (*flag.info.placeholder != '\0') text += std::string(" _") + flag.info.placeholder + "_";
    text += "\n\t" + escaped_for_scdoc(flag.info.help) + ".";
    if (const std::string value = shown_default(flag); !value.empty())
      text += " Default: " + escaped_for_scdoc(value) + ".";
    text += "\n";
  }
  return text;
}

std::string flag_table(const GoFlags& flags, std::string_view prefix) {
  std::string text;
  for (const GoFlags::Flag& flag : flags.all()) {
    for (const std::string& cell : {std::string(flag.group), std::string(flag.info.name),
                                    std::string(kind_name(flag.kind)), flag.default_text})
      text += cell + "\t";
    text += environment_name(flag.info.name, prefix) + "\t";
    text += flag.is(FlagInfo::kNeedsRestart) ? "restart\n" : "\n";
  }
  return text;
}

std::string dump_text(const std::vector<FlagValue>& values) {
  constexpr size_t kNameColumns = 26;
  constexpr size_t kValueColumns = 40;
  std::string text;
  for (const FlagValue& value : values) {
    const bool hidden = value.is(FlagInfo::kSecret) && !value.text.empty();
    const bool is_comment =
        hidden || value.is(FlagInfo::kCommandLineOnly) || value.name == "config";
    std::string line = (is_comment ? "#" : "") + value.name;
    line.resize(std::max(line.size(), kNameColumns), ' ');
    line += " = " + (hidden ? "(set)" : quoted_if_needed(value.text));
    line.resize(std::max(line.size(), kNameColumns + kValueColumns), ' ');
    text += line + " # " + value.origin.text() + "\n";
  }
  return text;
}

}  // namespace httpteleport::config
