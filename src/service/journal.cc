#include "service/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "base/text.h"
#include "service/json.h"
#include "service/json_members.h"
#include "service/whole_file.h"

namespace httpteleport::service {

namespace {

constexpr std::string_view kFirstLine = "journal of ";

std::string journal_path(const std::string& state_path) {
  return followed(state_path) + ".journal";
}

// What tells the state file from any other that has been there, or will be. Empty: it is not there.
std::string identity_of(const std::string& state_path) {
  struct stat file {};
  if (::stat(state_path.c_str(), &file) != 0) return {};
  return std::string(kFirstLine) + std::to_string(file.st_size) + " bytes of " +
         std::to_string(file.st_mtim.tv_sec) + "." + std::to_string(file.st_mtim.tv_nsec) + "\n";
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// Services by name, as the journal's lines make them.
class Replay {
 public:
  explicit Replay(ConfigPatch& config) : config_(config) {
    if (!config_.services) config_.services.emplace();
    for (size_t i = 0; i < config_.services->size(); ++i)
      places_[(*config_.services)[i].name.value_or("")] = i;
  }

  // False: it is not a line of a journal.
  bool take(std::string_view line) {
    if (line.size() < 2) return false;
    const std::string_view json = line.substr(2);
    if (line.starts_with("= ")) return end_change(json);
    if (!line.starts_with("+ ") && !line.starts_with("- ")) return false;
    JsonRead<ServicePatch> read = read_service(json);
    if (!read.ok() || !read.value.name) return false;
    waiting_.emplace_back(line.front() == '+', std::move(read.value));
    return true;
  }

  // Those that were removed go at the end, so that places stay.
  void finish() {
    std::vector<ServicePatch> left;
    for (size_t i = 0; i < config_.services->size(); ++i) {
      const auto place = places_.find((*config_.services)[i].name.value_or(""));
      if (place != places_.end() && place->second == i)
        left.push_back(std::move((*config_.services)[i]));
    }
    config_.services = std::move(left);
  }

 private:
  bool end_change(std::string_view json) {
    JsonRead<ConfigPatch> read = read_config(json);
    if (!read.ok() || !read.value.version) return false;
    config_.globals = std::move(read.value.globals);
    config_.version = read.value.version;
    for (auto& [is_there, service] : waiting_) {
      const std::string name = *service.name;
      const auto place = places_.find(name);
      if (!is_there) {
        if (place != places_.end()) places_.erase(place);
      } else if (place != places_.end()) {
        (*config_.services)[place->second] = std::move(service);
      } else {
        places_[name] = config_.services->size();
        config_.services->push_back(std::move(service));
      }
    }
    waiting_.clear();
    return true;
  }

  ConfigPatch& config_;
  std::map<std::string, size_t> places_;
  std::vector<std::pair<bool, ServicePatch>> waiting_;  // of the change whose end has not come
};

// The version that the journal leads to; 0: it holds no change.
int64_t newest_version(std::string_view text) {
  text = text.substr(0, text.rfind('\n') + 1);
  const size_t last = text.rfind("\n= ");
  if (last == std::string_view::npos) return 0;
  const std::string_view line = text.substr(last + 3, text.find('\n', last + 1) - last - 3);
  return read_config(line).value.version.value_or(0);
}

}  // namespace

std::string journal_lines(const Globals& globals, uint64_t version,
                          std::span<const ServiceChange> changes) {
  std::string text;
  for (const ServiceChange& change : changes) {
    text += change.after ? "+ " : "- ";
    if (change.after) {
      append_json(text, *change.after, kCompact);
    } else {
      JsonWriter json(text, kCompact);
      json.begin_object();
      json.member("name", change.name());
      json.end_object();
    }
    text += '\n';
  }
  text += "= ";
  JsonWriter json(text, kCompact);
  json.begin_object();
  json.member("_version", static_cast<int64_t>(version));
  append_global_members(json, globals);
  json.end_object();
  return text + '\n';
}

Journal::Journal(std::string state_path) : state_path_(std::move(state_path)) {}

Journal::~Journal() {
  close();
}

void Journal::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  bytes_ = 0;
}

void Journal::restart() {
  close();
  const std::string first_line = identity_of(state_path_);
  if (first_line.empty()) return;
  const std::string path = journal_path(state_path_);
  fd_ =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd_ < 0) return;
  struct stat state {};
  const bool good = ::stat(state_path_.c_str(), &state) == 0 &&
                    ::fchmod(fd_, state.st_mode & 0777) == 0 && write_all(fd_, first_line) &&
                    ::fsync(fd_) == 0 && sync_folder_of(path).empty();
  if (!good) close();
}

void Journal::remove() {
  close();
  ::unlink(journal_path(state_path_).c_str());
}

bool Journal::append(std::string_view lines) {
  bytes_ += lines.size();
  if (write_all(fd_, lines) && ::fdatasync(fd_) == 0) return true;
  // Whatever of it is there now is not the last: the whole file follows.
  close();
  return false;
}

std::string apply_journal(const std::string& state_path, ConfigPatch& config) {
  const std::string path = journal_path(state_path);
  const Result<std::string> read = read_whole(path, JsonReadLimits().bytes_max);
  if (!read) {
    if (read.error().sys_errno == ENOENT) return {};
    return path + ": " + in_words(read.error());
  }
  std::string_view text = *read;
  const std::string identity = identity_of(state_path);
  if (identity.empty() || !text.starts_with(identity)) {
    // Also that of a file that has just been replaced by what the journal says.
    if (newest_version(text) <= config.version.value_or(0)) return {};
    return path + ": is of another " + state_path + "; the changes in it are left out";
  }
  text.remove_prefix(identity.size());
  Replay replay(config);
  for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    if (!replay.take(text.substr(0, end))) break;
    text.remove_prefix(end + 1);
  }
  replay.finish();
  return {};
}

}  // namespace httpteleport::service
