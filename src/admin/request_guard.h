// Who may ask the admin API for what: against web pages that a browser here shows, and those who do
// not know the token. Control thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/pages.h"

namespace httpteleport::admin {

// The secret of -admin-token: the first line of a file, without white space around it.
class AdminToken {
 public:
  static constexpr size_t kFileBytesMax = 64 * 1024;
  static constexpr size_t kBytesMin = 8;

  // Reads `path`, now and for a reload. Empty when that went well; otherwise a line that says what
  // is wrong, and the token read before stays in force; without one nobody gets in.
  std::string load(const std::string& path);
  // Whether `authorization` is a field that bears the token. Takes the same time for every token of
  // one length.
  bool is_borne_by(std::string_view authorization) const;

 private:
  std::string token_;
};

class RequestGuard {
 public:
  struct Options {
    // Hosts that requests may name beside those of this machine's loopback and the address that
    // they came to; "*": any.
    std::vector<std::string> hosts{};
    const AdminToken* token = nullptr;  // nullptr: none is asked for
  };

  explicit RequestGuard(Options options) : options_(std::move(options)) {}

  // The answer to a request that must not be served:
  //   403  its Host is not one of ours, as with DNS rebinding; not looked at on unix sockets
  //   401  it does not bear the token, and is not about /_health or /_ready
  //   403  it changes something for a page of another origin
  std::optional<Page> refuse(const Request& request) const;

 private:
  bool knows_host(const Request& request) const;

  Options options_;
};

// Serves `site` to those whom `guard` lets in; both outlive it.
class GuardedSite final : public Site {
 public:
  GuardedSite(Site& site, const RequestGuard& guard) : site_(site), guard_(guard) {}

  std::optional<Page> refuse(const Request& head) override;
  size_t body_bytes_max() const override { return site_.body_bytes_max(); }
  void serve(const Request& request, Answer answer) override;

 private:
  Site& site_;
  const RequestGuard& guard_;
};

// What -metrics-addr serves of `site`, which outlives it: /_metrics, /_health, /_ready and /_stats,
// to be read only. Whatever Host a scraper calls it by, and without a token.
class ReadOnlySite final : public Site {
 public:
  explicit ReadOnlySite(Site& site) : site_(site) {}

  std::optional<Page> refuse(const Request& head) override;
  void serve(const Request& request, Answer answer) override;

 private:
  Site& site_;
};

}  // namespace httpteleport::admin
