#include "service/state_file.h"

#include "service/whole_file.h"

namespace httpteleport::service {

StateFile::StateFile(std::string path, Post post)
    : path_(std::move(path)), post_(std::move(post)), thread_([this] { run(); }) {}

StateFile::~StateFile() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void StateFile::submit(ConfigDocument document, Done done) {
  enqueue(std::move(document), std::move(done));
}

void StateFile::after_writes(Done done) {
  enqueue(std::nullopt, std::move(done));
}

void StateFile::enqueue(std::optional<ConfigDocument> document, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (document) waiting_.document.swap(document);
    waiting_.done.push_back(std::move(done));
  }
  wake_.notify_one();
}

void StateFile::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.done.empty(); });
    if (waiting_.done.empty()) return;
    Batch batch;
    std::swap(batch, waiting_);
    lock.unlock();
    carry_out(std::move(batch));
    lock.lock();
  }
}

void StateFile::carry_out(Batch batch) {
  if (!batch.document) batch.document = std::move(unwritten_);
  unwritten_.reset();
  std::string problem;
  if (batch.document) problem = write(*batch.document);
  if (!problem.empty()) unwritten_ = std::move(batch.document);
  post_([done = std::move(batch.done), problem = std::move(problem)] {
    for (const Done& one : done)
      one(problem);
  });
}

std::string StateFile::write(const ConfigDocument& document) {
  if (!keep_broken_) return write_whole(path_, document, Replaced::kKeepAsBackup);
  std::string problem = keep_as_broken(path_);
  if (problem.empty()) problem = write_whole(path_, document, Replaced::kDrop);
  if (problem.empty()) keep_broken_ = false;
  return problem;
}

}  // namespace httpteleport::service
