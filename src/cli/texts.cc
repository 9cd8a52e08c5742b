#include "cli/texts.h"

#include <algorithm>

#include "config/flag_texts.h"

namespace httpteleport::cli {

namespace {

constexpr size_t kColumns = 80;
constexpr size_t kHelpColumn = 31;

std::string head_of(const Verb& verb) {
  return std::string(verb.name) + (*verb.arguments == '\0' ? "" : " ") + verb.arguments;
}

bool has_flags(const Verb& verb) {
  Options options;
  FieldValues fields;
  config::GoFlags flags;
  add_verb_flags(verb, "", options, fields, flags);
  return !flags.all().empty();
}

// `text` in lines from `indent` on, behind a head that ends at `column`.
std::string wrapped(std::string_view text, size_t column, size_t indent) {
  std::string out;
  if (column + 1 >= indent) {
    out = "\n";
    column = 0;
  }
  out.append(indent - column, ' ');
  column = indent;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const bool first = column == indent;
    if (!first && column + 1 + end > kColumns) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!first) {
      out += ' ';
      ++column;
    }
    out += text.substr(0, end);
    column += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out + "\n";
}

std::string escaped_for_scdoc(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\_*<>#`~[]|").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

constexpr const char* kUsage = "usage: shuttle-cli [flags] COMMAND [arguments and flags]\n";

}  // namespace

std::string help_text() {
  std::string text = std::string(kUsage) + "\ncommands:\n";
  for (const Verb& verb : verbs()) {
    const std::string head = "  " + head_of(verb);
    text += head + wrapped(verb.help, head.size(), kHelpColumn);
  }
  return text + "\n" + config::help_text(AllFlags().flags());
}

std::string verb_help(const Verb& verb) {
  Options options;
  FieldValues service_fields;
  FieldValues backend_fields;
  config::GoFlags flags;
  if (verb.id == VerbId::kUpdate) {
    flags.begin_group("SERVICE");
    add_verb_flags(verb, "service", options, service_fields, flags);
    flags.begin_group("SERVICE/BACKEND");
    add_verb_flags(verb, "service/backend", options, backend_fields, flags);
  } else {
    flags.begin_group(verb.name);
    add_verb_flags(verb, "", options, service_fields, flags);
  }
  add_common_flags(options, flags);
  std::string text = "usage: shuttle-cli " + head_of(verb) + (has_flags(verb) ? " [flags]" : "");
  return text + "\n" + wrapped(verb.help, 0, 2) + "\n" + config::help_text(flags);
}

std::string man_text() {
  std::string text = "# COMMANDS\n";
  for (const Verb& verb : verbs()) {
    text += "\n*" + std::string(verb.name) + "*";
    if (*verb.arguments != '\0') text += " " + escaped_for_scdoc(verb.arguments);
    if (has_flags(verb)) text += " \\[flags\\]";
    text += "\n\t" + escaped_for_scdoc(verb.help) + ".\n";
  }
  return text + "\n# OPTIONS\n\n" + config::man_options(AllFlags().flags());
}

std::string table_text() {
  std::string text;
  for (const Verb& verb : verbs())
    text += std::string("command\t") + verb.name + "\t" + verb.arguments + "\n";
  const std::string flags = config::flag_table(AllFlags().flags());
  // Without the variables of the environment, which are those of another program.
  for (size_t begin = 0; begin < flags.size();) {
    const size_t end = flags.find('\n', begin);
    size_t cell = begin;
    for (int cells = 0; cells < 4; ++cells)
      cell = flags.find('\t', cell) + 1;
    text += flags.substr(begin, cell - 1 - begin) + "\n";
    begin = end + 1;
  }
  return text;
}

}  // namespace httpteleport::cli
