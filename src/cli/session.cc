#include "cli/session.h"

#include <cstdio>
#include <ctime>

#include "cli/terminal.h"

namespace httpteleport::cli {

namespace {

constexpr size_t kReasonBytesMax = 500;

// The first line of an answer, for people.
std::string reason_in(const Reply& reply) {
  std::string_view text = reply.body;
  text = text.substr(0, text.find('\n'));
  if (text.size() > kReasonBytesMax) text = text.substr(0, kReasonBytesMax);
  if (text.empty()) return "it answered with status " + std::to_string(reply.status);
  return printable(text);
}

const char* advice_for(const Reply& reply) {
  switch (reply.status) {
    case 401:
      return ". Give its token with -token-file or SHUTTLE_TOKEN_FILE";
    case 403:
      return ". Is -addr one of the names that its -admin-hosts has?";
    case 404:
      return reply.body.starts_with("version") ? ". 'shuttle-cli history' lists what there is"
                                               : ". 'shuttle-cli status' lists what there is";
    case 412:
      return ". Look at what has changed meanwhile, and try again";
    default:
      return "";
  }
}

}  // namespace

bool print(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
         std::fflush(stdout) == 0;
}

bool print_document(std::string_view json) {
  return output_is_terminal() ? print(printable_json(json)) : print(json);
}

void complain(std::string_view text) {
  std::fprintf(stderr, "%s\n", printable(text).c_str());
}

bool Session::wants_json() const {
  const std::string& output = line_.options.output;
  return output.empty() ? !output_is_terminal() : output == "json";
}

TableOptions Session::table_options() const {
  return {.colors = output_has_colors(),
          .wide = line_.options.output == "wide",
          .now = static_cast<int64_t>(std::time(nullptr))};
}

std::string Session::refusal(const Reply& reply, bool is_change) const {
  const std::string& address = line_.options.address;
  if (reply.reached) return "shuttle refuses: " + reason_in(reply) + advice_for(reply);
  if (reply.too_large)
    return "the answer of what is at " + address + " is too large. Is -addr right?";
  if (!is_change || !reply.timed_out)
    return "cannot reach shuttle at " + address + ": " + reply.error +
           ". Is it running, and is -addr right?";
  return "no answer from shuttle at " + address + ": " + reply.error +
         ". The change may have been made: see 'shuttle-cli history', or give a longer -timeout";
}

int Session::refuse(const Reply& reply, bool is_change) const {
  complain(refusal(reply, is_change));
  return reply.reached || reply.too_large ? kExitError : kExitUnreachable;
}

int Session::refuse_document() const {
  complain("what answers at " + line_.options.address +
           " is not shuttle: its answer is not the JSON that it should be. Is -addr right?");
  return kExitError;
}

int Session::change(const char* method, const std::string& path, const std::string& body) {
  const Reply reply = client_.change(method, path, body);
  return reply.ok() ? kExitOk : refuse(reply, true);
}

}  // namespace httpteleport::cli
