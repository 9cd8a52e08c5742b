#include <utility>

#include "api/exchange_state.h"
#include "api/server_worker.h"

namespace httpteleport {
inline namespace abi0 {

namespace {

void give_back(Exchange::State* state) {
  if (api::ServerWorker::is_current(*state->path)) return state->worker.on_handler_done(*state);
  // The state may go inside the call, and with it the last of the path.
  const std::shared_ptr<api::ReturnPath> path = state->path;
  path->give_back(state);
}

}  // namespace

Exchange::Exchange(State* state) noexcept : state_(state) {}
Exchange::Exchange(Exchange&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

Exchange& Exchange::operator=(Exchange&& other) noexcept {
  Exchange dropped(std::exchange(state_, std::exchange(other.state_, nullptr)));
  return *this;
}

Exchange::~Exchange() {
  if (state_ == nullptr) return;
  state_->drops_answer = true;
  give_back(state_);
}

const Request& Exchange::request() const noexcept {
  return state_->request;
}
Response& Exchange::response() noexcept {
  return state_->response;
}
std::string_view Exchange::peer() const noexcept {
  return state_->peer;
}
bool Exchange::is_abandoned() const noexcept {
  return state_->abandoned.load(std::memory_order_relaxed);
}

void Exchange::respond() {
  give_back(std::exchange(state_, nullptr));
}

void Exchange::respond(int status, std::string_view body) {
  state_->response.set_status(status);
  state_->response.set_body(body);
  respond();
}

}  // namespace abi0

namespace api {

void ReturnPath::give_back(ExchangeState* state) {
  const std::lock_guard lock(mutex_);
  if (loop_ == nullptr) {
    delete state;
    return;
  }
  returned_.push_back(state);
  if (returned_.size() == 1) loop_->post([&worker = state->worker] { worker.take_returned(); });
}

void ReturnPath::take(std::vector<ExchangeState*>& to) {
  const std::lock_guard lock(mutex_);
  to.swap(returned_);
}

void ReturnPath::close() {
  const std::lock_guard lock(mutex_);
  loop_ = nullptr;
  for (ExchangeState* state : returned_)
    delete state;
  returned_.clear();
}

}  // namespace api
}  // namespace httpteleport
