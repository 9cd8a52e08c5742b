// Completions for shells, from the table of commands and flags.
#include <string>
#include <vector>

#include "cli/texts.h"

namespace httpteleport::cli {

namespace {

using Flag = config::GoFlags::Flag;

// What a flag's value may be, when that is a choice; "FILE" for a file.
std::vector<std::string> values_of(const Flag& flag, const Verb* verb) {
  const std::string_view name = flag.info.name;
  if (name == "o" && verb != nullptr) return outputs_of(verb->id);
  if (name == "completion") return {"bash", "zsh", "fish"};
  return {};
}

bool takes_file(const Flag& flag) {
  return std::string_view(flag.info.placeholder) == "FILE";
}

// The flags of a command; update has those of services and of backends, each name once.
struct VerbFlags {
  Options options;
  FieldValues fields;
  config::GoFlags flags;

  explicit VerbFlags(const Verb* verb) {
    if (verb == nullptr) {
      add_common_flags(options, flags);
      return;
    }
    add_verb_flags(*verb, "service", options, fields, flags);
    if (verb->id != VerbId::kUpdate) return;
    config::GoFlags backend;
    add_verb_flags(*verb, "service/backend", options, fields, backend);
    for (const Flag& flag : backend.all()) {
      if (flags.find(flag.info.name) == nullptr) flags.add(flag.info, text_);
    }
  }

 private:
  std::string text_;
};

std::string words(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts)
    list.append(list.empty() ? "" : " ").append(text);
  return list;
}

std::string flag_words(const Verb* verb) {
  const VerbFlags own(verb);
  std::vector<std::string> names;
  for (const Flag& flag : own.flags.all())
    names.push_back(std::string("-") + flag.info.name);
  return words(names);
}

std::string argument_words(const Verb& verb) {
  return verb.argument_kind == ArgumentKind::kOnOff ? "on off" : "";
}

// The words of every command that takes a file.
std::string file_verbs(const char* separator) {
  std::string names;
  for (const Verb& verb : verbs()) {
    if (verb.argument_kind == ArgumentKind::kFile)
      names.append(names.empty() ? "" : separator).append(verb.name);
  }
  return names;
}

std::string bash_text() {
  std::string text =
      "# bash completion for shuttle-cli\n"
      "_shuttle_cli() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} word verb= "
      "flags=\n"
      "  COMPREPLY=()\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case $word in\n"
      "      " +
      [] {
        std::string names = words(verb_names());
        for (size_t at = 0; (at = names.find(' ', at)) != std::string::npos;)
          names.replace(at, 1, "|");
        return names;
      }() +
      ") verb=$word; break ;;\n"
      "    esac\n"
      "  done\n"
      "  case $previous in\n"
      "    -token-file|--token-file|-tls-ca-file|--tls-ca-file)\n"
      "      COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
      "    -completion|--completion)\n"
      "      COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$current\")); return ;;\n"
      "    -o|--o)\n"
      "      COMPREPLY=($(compgen -W 'table json wide' -- \"$current\")); return ;;\n"
      "  esac\n"
      "  case $verb in\n"
      "    '') flags='" +
      words(verb_names()) + "' ;;\n";
  for (const Verb& verb : verbs())
    text += std::string("    ") + verb.name + ") flags='" + flag_words(&verb) +
            (argument_words(verb).empty() ? "" : " " + argument_words(verb)) + "' ;;\n";
  text +=
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$flags " +
      flag_words(nullptr) +
      "\" -- \"$current\"))\n"
      "  case $verb in\n"
      "    " +
      file_verbs("|") +
      ") [[ $current == -* ]] || COMPREPLY=($(compgen -f -- \"$current\")) ;;\n"
      "  esac\n"
      "}\n"
      "complete -o filenames -F _shuttle_cli shuttle-cli\n";
  return text;
}

// For the inside of single quotes and of zsh's brackets.
std::string escaped(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
      continue;
    }
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_flags(const Verb* verb, const std::string& indent) {
  const VerbFlags own(verb);
  std::string text;
  for (const Flag& flag : own.flags.all()) {
    text += indent + "'" + (flag.kind == config::GoFlags::Kind::kStrings ? "*" : "") + "-" +
            flag.info.name + "[" + escaped(flag.info.help, "[]\\:") + "]";
    if (*flag.info.placeholder != '\0') {
      const std::string values = words(values_of(flag, verb));
      text += ":" + std::string(flag.info.placeholder) + ":";
      if (!values.empty()) text += "(" + values + ")";
      if (takes_file(flag)) text += "_files";
    }
    text += "' \\\n";
  }
  return text;
}

std::string zsh_arguments(const Verb& verb) {
  switch (verb.argument_kind) {
    case ArgumentKind::kFile:
      return "'1:file:_files'";
    case ArgumentKind::kOnOff:
      return "'1:service:' '2:state:(on off)'";
    case ArgumentKind::kTarget:
      return "'1:target:'";
    case ArgumentKind::kNone:
      break;
  }
  return "'*::'";
}

std::string zsh_text() {
  std::string text =
      "#compdef shuttle-cli\n"
      "_shuttle_cli() {\n"
      "  local context state state_descr line\n"
      "  typeset -A opt_args\n"
      "  local -a commands=(\n";
  for (const Verb& verb : verbs())
    text += std::string("    '") + verb.name + ":" + escaped(verb.help, ":\\") + "'\n";
  text +=
      "  )\n"
      "  _arguments -C \\\n" +
      zsh_flags(nullptr, "    ") +
      "    '1:command:->command' '*::argument:->argument'\n"
      "  case $state in\n"
      "    command) _describe command commands ;;\n"
      "    argument)\n"
      "      case $line[1] in\n";
  for (const Verb& verb : verbs())
    text += std::string("        ") + verb.name + ")\n          _arguments \\\n" +
            zsh_flags(nullptr, "            ") + zsh_flags(&verb, "            ") + "            " +
            zsh_arguments(verb) + " ;;\n";
  return text +
         "      esac ;;\n"
         "  esac\n"
         "}\n"
         "if [ \"$funcstack[1]\" = _shuttle_cli ]; then\n"
         "  _shuttle_cli \"$@\"\n"
         "else\n"
         "  compdef _shuttle_cli shuttle-cli\n"
         "fi\n";
}

std::string fish_flags(const Verb* verb, const std::string& condition) {
  const VerbFlags own(verb);
  std::string text;
  for (const Flag& flag : own.flags.all()) {
    text += "complete -c shuttle-cli " + condition + "-o " + flag.info.name;
    if (*flag.info.placeholder != '\0') {
      const std::string values = words(values_of(flag, verb));
      text += takes_file(flag) ? " -rF" : " -x";
      if (!values.empty()) text += " -a '" + values + "'";
    }
    text += " -d '" + escaped(flag.info.help, "\\") + "'\n";
  }
  return text;
}

std::string fish_text() {
  std::string text = "# fish completion for shuttle-cli\ncomplete -c shuttle-cli -f\n";
  for (const Verb& verb : verbs())
    text += std::string("complete -c shuttle-cli -n __fish_use_subcommand -a ") + verb.name +
            " -d '" + escaped(verb.help, "\\") + "'\n";
  text += fish_flags(nullptr, "");
  for (const Verb& verb : verbs()) {
    const std::string condition =
        std::string("-n '__fish_seen_subcommand_from ") + verb.name + "' ";
    text += fish_flags(&verb, condition);
    if (verb.argument_kind == ArgumentKind::kFile)
      text += "complete -c shuttle-cli " + condition + "-F\n";
    if (!argument_words(verb).empty())
      text += "complete -c shuttle-cli " + condition + "-a '" + argument_words(verb) + "'\n";
  }
  return text;
}

}  // namespace

std::optional<std::string> completion_text(std::string_view shell) {
  if (shell == "bash") return bash_text();
  if (shell == "zsh") return zsh_text();
  if (shell == "fish") return fish_text();
  return std::nullopt;
}

}  // namespace httpteleport::cli
