// The text of a whole configuration, kept in pieces: with thousands of services a change makes one
// piece anew, and who writes the text takes all the others as they are.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "service/config.h"

namespace httpteleport::service {

// A configuration's text at one time. The pieces are immutable and shared, so it may be given to
// another thread.
class ConfigDocument {
 public:
  using Piece = std::shared_ptr<const std::string>;

  ConfigDocument() = default;
  // Each of `services` begins with ",\n".
  ConfigDocument(std::string head, std::vector<Piece> services, std::string tail)
      : head_(std::move(head)), services_(std::move(services)), tail_(std::move(tail)) {}

  // What the text consists of, in order.
  template <class Take>
  void for_each_piece(const Take& take) const {
    take(std::string_view(head_));
    bool first = true;
    for (const Piece& piece : services_) {
      take(std::string_view(*piece).substr(first ? 1 : 0));
      first = false;
    }
    take(std::string_view(tail_));
  }
  size_t size() const;
  std::string text() const;

 private:
  std::string head_;
  std::vector<Piece> services_;
  std::string tail_;
};

// Control thread. Holds the text of each service, a little over 1 KB for one with three backends.
class ConfigText {
 public:
  void put(const ServiceConfig& service);
  void remove(const std::string& name);

  // As append_json() and a line feed. O(services), without touching their texts.
  ConfigDocument document(const Globals& globals) const;
  // The same with "_version" as the first member.
  ConfigDocument state_document(const Globals& globals, uint64_t version) const;

 private:
  ConfigDocument assemble(std::string head) const;

  std::map<std::string, ConfigDocument::Piece, std::less<>> services_;
};

}  // namespace httpteleport::service
