#include "fetch/error_pages.h"

#include <utility>

#include "base/assert.h"

namespace httpteleport::fetch {

// Tells the owner, which lives when a letter is read, of changes only.
class ErrorPages::Job final : public event::RefreshJob {
 public:
  Job(ErrorPages& owner, PageSource source)
      : owner_(owner),
        source_(std::move(source)),
        retry_interval_(owner.options_.retry_interval),
        reader_(make_page_reader(source_, owner.options_.limits, owner.forbidden_)) {}

  Outcome run() override {
    PageReader::News news = reader_->read();
    const bool is_news =
        news.problem.empty() ? news.page && (!page_ || *news.page != *page_) : !failing_;
    failing_ = !news.problem.empty();
    if (news.page && is_news) page_ = news.page;
    Outcome outcome{.again_after = page_ ? Duration::zero() : retry_interval_};
    if (is_news)
      outcome.letter = [owner = &owner_, source = source_, news = std::move(news)] {
        owner->on_news(source, news);
      };
    return outcome;
  }
  void cancel() override { reader_->cancel(); }

 private:
  ErrorPages& owner_;
  const PageSource source_;
  const Duration retry_interval_;
  const std::unique_ptr<PageReader> reader_;
  std::shared_ptr<const Page> page_;
  bool failing_ = false;
};

ErrorPages::ErrorPages(event::Loop& loop, const Options& options, PageHandler& handler)
    : options_(options),
      forbidden_(std::make_shared<const ForbiddenAddresses>(options.forbidden)),
      handler_(handler),
      refresher_(loop, {.interval = options.interval,
                        .threads_max = options.threads_max,
                        .wait_for_jobs = true}) {}

void ErrorPages::add(const PageSource& source) {
  Entry& entry = entries_[source];
  if (entry.uses++ > 0) return;
  entry.page = page_of_text(source.url);
  if (entry.page) return;
  HT_ASSERT(problem_of_source(source.url).empty());
  entry.job = refresher_.add(std::make_shared<Job>(*this, source));
}

void ErrorPages::remove(const PageSource& source) {
  const auto at = entries_.find(source);
  HT_ASSERT(at != entries_.end());
  if (--at->second.uses > 0) return;
  if (at->second.job != 0) refresher_.remove(at->second.job);
  entries_.erase(at);
}

std::shared_ptr<const Page> ErrorPages::find(const PageSource& source) const {
  const auto at = entries_.find(source);
  return at == entries_.end() ? nullptr : at->second.page;
}

void ErrorPages::on_news(const PageSource& source, const PageReader::News& news) {
  if (!news.problem.empty()) return handler_.on_page_problem(source, news.problem);
  entries_.at(source).page = news.page;
  handler_.on_page(source, news.page);
}

}  // namespace httpteleport::fetch
