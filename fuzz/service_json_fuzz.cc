// Documents of the admin API: what is not JSON is told in one line; what was read, merged and
// written is read as the same, and is written in pieces as it is whole; no name breaks the line of
// a problem or of a change.
#include <string>

#include "base/assert.h"
#include "fuzz_input.h"
#include "service/config_text.h"
#include "service/describe.h"
#include "service/json.h"
#include "service/json_reader.h"
#include "service/merge.h"
#include "service/validate.h"

namespace httpteleport::fuzz {
namespace {

using namespace service;

void check_lines(const std::vector<std::string>& lines) {
  for (const std::string& line : lines)
    HT_ASSERT(!line.empty() && line.find('\n') == std::string::npos);
}

Config merged(const ConfigPatch& patch) {
  ConfigMerge merge_of = merge(Config(), patch, {.zero_is_none = true});
  Config config;
  config.globals = merge_of.globals;
  for (ServiceChange& change : merge_of.services)
    config.services.emplace(change.name(), change.after);
  return config;
}

void check_pieces(const Config& config, const std::string& whole) {
  ConfigText texts;
  for (const auto& [name, service] : config.services)
    texts.put(*service);
  const ConfigDocument document = texts.document(config.globals);
  HT_ASSERT(document.text() == whole);
  HT_ASSERT(document.size() == whole.size());
}

void check_words(const Config& config) {
  check_lines(service::validate(config.globals));
  for (const auto& [name, service] : config.services) {
    check_lines(service::validate(*service));
    std::vector<std::string> lines;
    const ServiceConfig fresh = new_service(service->name, config.globals);
    describe(&fresh, service.get(), lines);
    HT_ASSERT(lines.empty() == (fresh == *service));
  }
}

// What is wrong is told in one line of ASCII; what is right has one value, with an end.
void check_reader(std::string_view text) {
  const JsonReadLimits limits;
  JsonReader reader(text, limits.depth_max, limits.elements_max, limits.tokens_max);
  for (const char c : reader.error())
    HT_ASSERT(c >= ' ' && c <= '~');
  HT_ASSERT(reader.skip() == !reader.failed());
  HT_ASSERT(reader.at_end() == !reader.failed());
}

void run(std::string_view input) {
  const ExactBytes exact(input);
  check_reader(exact.view());
  const JsonRead<ConfigPatch> read = read_config(exact.view());
  check_lines(read.warnings);
  HT_ASSERT(read.ok() || read.error.find('\n') == std::string::npos);
  // What is a document of one kind is one of the others, unless a member is of another type there.
  (void)read_service(exact.view());
  (void)read_backend(exact.view());
  if (!read.ok()) return;
  const Config config = merged(read.value);
  const std::string written = json_document(config);
  const JsonRead<ConfigPatch> back = read_config(written);
  HT_ASSERT(back.ok());
  HT_ASSERT(back.warnings.empty());
  HT_ASSERT(json_document(merged(back.value)) == written);
  check_pieces(config, written);
  check_words(config);
}

}  // namespace
}  // namespace httpteleport::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  httpteleport::fuzz::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
