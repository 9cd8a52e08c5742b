// The configuration in force, and every way to change it. A change is read, merged, validated,
// carried out by the runtime, taken into force, written to the state file, and told to listeners;
// if a step up to the runtime's fails, all is as it was.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/config.h"
#include "service/config_text.h"
#include "service/history.h"
#include "service/json.h"
#include "service/listen_index.h"
#include "service/merge.h"
#include "service/runtime.h"
#include "service/start.h"
#include "service/state_file.h"

namespace httpteleport::service {

// How a change ended.
struct Outcome {
  enum class Kind {
    kOk,
    kBadJson,             // not a document of that kind
    kInvalid,             // a value is not accepted, or the runtime cannot carry it out
    kUnknownService,      // "service does not exist"
    kUnknownBackend,      // "backend does not exist"
    kUnknownVersion,      // not in the history
    kMismatchedName,      // "Mismatched service name in API call"
    kPreconditionFailed,  // another version is in force than the one asked for
    kStateNotWritten,     // in force, but lost at the next restart
  };

  Kind kind = Kind::kOk;
  std::string message;                // one line; empty if ok
  uint64_t version = 0;               // in force when the change was made, with it
  std::vector<std::string> changes;   // one line each: what is other than before
  std::vector<std::string> warnings;  // one line each

  bool ok() const { return kind == Kind::kOk; }
};

struct ChangeOptions {
  bool replace = false;                // what the document does not name is removed or reset
  bool dry_run = false;                // all but carrying it out
  std::optional<uint64_t> if_match{};  // this version must be in force
};

// What listeners hear: the configuration is another one now.
struct ConfigChange {
  uint64_t version = 0;
  std::string summary;  // one line
  std::vector<std::string> changes;
};

class ConfigListener {
 public:
  // May make changes, but not remove itself.
  virtual void on_config_changed(const ConfigChange& change) = 0;

 protected:
  ~ConfigListener() = default;
};

// Control thread. With 10,000 services a change takes the time of its own services, of copying so
// many pointers, and of Runtime::apply().
class Registry {
 public:
  using Done = std::function<void(Outcome)>;

  struct Options {
    std::vector<ReservedAddress> reserved;
    // What an update of a service does to backends that its list does not name; ?replace=1 always
    // removes them.
    UnnamedBackends unnamed_backends = UnnamedBackends::kKeep;
    size_t history_max = 64;
    // A change after which the state could not be read again by these is refused.
    JsonReadLimits document_limits{};
    std::function<int64_t()> unix_time;  // seconds since 1970; nothing: the system's clock
  };

  // `runtime` and `state` outlive this; `state` may be null: then nothing is written.
  Registry(Runtime& runtime, StateFile* state, Options options);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // Carries out what the program begins with. Once, before any change; nothing is written. Services
  // that cannot be carried out are left out, with a warning each; a state file that had them gets
  // another name before it is written, as a broken one. If it fails, nothing is in force.
  Outcome start(const StartConfig& start);

  // Changes. `done` is called once: before the method returns, or later when the state file is
  // written. It is not called any more when this is destroyed.
  void put_config(std::string_view json, const ChangeOptions& options, Done done);
  void put_service(const std::string& name, std::string_view json, const ChangeOptions& options,
                   Done done);
  void remove_service(const std::string& name, const ChangeOptions& options, Done done);
  // A name in the document wins over `backend`, as in the older program.
  void put_backend(const std::string& service, const std::string& backend, std::string_view json,
                   const ChangeOptions& options, Done done);
  void remove_backend(const std::string& service, const std::string& backend,
                      const ChangeOptions& options, Done done);
  // "up" "down" "drain" "maint" or "auto".
  void set_backend_state(const std::string& service, const std::string& backend,
                         std::string_view state, const ChangeOptions& options, Done done);
  void set_maintenance(const std::string& service, bool on, const ChangeOptions& options,
                       Done done);
  // To a version of the history; nothing: the one before that in force. It gets a new number.
  void rollback(std::optional<uint64_t> to, const ChangeOptions& options, Done done);

  const Config& config() const { return config_; }
  uint64_t version() const { return version_; }
  // Null if there is none.
  std::shared_ptr<const ServiceConfig> find(std::string_view service) const;

  // The answer to GET /_config.
  ConfigDocument document() const { return texts_.document(config_.globals); }
  // The answer to GET /SERVICE/_config; nothing if there is no such service.
  std::optional<std::string> service_document(std::string_view service) const;

  // Newest first; the first is in force.
  std::vector<HistoryEntry> history() const { return history_.entries(); }
  std::optional<Config> config_at(uint64_t version) const;

  // Heard when a change is on the disk, before its `done`. Removed before the listener ends.
  void add_listener(ConfigListener& listener);
  void remove_listener(ConfigListener& listener);

 private:
  // A change on its way.
  struct Plan {
    Globals globals;
    std::vector<ServiceChange> services;
    std::string what;  // what it is for, in front of the summary; empty: nothing particular
    Outcome outcome;
  };

  Plan new_plan() const;
  Outcome failed(Outcome::Kind kind, std::string message) const;
  // Answers a change that is not for the version in force.
  bool refuse(const ChangeOptions& options, const Done& done) const;
  MergeRules rules(const ChangeOptions& options) const;
  // A service in place of `before`.
  void replace_service(std::shared_ptr<const ServiceConfig> before, ServiceConfig after,
                       const ChangeOptions& options, Done done, Plan plan);
  std::optional<size_t> find_backend(const ServiceConfig* service, const std::string& backend,
                                     const Done& done) const;

  void finish(Plan plan, const ChangeOptions& options, const Done& done);
  std::vector<std::string> problems_of(const Plan& plan);
  // Moves the addresses of the services to those of the plan, or does nothing and says why.
  std::optional<Problem> begin_with(const Plan& plan);
  bool leave_out(const std::string& service, Plan& plan);
  std::optional<std::string> occupy(const Plan& plan);
  void vacate(const Plan& plan);
  // Why the state could not be read again after the plan; nothing if it could.
  std::optional<std::string> unreadable(const Plan& plan) const;
  Change change_of(const Plan& plan) const;
  void try_out(Plan plan, const Done& done);
  void commit(Plan plan, const Done& done);
  // `journal_lines`: see StateFile::submit().
  void save(ConfigChange change, std::string journal_lines, Outcome outcome, const Done& done);
  void tell(const ConfigChange& change);

  Runtime& runtime_;
  StateFile* state_;
  Options options_;
  Config config_;
  uint64_t version_ = 1;
  ListenIndex listening_;
  ConfigText texts_;
  History history_;
  std::vector<ConfigListener*> listeners_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // what waits for the file asks it
};

}  // namespace httpteleport::service
