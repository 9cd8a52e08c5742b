#include "api/call.h"

#include "api/client_worker.h"
#include "api/message_data.h"
#include "api/status_of.h"
#include "upstream/teleport_stream.h"

namespace httpteleport::api {

using internal::Access;

namespace {

// Of the text of a request that is over.
constexpr size_t kKeptBytes = size_t{64} * 1024;

}  // namespace

Status Call::wait() {
  over_.wait(0, std::memory_order_acquire);
  return status_;
}

void Call::start(ClientWorker& worker) {
  worker_ = &worker;
  if (deadline == TimePoint::max()) return;
  worker.loop().set_timer_at(timer_, deadline);
}

void Call::send() {
  upstream::TeleportStream& stream = worker_->links().open_link_stream(*this);
  stream_ = &stream;
  if (wants_answer) {
    stream.set_deadline(deadline);
  } else {
    stream.expect_no_answer();
  }
  stream.send_message(request.text, request.head_bytes, request.method);
}

void Call::fail(const Status& status) {
  const bool seen = stream_ != nullptr && stream_->has_begun();
  if (stream_ != nullptr) stream_->cancel();
  finish({status.code(), status.message(), seen, status.system_errno()});
}

void Call::on_timeout() {
  fail({StatusCode::kTimeout, "the answer did not come in time"});
}

void Call::on_response_head(http::ResponseHead& head) {
  if (head.is_informational()) return;
  internal::MessageData& to = Access::data(response);
  to.clear();
  to.status = head.status;
  if (head.reason != http::reason_of(head.status)) to.reason = head.reason;
  internal::copy_fields(head.fields, to);
}

void Call::on_response_body(std::string_view bytes) {
  std::string& body = Access::data(response).body;
  if (body.size() + bytes.size() > worker_->options().max_response_body_bytes) {
    return fail(
        {StatusCode::kTooLarge, "the response body is larger than max_response_body_bytes"});
  }
  body.append(bytes);
}

void Call::on_response_end(const http::Fields&) {
  finish({});
}

void Call::on_upstream_reset(const Error& error) {
  finish(status_of(error, stream_->has_begun()));
}

void Call::finish(const Status& status) {
  timer_.cancel();
  unlink();
  stream_ = nullptr;
  generation_.store(generation() + 1, std::memory_order_relaxed);
  worker_->on_over(status);
  if (!callback && wants_answer) {
    status_ = status;
    over_.store(1, std::memory_order_release);
    over_.notify_one();
    return;
  }
  ClientWorker& worker = *worker_;
  if (callback) {
    callback(status, response);
    callback = nullptr;
  }
  worker.release(*this);
}

void Call::reset() {
  deadline = TimePoint::max();
  wants_answer = true;
  over_.store(0, std::memory_order_relaxed);
  if (request.text.capacity() > kKeptBytes) request.text = {};
  Access::data(response).trim();
}

Call& CallPool::acquire() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return calls_.emplace_back(static_cast<uint32_t>(calls_.size()));
  Call& call = *free_.back();
  free_.pop_back();
  return call;
}

void CallPool::release(Call& call) {
  const std::lock_guard lock(mutex_);
  free_.push_back(&call);
}

Call* CallPool::find(uint32_t index) {
  const std::lock_guard lock(mutex_);
  return index < calls_.size() ? &calls_[index] : nullptr;
}

}  // namespace httpteleport::api
