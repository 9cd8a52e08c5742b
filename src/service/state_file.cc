#include "service/state_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/assert.h"
#include "service/whole_file.h"

namespace httpteleport::service {

StateFile::StateFile(std::string path, Post post)
    : path_(std::move(path)), post_(std::move(post)), journal_(path_), thread_([this] { run(); }) {}

StateFile::~StateFile() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

std::string StateFile::lock() {
  HT_ASSERT(lock_fd_ < 0);
  const std::string name = followed(path_) + ".lock";
  lock_fd_ = ::open(name.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock_fd_ < 0 || ::flock(lock_fd_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return {};
  return path_ + " is the state of another process, which holds " + name;
}

void StateFile::submit(ConfigDocument document, std::string journal_lines, Done done) {
  enqueue(std::move(document), std::move(journal_lines), std::move(done));
}

void StateFile::after_writes(Done done) {
  enqueue(std::nullopt, {}, std::move(done));
}

void StateFile::enqueue(std::optional<ConfigDocument> document, std::string journal_lines,
                        Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (document) waiting_.document.swap(document);
    waiting_.journal_lines += journal_lines;
    waiting_.done.push_back(std::move(done));
  }
  wake_.notify_one();
}

void StateFile::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto has_work = [this] { return stopping_ || !waiting_.done.empty(); };
    const bool woken = !journaled_ || wake_.wait_for(lock, kQuietTime, has_work);
    if (woken) wake_.wait(lock, has_work);
    if (waiting_.done.empty()) {
      const bool last = stopping_;
      lock.unlock();
      write_journaled();
      // What could not be written stands in the journal perhaps.
      if (last && !unwritten_) journal_.remove();
      if (last) return;
      lock.lock();
      continue;
    }
    Batch batch;
    std::swap(batch, waiting_);
    lock.unlock();
    carry_out(std::move(batch));
    lock.lock();
  }
}

void StateFile::carry_out(Batch batch) {
  std::string problem;
  if (!journal(batch)) {
    if (!batch.document) batch.document = std::move(unwritten_);
    unwritten_.reset();
    if (batch.document) problem = write(*batch.document);
  }
  if (!problem.empty()) unwritten_ = std::move(batch.document);
  post_([done = std::move(batch.done), problem = std::move(problem)] {
    for (const Done& one : done)
      one(problem);
  });
}

// False when the whole file is to be written.
bool StateFile::journal(Batch& batch) {
  if (!batch.document || !journal_.is_open() || unwritten_) return false;
  // Reading a long one at the start would take longer than writing the file now and then.
  if (journal_.bytes() + batch.journal_lines.size() > written_bytes_ / 4) return false;
  if (!journal_.append(batch.journal_lines)) return false;
  journaled_ = std::move(batch.document);
  return true;
}

// It is quiet, or the last moment. If the file cannot be written, the journal stays.
void StateFile::write_journaled() {
  if (!journaled_) return;
  const ConfigDocument document = *std::exchange(journaled_, std::nullopt);
  if (write(document).empty()) return;
  unwritten_ = document;
}

std::string StateFile::write(const ConfigDocument& document) {
  const std::string problem = replace(document);
  if (!problem.empty()) return problem;
  journaled_.reset();
  written_bytes_ = document.size();
  if (written_bytes_ >= kJournalDocumentBytesMin) {
    journal_.restart();
  } else {
    journal_.remove();
  }
  return {};
}

std::string StateFile::replace(const ConfigDocument& document) {
  if (!keep_broken_) return write_whole(path_, document, Replaced::kKeepAsBackup);
  std::string problem = keep_as_broken(path_);
  if (problem.empty()) problem = write_whole(path_, document, Replaced::kDrop);
  if (problem.empty()) keep_broken_ = false;
  return problem;
}

}  // namespace httpteleport::service
