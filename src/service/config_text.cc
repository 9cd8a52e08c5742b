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

void ConfigText::put(const ServiceConfig& service) {
  std::string text = ",\n    ";
  append_json(text, service, JsonLayout{.depth = 2});
  text.shrink_to_fit();
  services_.insert_or_assign(service.name, std::make_shared<const std::string>(std::move(text)));
}

void ConfigText::remove(const std::string& name) {
  services_.erase(name);
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
  for (const auto& [name, piece] : services_)
    pieces.push_back(piece);
  return {head + "[", std::move(pieces), "\n  ]\n}\n"};
}

}  // namespace httpteleport::service
