#include <charconv>
#include <span>

#include "base/nearest_name.h"
#include "base/text.h"
#include "service/duration_text.h"
#include "service/json.h"
#include "service/json_reader.h"
#include "service/value_forms.h"

namespace httpteleport::service {

namespace {

class Decoder;

// A member that a document may have.
template <class Patch>
struct Field {
  std::string_view name;
  void (*read)(Decoder& decoder, Patch& patch);
};

template <class Patch>
std::span<const Field<Patch>> fields();

std::string_view kind_name(JsonReader::Kind kind) {
  switch (kind) {
    case JsonReader::Kind::kObject:
      return "object";
    case JsonReader::Kind::kArray:
      return "array";
    case JsonReader::Kind::kString:
      return "string";
    case JsonReader::Kind::kNumber:
      return "number";
    case JsonReader::Kind::kBool:
      return "bool";
    default:
      return "null";
  }
}

std::optional<int64_t> whole_number(std::string_view literal) {
  int64_t number = 0;
  const auto [end, error] =
      std::from_chars(literal.data(), literal.data() + literal.size(), number);
  if (error != std::errc() || end != literal.data() + literal.size()) return std::nullopt;
  return number;
}

constexpr char kDurationType[] = "int of milliseconds or text such as \"10s\"";

// Reads one document. As the older program's reader: a value of the wrong type is passed over and
// told at the end, unless the document has a syntax error, which is told then.
class Decoder {
 public:
  Decoder(std::string_view text, const JsonReadLimits& limits, std::vector<std::string>& warnings)
      : reader_(text, limits.depth_max, limits.elements_max, limits.tokens_max),
        limits_(limits),
        warnings_(warnings) {}

  // Empty, or what is wrong.
  template <class Patch>
  std::string document(Patch& patch) {
    read_members(patch);
    if (reader_.at_end()) return type_error_;
    return reader_.error();
  }

  void read(std::optional<std::string>& value);
  void read(std::optional<bool>& value);
  void read(std::optional<int64_t>& value);
  void read_ms(std::optional<int64_t>& value);

  // Lists and objects of any of these.
  template <class T>
  void read(std::optional<std::vector<T>>& list) {
    if (!expect(Kind::kArray, "list")) return;
    list.emplace();
    read_elements([this, &list] {
      if (count_element(static_cast<T*>(nullptr))) read_element(list->emplace_back());
    });
  }
  template <class T>
  void read(std::optional<std::map<std::string, T>>& members) {
    if (!expect(Kind::kObject, "object")) return;
    members.emplace();
    reader_.object([this, &members](std::string_view key) {
      if (!count_map_member()) return;
      const Inside inside(*this, key);
      read_element((*members)[std::string(key)]);
    });
  }
  void read(LimitsPatch& limits) { read_members(limits); }
  void read(CheckPatch& check) { read_members(check); }
  void read(std::string& value) { read_plain(value); }

 private:
  using Kind = JsonReader::Kind;

  // Where in the document we are, for messages.
  class Inside {
   public:
    Inside(Decoder& decoder, std::string_view key) : path_(decoder.path_) {
      path_.push_back({key, 0});
    }
    Inside(Decoder& decoder, size_t index) : path_(decoder.path_) { path_.push_back({{}, index}); }
    ~Inside() { path_.pop_back(); }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    std::vector<std::pair<std::string_view, size_t>>& path_;
  };

  // Whether a value of that kind comes. One of another kind is passed over: null silently.
  bool expect(Kind kind, std::string_view type);
  template <class Patch>
  void read_members(Patch& patch);
  template <class Patch>
  void read_member(Patch& patch, std::string_view key);
  template <class ReadElement>
  void read_elements(const ReadElement& read_element);
  // Null leaves what is empty.
  template <class T>
  void read_plain(T& value) {
    std::optional<T> read_value;
    read(read_value);
    if (read_value) value = std::move(*read_value);
  }
  void read_element(std::string& value) { read_plain(value); }
  void read_element(int64_t& value) { read_plain(value); }
  void read_element(std::vector<int64_t>& value) { read_plain(value); }
  template <class Patch>
  void read_element(Patch& patch) {
    read_members(patch);
  }
  // Maps have members without end, other objects those that we know.
  bool count_map_member() {
    return count(map_members_, limits_.elements_max, "members in " + path());
  }
  // Services and backends are large. The reader counts the others.
  bool count_element(const ServicePatch* /*kind*/) {
    reader_.peek();
    return count(services_, limits_.services_max, "services");
  }
  bool count_element(const BackendPatch* /*kind*/) {
    reader_.peek();
    return count(backends_, limits_.backends_max, "backends");
  }
  bool count_element(const void* /*kind*/) { return true; }
  bool count(size_t& number, size_t most, std::string_view what);
  void wrong_type(std::string_view found, std::string_view type);
  std::string path() const;

  JsonReader reader_;
  const JsonReadLimits& limits_;
  std::vector<std::string>& warnings_;
  std::vector<std::pair<std::string_view, size_t>> path_;
  size_t map_members_ = 0;
  size_t services_ = 0;
  size_t backends_ = 0;
  std::string type_error_;
};

std::string Decoder::path() const {
  std::string path;
  for (const auto& [key, index] : path_) {
    if (key.empty()) {
      path += '[' + std::to_string(index) + ']';
    } else {
      if (!path.empty()) path += '.';
      path += shown_name(key);
    }
  }
  return path;
}

void Decoder::wrong_type(std::string_view found, std::string_view type) {
  if (!type_error_.empty()) return;
  type_error_ = "json: cannot unmarshal " + std::string(found) + " into ";
  if (path_.empty()) {
    type_error_ += "a value";
  } else {
    type_error_ += "field " + path();
  }
  type_error_ += " of type " + std::string(type) + reader_.here();
}

bool Decoder::expect(Kind kind, std::string_view type) {
  const Kind found = reader_.peek();
  if (found == kind) return true;
  if (found != Kind::kNull && found != Kind::kNone) wrong_type(kind_name(found), type);
  reader_.skip();
  return false;
}

// False, and one is passed over, when it is one too many.
bool Decoder::count(size_t& number, size_t most, std::string_view what) {
  if (++number <= most) return true;
  if (type_error_.empty()) {
    type_error_ = "the document has more than " + std::to_string(most) + " " + std::string(what) +
                  reader_.here();
  }
  reader_.skip();
  return false;
}

template <class ReadElement>
void Decoder::read_elements(const ReadElement& read_one) {
  size_t index = 0;
  reader_.array([&] {
    const Inside inside(*this, index++);
    read_one();
  });
}

template <class Patch>
void Decoder::read_members(Patch& patch) {
  if (!expect(Kind::kObject, "object")) return;
  reader_.object([this, &patch](std::string_view key) { read_member(patch, key); });
}

// One of that very name before one of that name in other letters.
template <class Patch>
const Field<Patch>* find_field(std::string_view key) {
  for (const Field<Patch>& field : fields<Patch>()) {
    if (field.name == key) return &field;
  }
  const std::string lower = lower_case(key);
  for (const Field<Patch>& field : fields<Patch>()) {
    if (field.name == lower) return &field;
  }
  return nullptr;
}

template <class Patch>
void Decoder::read_member(Patch& patch, std::string_view key) {
  if (const Field<Patch>* field = find_field<Patch>(key)) {
    const Inside inside(*this, field->name);
    field->read(*this, patch);
    return;
  }
  if (warnings_.size() < limits_.warnings_max) {
    std::vector<std::string> names;
    for (const Field<Patch>& field : fields<Patch>())
      names.emplace_back(field.name);
    std::string quoted;
    append_json_string(quoted, key.substr(0, 100));
    const std::string where = path();
    warnings_.push_back((where.empty() ? "" : where + ": ") + "unknown field " + quoted +
                        " is ignored" + did_you_mean(key, names) + reader_.here());
  }
  reader_.skip();
}

void Decoder::read(std::optional<std::string>& value) {
  if (!expect(Kind::kString, "string")) return;
  std::string text;
  if (reader_.string(text)) value = std::move(text);
}

void Decoder::read(std::optional<bool>& value) {
  if (!expect(Kind::kBool, "bool")) return;
  bool truth = false;
  if (reader_.boolean(truth)) value = truth;
}

void Decoder::read(std::optional<int64_t>& value) {
  if (!expect(Kind::kNumber, "int")) return;
  std::string_view literal;
  if (!reader_.number(literal)) return;
  if (const std::optional<int64_t> number = whole_number(literal)) {
    value = number;
  } else {
    wrong_type("number " + std::string(literal.substr(0, 40)), "int");
  }
}

void Decoder::read_ms(std::optional<int64_t>& value) {
  const Kind kind = reader_.peek();
  if (kind == Kind::kNumber) return read(value);
  if (!expect(Kind::kString, kDurationType)) return;
  std::string text;
  if (!reader_.string(text)) return;
  if (const std::optional<int64_t> ms = parse_duration_ms(text)) {
    value = ms;
  } else {
    std::string quoted;
    append_json_string(quoted, std::string_view(text).substr(0, 40));
    wrong_type("string " + quoted, kDurationType);
  }
}

// How fields of the tables below are read.
template <auto kMember, class Patch>
void plain(Decoder& decoder, Patch& patch) {
  decoder.read(patch.*kMember);
}
template <auto kMember, class Patch>
void ms(Decoder& decoder, Patch& patch) {
  decoder.read_ms(patch.*kMember);
}
template <auto kMember>
void global(Decoder& decoder, ConfigPatch& patch) {
  decoder.read(patch.globals.*kMember);
}
template <auto kMember>
void global_ms(Decoder& decoder, ConfigPatch& patch) {
  decoder.read_ms(patch.globals.*kMember);
}

template <>
std::span<const Field<LimitsPatch>> fields() {
  using P = LimitsPatch;
  static constexpr Field<P> kFields[] = {
      {"connections", plain<&P::connections>},
      {"connections_per_second", plain<&P::connections_per_second>},
      {"requests_per_second", plain<&P::requests_per_second>},
      {"burst", plain<&P::burst>},
  };
  return kFields;
}

template <>
std::span<const Field<CheckPatch>> fields() {
  using P = CheckPatch;
  static constexpr Field<P> kFields[] = {
      {"type", plain<&P::type>},     {"path", plain<&P::path>}, {"host", plain<&P::host>},
      {"status", plain<&P::status>}, {"send", plain<&P::send>}, {"expect", plain<&P::expect>},
      {"timeout", ms<&P::timeout>},
  };
  return kFields;
}

template <>
std::span<const Field<BackendPatch>> fields() {
  using P = BackendPatch;
  static constexpr Field<P> kFields[] = {
      {"name", plain<&P::name>},       {"address", plain<&P::address>},
      {"network", plain<&P::network>}, {"check_address", plain<&P::check_address>},
      {"weight", plain<&P::weight>},   {"state", plain<&P::state>},
      {"limits", plain<&P::limits>},
  };
  return kFields;
}

template <>
std::span<const Field<ListenerConfig>> fields() {
  using P = ListenerConfig;
  static constexpr Field<P> kFields[] = {
      {"address", plain<&P::address>},
      {"network", plain<&P::network>},
  };
  return kFields;
}

template <>
std::span<const Field<ServicePatch>> fields() {
  using P = ServicePatch;
  static constexpr Field<P> kFields[] = {
      {"name", plain<&P::name>},
      {"address", plain<&P::address>},
      {"network", plain<&P::network>},
      {"balance", plain<&P::balance>},
      {"check_interval", ms<&P::check_interval>},
      {"fall", plain<&P::fall>},
      {"rise", plain<&P::rise>},
      {"client_timeout", ms<&P::client_timeout>},
      {"server_timeout", ms<&P::server_timeout>},
      {"connect_timeout", ms<&P::connect_timeout>},
      {"https-redirect", plain<&P::https_redirect>},
      {"virtual_hosts", plain<&P::virtual_hosts>},
      {"error_pages", plain<&P::error_pages>},
      {"maintenance_mode", plain<&P::maintenance_mode>},
      {"backends", plain<&P::backends>},
      {"listeners", plain<&P::listeners>},
      {"check", plain<&P::check>},
      {"limits", plain<&P::limits>},
      {"client_limits", plain<&P::client_limits>},
      {"slow_start", ms<&P::slow_start>},
      {"idle_timeout", ms<&P::idle_timeout>},
      {"sessions_max", plain<&P::sessions_max>},
      {"proxy_protocol", plain<&P::proxy_protocol>},
      {"accept_proxy_protocol", plain<&P::accept_proxy_protocol>},
      {"proxy_protocol_from", plain<&P::proxy_protocol_from>},
      {"backend_header", plain<&P::backend_header>},
      {"link_protocol", plain<&P::link_protocol>},
      {"link_traffic", plain<&P::link_traffic>},
      {"compression", plain<&P::compression>},
      {"link_plain_bodies", plain<&P::link_plain_bodies>},
      {"tls_ca_file", plain<&P::tls_ca_file>},
      {"tls_server_name", plain<&P::tls_server_name>},
      {"tls_skip_verify", plain<&P::tls_skip_verify>},
  };
  return kFields;
}

template <>
std::span<const Field<ConfigPatch>> fields() {
  using P = ConfigPatch;
  using G = GlobalsPatch;
  static constexpr Field<P> kFields[] = {
      {"balance", global<&G::balance>},
      {"check_interval", global_ms<&G::check_interval>},
      {"fall", global<&G::fall>},
      {"rise", global<&G::rise>},
      {"client_timeout", global_ms<&G::client_timeout>},
      {"server_timeout", global_ms<&G::server_timeout>},
      {"connect_timeout", global_ms<&G::connect_timeout>},
      {"https-redirect", global<&G::https_redirect>},
      {"services", plain<&P::services>},
      {"_version", plain<&P::version>},
  };
  return kFields;
}

template <class Patch>
JsonRead<Patch> read_document(std::string_view text, const JsonReadLimits& limits) {
  JsonRead<Patch> result;
  if (text.size() > limits.bytes_max) {
    result.error = "the document has " + std::to_string(text.size()) + " bytes; at most " +
                   std::to_string(limits.bytes_max) + " are accepted";
    return result;
  }
  result.error = Decoder(text, limits, result.warnings).document(result.value);
  if (!result.ok()) result.value = Patch();
  return result;
}

}  // namespace

JsonRead<ConfigPatch> read_config(std::string_view text, const JsonReadLimits& limits) {
  return read_document<ConfigPatch>(text, limits);
}

JsonRead<ServicePatch> read_service(std::string_view text, const JsonReadLimits& limits) {
  return read_document<ServicePatch>(text, limits);
}

JsonRead<BackendPatch> read_backend(std::string_view text, const JsonReadLimits& limits) {
  return read_document<BackendPatch>(text, limits);
}

}  // namespace httpteleport::service
