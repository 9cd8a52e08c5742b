// Pages to be shown in the place of errors: got in the background, kept, and looked at again every
// minute.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "event/refresher.h"
#include "fetch/page_reader.h"

namespace httpteleport::fetch {

// On the loop's thread.
class PageHandler {
 public:
  // There is a page, or another one than before.
  virtual void on_page(const PageSource& source, const std::shared_ptr<const Page>& page) = 0;
  // It cannot be got; what there was stays. Told once, until it is got again.
  virtual void on_page_problem(const PageSource& source, const std::string& problem) = 0;

 protected:
  ~PageHandler() = default;
};

// All methods on the loop's thread, which never waits for a page. A source is fetched once, however
// many use it. Proxies that the environment names are not used.
class ErrorPages {
 public:
  struct Options {
    PageLimits limits{};
    Duration interval = std::chrono::seconds(60);
    Duration retry_interval = std::chrono::seconds(5);  // while there is no page at all
    size_t threads_max = 3;
    std::vector<net::Address> forbidden{};  // nothing is fetched from there: the admin's addresses
  };

  // `loop` and `handler` outlive it. The destructor ends fetches that are under way.
  ErrorPages(event::Loop& loop, const Options& options, PageHandler& handler);
  ErrorPages(const ErrorPages&) = delete;
  ErrorPages& operator=(const ErrorPages&) = delete;

  // One more, or one less, uses `source`. What problem_of_source() finds wrong must not be added.
  void add(const PageSource& source);
  void remove(const PageSource& source);
  // The page as it is now: of a text at once; null: there is none yet, or nobody uses the source.
  std::shared_ptr<const Page> find(const PageSource& source) const;

 private:
  class Job;
  struct Entry {
    size_t uses = 0;
    event::Refresher::Id job = 0;  // 0: a text
    std::shared_ptr<const Page> page;
  };

  void on_news(const PageSource& source, const PageReader::News& news);

  const Options options_;
  const std::shared_ptr<const ForbiddenAddresses> forbidden_;
  PageHandler& handler_;
  std::map<PageSource, Entry> entries_;
  event::Refresher refresher_;
};

}  // namespace httpteleport::fetch
