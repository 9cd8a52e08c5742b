// The HTTP API of a live proxy: what it serves is read and changed here, and its state told
// (docs/admin-api.md). Control thread.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "admin/event_stream.h"
#include "admin/pages.h"
#include "admin/routes.h"
#include "service/registry.h"
#include "service/runtime.h"

namespace httpteleport::admin {

// Routes, methods, statuses, texts and bodies of names without a `_` are those of the older
// program; what is new begins with a `_`, which no service's name does.
class ServiceApi final : public Site {
 public:
  static constexpr size_t kBodyBytesMax = 64 * 1024 * 1024;
  // For the server's options: browsers send what they have got of anything on this host.
  static constexpr size_t kHeadBytesMax = 64 * 1024;

  struct Options {
    // Members of /_version, "name" and "version" among them.
    std::vector<std::pair<std::string, std::string>> build;
    // Whether the program is about to end; nothing: it never is.
    std::function<bool()> is_draining;
    // Put behind the text of /_metrics; nothing: there are no others.
    std::function<std::string()> more_metrics;
  };

  // All outlive this. Changes that the registry tells must be given to `events` by whoever owns
  // both: Registry::add_listener().
  ServiceApi(service::Registry& registry, service::Runtime& runtime, EventStream& events,
             Options options);

  // Whether the configuration's files could be read and carried out when that was last tried: at
  // the start, and on SIGHUP.
  void note_reload(bool ok) { last_reload_ok_ = ok; }

  size_t body_bytes_max() const override { return kBodyBytesMax; }
  void serve(const Request& request, Answer answer) override;

  // All that is served, in the order in which it is tried.
  static std::vector<RouteInfo> routes();

 private:
  struct Route;
  // A request that has found its route.
  struct Call {
    const Request& request;
    std::vector<std::string> names;  // what stands for the path's parameters
    service::ChangeOptions change;
  };
  using Refusal = std::optional<Page>;

  static std::span<const Route> table();
  void run(const Route& route, Call& call, Answer answer);
  // Reads what a change asks of itself: dry_run, replace, If-Match.
  Refusal read_change_options(Call& call) const;

  void get_stats(Call& call, Answer answer);
  void get_service_stats(Call& call, Answer answer);
  void get_backend_stats(Call& call, Answer answer);
  void get_config(Call& call, Answer answer);
  void get_service_config(Call& call, Answer answer);
  void get_history(Call& call, Answer answer);
  void get_history_entry(Call& call, Answer answer);
  void get_health(Call& call, Answer answer);
  void get_ready(Call& call, Answer answer);
  void get_metrics(Call& call, Answer answer);
  void get_version(Call& call, Answer answer);
  void get_events(Call& call, Answer answer);
  void get_openapi(Call& call, Answer answer);

  void put_config(Call& call, Answer answer);
  void put_service(Call& call, Answer answer);
  void delete_service(Call& call, Answer answer);
  void put_backend(Call& call, Answer answer);
  void delete_backend(Call& call, Answer answer);
  void put_state(Call& call, Answer answer);
  void put_maintenance(Call& call, Answer answer);
  void roll_back(Call& call, Answer answer);

  // Which status stands for each way that a change can fail.
  struct Statuses {
    int bad_json = 500;
    int invalid = 400;
    int unknown = 400;
  };
  // What a change that was made is answered with.
  enum class Then : unsigned char { kNothing, kWholeConfig };

  service::Registry::Done answer_with(const Call& call, Answer answer, Statuses statuses,
                                      Then then = Then::kWholeConfig);
  static Page failure_page(const service::Outcome& outcome, Statuses statuses);
  static Page changed_page(const service::Registry& registry, const service::Outcome& outcome,
                           Then then);
  service::ServiceStats stats_of(const service::ServiceConfig& config) const;
  std::string etag() const;

  service::Registry& registry_;
  service::Runtime& runtime_;
  EventStream& events_;
  const Options options_;
  bool last_reload_ok_ = true;
  std::shared_ptr<bool> state_written_ = std::make_shared<bool>(true);  // the last time
};

}  // namespace httpteleport::admin
