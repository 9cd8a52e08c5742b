#include "service/config_text.h"

#include "service/json.h"
#include "service/json_members.h"

namespace httpteleport::service {

size_t ConfigDocument::size() const {
  size_t size = 0;
  for_each_piece([&size](std::string_view piece) { size += piece.size(); });
  return size;
}

std::string ConfigDocument::text() const {
  std::string text;
  text.reserve(size());
  for_each_piece([&text](std::string_view piece) { text += piece; });
  return text;
}

namespace {

std::string piece_of(const ServiceConfig& service) {
  std::string text = ",\n    ";
  append_json(text, service, JsonLayout{.depth = 2});
  text.shrink_to_fit();
  return text;
}

DocumentSize size_with(const ServiceConfig& service, size_t bytes) {
  DocumentSize size{.bytes = bytes,
                    .services = 1,
                    .backends = service.backends.size(),
                    .error_pages = service.error_pages.size()};
  size.elements = 1 + service.backends.size() + service.virtual_hosts.size() +
                  service.listeners.size() + service.check.status.size() +
                  service.proxy_protocol_from.size();
  for (const auto& [page, statuses] : service.error_pages)
    size.elements += statuses.size();
  return size;
}

}  // namespace

void DocumentSize::add(const DocumentSize& other) {
  bytes += other.bytes;
  services += other.services;
  backends += other.backends;
  elements += other.elements;
  error_pages += other.error_pages;
}

void DocumentSize::subtract(const DocumentSize& other) {
  bytes -= other.bytes;
  services -= other.services;
  backends -= other.backends;
  elements -= other.elements;
  error_pages -= other.error_pages;
}

DocumentSize ConfigText::size_of(const ServiceConfig& service) {
  return size_with(service, piece_of(service).size());
}

size_t ConfigText::head_bytes(const Globals& globals, uint64_t version) {
  const ConfigText none;
  constexpr size_t kBrackets = 2;  // those of a list are longer than null
  return none.state_document(globals, version).size() + kBrackets;
}

void ConfigText::put(const ServiceConfig& service) {
  remove(service.name);
  std::string text = piece_of(service);
  const DocumentSize size = size_with(service, text.size());
  size_.add(size);
  services_.emplace(service.name,
                    Entry{std::make_shared<const std::string>(std::move(text)), size});
}

void ConfigText::remove(const std::string& name) {
  const auto found = services_.find(name);
  if (found == services_.end()) return;
  size_.subtract(found->second.size);
  services_.erase(found);
}

namespace {

std::string head(const Globals& globals, const uint64_t* version) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  if (version) json.member("_version", static_cast<int64_t>(*version));
  append_global_members(json, globals);
  json.key("services");
  return text;
}

}  // namespace

ConfigDocument ConfigText::document(const Globals& globals) const {
  return assemble(head(globals, nullptr));
}

ConfigDocument ConfigText::state_document(const Globals& globals, uint64_t version) const {
  return assemble(head(globals, &version));
}

ConfigDocument ConfigText::assemble(std::string head) const {
  if (services_.empty()) return {head + "null\n}\n", {}, {}};
  std::vector<ConfigDocument::Piece> pieces;
  pieces.reserve(services_.size());
  for (const auto& [name, entry] : services_)
    pieces.push_back(entry.text);
  return {head + "[", std::move(pieces), "\n  ]\n}\n"};
}

}  // namespace httpteleport::service
