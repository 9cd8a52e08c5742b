// The file that keeps the configuration over a restart. At every moment it is whole: it is written
// to a temporary in its folder, synced and renamed; the one before stays as NAME.bak.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "service/config_text.h"

namespace httpteleport::service {

// Writes on a thread of its own; the methods are called on one thread, that of the owner. What is
// submitted while a write runs is written by the next one, which writes only the newest.
class StateFile {
 public:
  // Runs a call on the owner's thread, soon. Called on the writing thread; must be good until the
  // destructor returns.
  using Post = std::function<void(std::function<void()>)>;
  // Empty: it is on the disk; otherwise one line that says why not.
  using Done = std::function<void(const std::string& problem)>;

  StateFile(std::string path, Post post);
  // Writes what was submitted. Callbacks that were not posted yet are never called.
  ~StateFile();
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;

  const std::string& path() const { return path_; }
  // What stands there now could not be read: before the first write it gets another name,
  // NAME.broken, or NAME.broken.1 and so on if there is one already.
  void keep_broken() { keep_broken_ = true; }

  // `done` is called through `post` when `document`, or a newer one, is on the disk, or when that
  // failed. In the order of submit().
  void submit(ConfigDocument document, Done done);
  // Behind all that was submitted, without writing anything by itself.
  void after_writes(Done done);

 private:
  struct Batch {
    std::optional<ConfigDocument> document;
    std::vector<Done> done;
  };

  void run();
  void enqueue(std::optional<ConfigDocument> document, Done done);
  std::string write(const ConfigDocument& document);

  const std::string path_;
  const Post post_;
  bool keep_broken_ = false;  // set before the first submit()

  std::mutex mutex_;
  std::condition_variable wake_;
  Batch waiting_;
  bool stopping_ = false;
  std::string last_problem_;  // of the writing thread
  std::thread thread_;        // last
};

// Writes `document` to `path` as described above, on this thread. Empty, or what is wrong.
std::string write_whole(const std::string& path, const ConfigDocument& document);

// At most `bytes_max` of a file. Errors: kSystem, kBodyTooLarge.
Result<std::string> read_whole(const std::string& path, size_t bytes_max);

}  // namespace httpteleport::service
