// A page that is shown in the place of an error, and where it comes from.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace httpteleport::fetch {

// Immutable once made; any thread.
struct Page {
  std::string body;  // not empty
  // Content-Type, and of an http source also Content-Encoding, Content-Language, Cache-Control,
  // Last-Modified and Retry-After, as far as it has them. A Set-Cookie is left out: it would be one
  // client's for all.
  std::vector<std::pair<std::string, std::string>> fields;

  friend bool operator==(const Page&, const Page&) = default;
};

struct PageSource {
  std::string url;  // http://..., https://..., file:/absolute/path, text:what to show
  // Of an http source: answers with these statuses are good too, beside those from 200 to 299, as a
  // server may give the page for 503 with 503.
  std::vector<int64_t> statuses{};

  // NOLINTNEXTLINE(modernize-use-nullptr): the check takes the default's own code for ours
  friend auto operator<=>(const PageSource&, const PageSource&) = default;
};

// What is wrong with `url`; empty: nothing.
std::string problem_of_source(const std::string& url);

}  // namespace httpteleport::fetch
