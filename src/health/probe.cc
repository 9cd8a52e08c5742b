#include "health/probe.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace httpteleport::health {

namespace {

using namespace std::chrono_literals;

std::string in_units(Duration time) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

std::string connect_failure(const Error& error) {
  const char* why = error.sys_errno != 0 ? strerrordesc_np(error.sys_errno) : nullptr;
  return std::string("connect: ") + (why != nullptr ? why : error.detail);
}

// The checks are lines of a request: nothing in them may end one, or the request.
bool has_blank_or_control(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
}

bool is_askable(const CheckOptions& options, std::string_view host) {
  const bool is_http = options.type == CheckType::kHttp || options.type == CheckType::kHttps;
  return !is_http || !(has_blank_or_control(options.path) || has_blank_or_control(host));
}

// "example.com:8443" and "[::1]:443" without the port and the brackets.
std::string name_of(const std::string& host) {
  if (const Result<net::HostPort> parts = net::parse_host_port(host)) return parts->host;
  const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  return is_bracketed ? host.substr(1, host.size() - 2) : host;
}

}  // namespace

Probe::Probe(ProbeContext& context, std::shared_ptr<const CheckOptions> options, ProbeOwner& owner)
    : context_(context),
      options_(std::move(options)),
      owner_(owner),
      answer_(make_answer(*options_)) {}

std::optional<Verdict> Probe::start(const net::Address& address, const std::string& host,
                                    Duration timeout) {
  if (!is_askable(*options_, host))
    return Verdict::bad("blanks or control characters in path or host");
  Result<net::Socket> socket = net::start_connect(address);
  if (!socket) {
    const bool our_fault = socket.error().source == Source::kInternal;
    return Verdict{our_fault ? Verdict::Kind::kUnknown : Verdict::Kind::kBad,
                   our_fault ? in_words(socket.error()) : connect_failure(socket.error())};
  }
  connection_.emplace(context_.loop, *std::move(socket), context_.sockets, Source::kUpstream);
  if (has_tls(options_->type))
    connection_->secure(context_.tls.connect(name_of(host), options_->type == CheckType::kHttps));
  if (const Result<void> started = connection_->start(*this, true); !started)
    return Verdict{Verdict::Kind::kUnknown, in_words(started.error())};
  connection_->write(make_question(*options_, host));
  timeout_ = timeout;
  context_.loop.set_timer(timer_, timeout);
  return std::nullopt;
}

void Probe::cancel() {
  timer_.cancel();
  if (connection_) connection_->close();
}

void Probe::finish(const Verdict& verdict) {
  cancel();
  owner_.on_probe_end(verdict);
}

void Probe::on_connected() {
  stage_ = has_tls(options_->type) ? Stage::kSecuring : Stage::kAnswering;
  if (options_->type == CheckType::kTcp) finish({});
}

void Probe::on_secured() {
  stage_ = Stage::kAnswering;
  if (options_->type == CheckType::kTls) finish({});
}

size_t Probe::on_data(std::string_view bytes) {
  const Answer::Step step = answer_->read(bytes);
  if (step.verdict) finish(*step.verdict);
  return step.used;
}

void Probe::on_end() {
  finish(answer_->end());
}

void Probe::on_closed(const Error& error) {
  switch (stage_) {
    case Stage::kConnecting:
      return finish(Verdict::bad(connect_failure(error)));
    case Stage::kSecuring:
      return finish(Verdict::bad("TLS: " + in_words(error)));
    case Stage::kAnswering:
      return finish(Verdict::bad(in_words(error)));
  }
}

void Probe::on_timeout() {
  const std::string time = in_units(timeout_);
  switch (stage_) {
    case Stage::kConnecting:
      return finish(Verdict::bad("no connection in " + time));
    case Stage::kSecuring:
      return finish(Verdict::bad("no TLS handshake in " + time));
    case Stage::kAnswering:
      return finish(Verdict::bad("no whole answer in " + time));
  }
}

}  // namespace httpteleport::health
