#include "tls/certificate_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <functional>
#include <utility>

#include "base/text.h"

namespace httpteleport::tls {

namespace {

constexpr std::string_view kPem = ".pem";
constexpr std::string_view kKey = ".key";
constexpr std::string_view kDefault = "default";
constexpr int64_t kSettledAfter_ms = 1000;
constexpr size_t kNamesShown = 5;

std::string system_reason(int error) {
  const char* text = strerrordesc_np(error);
  return text != nullptr ? text : "error " + std::to_string(error);
}

bool is_settled(const timespec& changed) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const int64_t age_ms =
      (now.tv_sec - changed.tv_sec) * 1000 + (now.tv_nsec - changed.tv_nsec) / 1'000'000;
  return age_ms > kSettledAfter_ms;
}

std::string describe(const Certificate& certificate) {
  std::string text = "for";
  size_t shown = 0;
  for (const std::string& name : certificate.names()) {
    if (shown++ == kNamesShown) break;
    text += " " + name;
  }
  if (shown > kNamesShown)
    text += " and " + std::to_string(certificate.names().size() - kNamesShown) + " more";
  if (certificate.names().empty()) text += " no name";
  const bool expired = certificate.not_after() < std::time(nullptr);
  return text + (expired ? ", expired on " : " until ") + utc_date(certificate.not_after());
}

}  // namespace

bool CertificateFolder::Stamp::operator==(const Stamp& other) const {
  return inode == other.inode && device == other.device && size == other.size &&
         changed.tv_sec == other.changed.tv_sec && changed.tv_nsec == other.changed.tv_nsec &&
         is_regular == other.is_regular;
}

CertificateProvider::Found CertificateFolder::find(std::string_view server_name) const {
  std::shared_ptr<const CertificateStore> store;
  {
    const std::lock_guard lock(mutex_);
    store = store_;
  }
  return store ? store->find(server_name) : Found{};
}

std::vector<CertificateChange> CertificateFolder::reload() {
  std::vector<CertificateChange> changes;
  std::string problem;
  std::map<std::string, Pair> found = list(problem);
  if (std::exchange(folder_problem_, problem) != problem && !problem.empty())
    changes.push_back({CertificateChange::Kind::kBroken, "", problem});
  if (!problem.empty()) return changes;
  for (auto at = pairs_.begin(); at != pairs_.end();) {
    auto& [name, pair] = *at;
    const auto now = found.find(name);
    const bool stays = now != found.end() && (now->second.pem.exists() || !pair.certificate);
    if (!stays && pair.certificate)
      changes.push_back({CertificateChange::Kind::kRemoved, name, describe(*pair.certificate)});
    at = stays ? std::next(at) : pairs_.erase(at);
  }
  for (auto& [name, now] : found) {
    Pair& pair = pairs_[name];
    // What was wrong may be right now without a trace: a mount, rights that others gave.
    const bool same =
        pair.settled && pair.problem.empty() && pair.pem == now.pem && pair.key == now.key;
    pair.pem = now.pem;
    pair.key = now.key;
    pair.settled = is_settled(now.pem.changed) && is_settled(now.key.changed);
    if (!same) update(name, pair, changes);
  }
  if (!changes.empty()) publish();
  return changes;
}

std::map<std::string, CertificateFolder::Pair> CertificateFolder::list(std::string& problem) const {
  std::map<std::string, Pair> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path_.c_str()), closedir);
  if (!folder) {
    problem = "the folder " + path_ + " cannot be read: " + system_reason(errno);
    return found;
  }
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(folder.get());
    if (entry == nullptr) break;
    const std::string_view file = entry->d_name;
    const bool is_pem = file.ends_with(kPem);
    if (file.front() == '.' || file.size() <= kPem.size() || (!is_pem && !file.ends_with(kKey)))
      continue;
    Pair& pair = found[std::string(file.substr(0, file.size() - kPem.size()))];
    (is_pem ? pair.pem : pair.key) = stamp_of(std::string(file));
  }
  // Not the end: what is missing in such a list need not be gone.
  if (errno != 0) problem = "the folder " + path_ + " cannot be read: " + system_reason(errno);
  return found;
}

CertificateFolder::Stamp CertificateFolder::stamp_of(const std::string& file) const {
  struct stat status {};
  if (stat((path_ + "/" + file).c_str(), &status) != 0) return {};
  return {.inode = status.st_ino,
          .device = status.st_dev,
          .size = status.st_size,
          .changed = status.st_ctim,
          .is_regular = S_ISREG(status.st_mode)};
}

bool CertificateFolder::read(const std::string& name, std::string& into,
                             std::string& problem) const {
  // Without waiting: a pipe in the place of a file must hold nobody up.
  const int fd = open((path_ + "/" + name).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    problem = name + " cannot be read: " + system_reason(errno);
    return false;
  }
  std::string text;
  char bytes[16 * 1024];
  ssize_t count = 0;
  while (text.size() <= kFileBytesMax && (count = ::read(fd, bytes, sizeof bytes)) > 0)
    text.append(bytes, static_cast<size_t>(count));
  if (count < 0) problem = name + " cannot be read: " + system_reason(errno);
  if (text.size() > kFileBytesMax) problem = name + " is larger than 1 MiB";
  close(fd);
  into += text;
  return problem.empty();
}

std::shared_ptr<const Certificate> CertificateFolder::load(const std::string& name,
                                                           Pair& pair) const {
  for (const auto& [stamp, ending] : {std::pair(&pair.pem, kPem), std::pair(&pair.key, kKey)}) {
    const std::string file = name + std::string(ending);
    if (!stamp->exists()) pair.problem = file + " is missing";
    if (stamp->exists() && !stamp->is_regular) pair.problem = file + " is no file";
    if (!pair.problem.empty()) return nullptr;
  }
  std::string texts;
  if (!read(name + std::string(kPem), texts, pair.problem)) return nullptr;
  const size_t chain_bytes = texts.size();
  if (!read(name + std::string(kKey), texts, pair.problem)) return nullptr;
  const size_t texts_hash = std::hash<std::string>()(texts);
  if (pair.certificate && texts_hash == pair.texts_hash) return pair.certificate;
  const std::string_view view = texts;
  Result<std::shared_ptr<const Certificate>> parsed =
      Certificate::parse(view.substr(0, chain_bytes), view.substr(chain_bytes));
  if (!parsed) {
    pair.problem = in_words(parsed.error());
    return nullptr;
  }
  pair.texts_hash = texts_hash;
  return *std::move(parsed);
}

void CertificateFolder::update(const std::string& name, Pair& pair,
                               std::vector<CertificateChange>& changes) {
  using Kind = CertificateChange::Kind;
  const std::string old_problem = std::exchange(pair.problem, "");
  const std::shared_ptr<const Certificate> loaded = load(name, pair);
  if (!loaded) {
    if (pair.problem != old_problem)
      changes.push_back({Kind::kBroken, name,
                         pair.problem + (pair.certificate ? "; what it was before stays in use"
                                                          : "; it is not used")});
    return;
  }
  const auto old = std::exchange(pair.certificate, loaded);
  if (loaded == old && old_problem.empty()) return;
  changes.push_back({old ? Kind::kReplaced : Kind::kAdded, name, describe(*loaded)});
}

void CertificateFolder::publish() {
  std::vector<std::shared_ptr<const Certificate>> all;
  if (const auto at = pairs_.find(std::string(kDefault)); at != pairs_.end())
    all.push_back(at->second.certificate);
  for (const auto& [name, pair] : pairs_) {
    if (name != kDefault) all.push_back(pair.certificate);
  }
  std::erase(all, nullptr);
  std::shared_ptr<const CertificateStore> store;
  if (!all.empty()) store = std::make_shared<const CertificateStore>(std::move(all));
  const std::lock_guard lock(mutex_);
  store_.swap(store);
}

}  // namespace httpteleport::tls
