// The file that keeps the configuration over a restart. At every moment it is whole: it is written
// to a temporary in its folder, synced and renamed; the one before stays as NAME.bak. Changes of a
// large one stand in NAME.journal first, and within kQuietTime of the last one in the file.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "service/config_text.h"
#include "service/journal.h"

namespace httpteleport::service {

// Writes on a thread of its own; the methods are called on one thread, that of the owner. What is
// submitted while a write runs is written by the next one, which writes only the newest: there is
// at most one document that waits.
class StateFile {
 public:
  // Documents below this size are written at once.
  static constexpr size_t kJournalDocumentBytesMin = size_t{256} * 1024;
  static constexpr std::chrono::milliseconds kQuietTime{1000};

  // Runs a call on the owner's thread, soon. It is called on the writing thread, until the
  // destructor returns.
  using Post = std::function<void(std::function<void()>)>;
  // Empty: it is on the disk; otherwise one line that says why not.
  using Done = std::function<void(const std::string& problem)>;

  StateFile(std::string path, Post post);
  // Writes what was submitted, and posts its callbacks.
  ~StateFile();
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;

  // Takes the file for this program alone, by a lock of PATH.lock that ends with this. Empty, or a
  // line that says that another process has it. A folder that nothing can be made in has no lock,
  // and the writes say why. Once, before what it has is read.
  std::string lock();
  // What stands there now could not be read: before the first write it gets another name,
  // NAME.broken, or NAME.broken.1 and so on if there is one already; NAME.bak stays as it is.
  // Before the first submit().
  void keep_broken() { keep_broken_ = true; }

  // `done` is called through `post` when `document`, or a newer one, is on the disk, or when that
  // failed. In the order of submit().
  // `journal_lines` are what the document has other than the one before (service/journal.h).
  void submit(ConfigDocument document, std::string journal_lines, Done done);
  // Behind all that was submitted. Writes again what could not be written the last time, and
  // otherwise nothing.
  void after_writes(Done done);

 private:
  struct Batch {
    std::optional<ConfigDocument> document;
    std::string journal_lines;  // from the document before to this one
    std::vector<Done> done;
  };

  void enqueue(std::optional<ConfigDocument> document, std::string journal_lines, Done done);
  void run();
  void carry_out(Batch batch);
  bool journal(Batch& batch);
  std::string write(const ConfigDocument& document);
  std::string replace(const ConfigDocument& document);
  void write_journaled();

  const std::string path_;
  const Post post_;
  bool keep_broken_ = false;
  int lock_fd_ = -1;
  std::optional<ConfigDocument> unwritten_;  // of the writing thread: what failed last
  Journal journal_;                          // of the writing thread
  size_t written_bytes_ = 0;                 // of the state file, by us
  std::optional<ConfigDocument> journaled_;  // is on the disk by the journal alone

  std::mutex mutex_;
  std::condition_variable wake_;
  Batch waiting_;
  bool stopping_ = false;
  std::thread thread_;  // last
};

}  // namespace httpteleport::service
