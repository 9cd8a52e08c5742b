// Configurations and statistics as JSON, to the letter as the older program writes them: members in
// the order of its structs, two blanks a level, <, > and & as \u003c, \u003e and \u0026, null for
// an empty list where its struct does not leave it out. Members that the older program does not
// know are written only where they differ from their defaults, behind the others.
//
// And back: documents into patches (service/patch.h), by the rules of the older program's reader.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "service/config.h"
#include "service/json_writer.h"
#include "service/patch.h"
#include "service/runtime.h"

namespace httpteleport::service {

// Members of a backend's that have the default for a backend of `service_network` are left out.
void append_json(std::string& out, const BackendConfig& backend, JsonLayout layout = {},
                 std::string_view service_network = "tcp");
// Backends in the order of their names.
void append_json(std::string& out, const ServiceConfig& service, JsonLayout layout = {});
// Of all in the order of services' names. O(size); see ConfigText for what is written often.
void append_json(std::string& out, const Config& config, JsonLayout layout = {});

// Statistics have fields of the configuration among them.
struct ServiceWithStats {
  const ServiceConfig* config = nullptr;
  const ServiceStats* stats = nullptr;
};
void append_json(std::string& out, const BackendStats& backend, JsonLayout layout = {});
// Backends in the order of the statistics.
void append_json(std::string& out, const ServiceWithStats& service, JsonLayout layout = {});
// "[]" if there are none.
void append_json(std::string& out, const std::vector<ServiceWithStats>& services,
                 JsonLayout layout = {});

// The document that the older program answers with: indented, with a line feed behind it.
template <class T>
std::string json_document(const T& value) {
  std::string out;
  append_json(out, value, JsonLayout{});
  out += '\n';
  return out;
}

struct JsonReadLimits {
  size_t bytes_max = size_t{64} * 1024 * 1024;
  int depth_max = 64;
  size_t elements_max = 1'000'000;  // of all lists together
  // Of 16 bytes each. What is written here has more than 8 bytes of text for each of them, so that
  // what fits into bytes_max can be read again.
  size_t tokens_max = bytes_max / 8;
  size_t services_max = 100'000;
  size_t backends_max = 100'000;  // of all services together
  size_t warnings_max = 100;
};

// What was read. With an error (one line, with the line and column in the text) `value` is that of
// a document that names nothing. Warnings, one line each, are of members that nobody knows: they
// are passed over.
template <class Patch>
struct JsonRead {
  Patch value;
  std::string error;
  std::vector<std::string> warnings;

  bool ok() const { return error.empty(); }
};

// Keys are compared without case; of members with one name the last wins; null leaves a member
// unnamed; a number with a fraction or an exponent is not a whole number; nothing may stand behind
// the value. Durations are numbers of milliseconds, or texts as "10s". O(size).
JsonRead<ConfigPatch> read_config(std::string_view text, const JsonReadLimits& limits = {});
JsonRead<ServicePatch> read_service(std::string_view text, const JsonReadLimits& limits = {});
JsonRead<BackendPatch> read_backend(std::string_view text, const JsonReadLimits& limits = {});

}  // namespace httpteleport::service
