// Gets one page, and looks later whether it has changed.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "fetch/forbidden_addresses.h"
#include "fetch/page.h"

namespace httpteleport::fetch {

struct PageLimits {
  size_t body_bytes_max = 1024 * 1024;
  Duration connect_timeout = std::chrono::seconds(2);
  Duration timeout = std::chrono::seconds(5);  // in all, with redirects
  int redirects_max = 3;
};

// One thread at a time, which is none of a loop; cancel() is for any.
class PageReader {
 public:
  struct News {
    std::shared_ptr<const Page> page;  // null: as before, or see `problem`
    std::string problem;               // empty: none
  };

  virtual ~PageReader() = default;
  virtual News read() = 0;
  // Ends a read() under way, and those to come, as soon as possible.
  virtual void cancel() {}
};

// Of a source that problem_of_source() has nothing against, and that is not text.
std::unique_ptr<PageReader> make_page_reader(const PageSource& source, const PageLimits& limits,
                                             std::shared_ptr<const ForbiddenAddresses> forbidden);

// Null: `url` is not text.
std::shared_ptr<const Page> page_of_text(const std::string& url);

}  // namespace httpteleport::fetch
