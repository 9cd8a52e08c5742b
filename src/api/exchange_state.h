// What a server keeps of one request, and the way of an answer back to its worker.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "event/loop.h"
#include "http/stream.h"
#include "httpteleport/server.h"

namespace httpteleport::api {

class ReturnPath;
class ServerRequestHandler;
class ServerWorker;

}  // namespace httpteleport::api

namespace httpteleport {
inline namespace abi0 {

// Reused, so that a request allocates nothing. The worker's, but while an Exchange holds it.
class Exchange::State final {
 public:
  State(api::ServerWorker& its_worker, std::shared_ptr<api::ReturnPath> its_path)
      : worker(its_worker), path(std::move(its_path)) {}

  api::ServerWorker& worker;                    // its thread only
  const std::shared_ptr<api::ReturnPath> path;  // outlives the worker
  Request request;
  Response response;
  std::string peer;
  std::atomic<bool> abandoned{false};
  bool drops_answer = false;  // the Exchange went without respond()

  // The worker's thread only.
  http::DownstreamStream* downstream = nullptr;  // nullptr: the link is gone, or it is answered
  uint64_t lane = 0;                             // of requests that are handled one by one
  api::ServerRequestHandler* request_handler = nullptr;  // while the session has one
  bool is_with_handler = false;
};

}  // namespace abi0
}  // namespace httpteleport

namespace httpteleport::api {

using ExchangeState = Exchange::State;

// Brings exchanges back to the worker from whatever thread, also after the worker has ended.
class ReturnPath {
 public:
  explicit ReturnPath(event::Loop& loop) : loop_(&loop) {}

  // Any thread. Deletes what nobody takes any more.
  void give_back(ExchangeState* state);
  // The worker's thread: what has come back.
  void take(std::vector<ExchangeState*>& to);
  // The worker ends. What has come back and was not taken is deleted.
  void close();

 private:
  std::mutex mutex_;
  event::Loop* loop_;  // nullptr: closed
  std::vector<ExchangeState*> returned_;
};

}  // namespace httpteleport::api
