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

// How much of a document a reader of JsonReadLimits has to take.
struct DocumentSize {
  size_t bytes = 0;
  size_t services = 0;
  size_t backends = 0;
  size_t elements = 0;     // of all lists
  size_t error_pages = 0;  // members of all

  void add(const DocumentSize& other);
  void subtract(const DocumentSize& other);
};

// Control thread. Holds the text of each service, a little over 1 KB for one with three backends.
class ConfigText {
 public:
  void put(const ServiceConfig& service);
  void remove(const std::string& name);

  // Of all services together, of one of them, and of one that need not be among them.
  const DocumentSize& size() const { return size_; }
  const DocumentSize& size_of(const std::string& name) const { return services_.at(name).size; }
  static DocumentSize size_of(const ServiceConfig& service);
  // What stands around the services.
  static size_t head_bytes(const Globals& globals, uint64_t version);

  // As append_json() and a line feed. O(services), without touching their texts.
  ConfigDocument document(const Globals& globals) const;
  // The same with "_version" as the first member.
  ConfigDocument state_document(const Globals& globals, uint64_t version) const;

 private:
  ConfigDocument assemble(std::string head) const;

  struct Entry {
    ConfigDocument::Piece text;
    DocumentSize size;
  };

  std::map<std::string, Entry, std::less<>> services_;
  DocumentSize size_;
};

}  // namespace httpteleport::service
