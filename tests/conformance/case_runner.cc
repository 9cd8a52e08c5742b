#include "conformance/case_runner.h"

#include <sched.h>

#include <algorithm>
#include <functional>
#include <random>

namespace httpteleport::test {
namespace {

constexpr size_t kSingleBytesMax = 1500;
constexpr const char* kProbeTarget = "/probe";

void send_cut(RawClient& client, const RequestCase& request_case, Cut cut) {
  std::string_view rest = request_case.bytes;
  if (cut == Cut::kWhole) {
    client.send(rest);
    return;
  }
  std::minstd_rand random(static_cast<unsigned>(std::hash<std::string>{}(request_case.name)));
  const bool single = cut == Cut::kBytes && rest.size() <= kSingleBytesMax;
  const size_t largest = std::max<size_t>(rest.size() / (cut == Cut::kBytes ? 100 : 2), 2);
  while (!rest.empty()) {
    const size_t piece = single ? 1 : std::min(rest.size(), 1 + random() % largest);
    // A server that refuses may be gone before the end.
    if (!client.send(rest.substr(0, piece))) return;
    rest.remove_prefix(piece);
    ::sched_yield();
  }
}

// Why a request that the origin got is not the one it should have got; empty when it is.
std::string difference(const Seen& wanted, const RecordedRequest& got) {
  if (got.head.method != wanted.method) return "method " + got.head.method;
  if (got.head.target != wanted.target) return "target " + got.head.target;
  if (got.body != wanted.body) return "body of " + std::to_string(got.body.size()) + " bytes";
  if (!wanted.host.empty() && got.head.find("host") != wanted.host) return "Host";
  for (const auto& [name, value] : wanted.has) {
    if (got.head.count(name) != 1) return std::to_string(got.head.count(name)) + " of " + name;
    if (got.head.find(name) != value) return name + ": " + *got.head.find(name);
  }
  for (const std::string& name : wanted.lacks) {
    if (got.head.count(name) > 0) return "there is " + name;
    for (const auto& [trailer, value] : got.head.trailers) {
      if (trailer == name) return "there is the trailer " + name;
    }
  }
  return {};
}

// What happened, as far as it is known.
struct Observed {
  std::vector<int> statuses;
  std::vector<std::string> ids;  // X-Id of each
  bool says_close = false;       // the last one
  bool closed = false;
  std::vector<RecordedRequest> seen;

  std::string text() const;
};

std::string Observed::text() const {
  std::string result = "answers:";
  for (const int status : statuses)
    result += " " + std::to_string(status);
  result += closed ? ", closed" : ", open";
  for (const RecordedRequest& request : seen)
    result += "\nthe origin got: " + readable(request.head.raw) + readable(request.body);
  return result;
}

// Why the outcome is not this one; empty when it is.
std::string mismatch(const Allowed& allowed, const Observed& observed) {
  if (observed.statuses != allowed.statuses) return "other answers";
  if (allowed.end == End::kOpen && observed.closed) return "should be open";
  if (allowed.end == End::kClosed && !observed.closed) return "should be closed";
  if (observed.seen.size() != allowed.seen.size())
    return std::to_string(observed.seen.size()) + " requests at the origin";
  for (size_t index = 0; index < allowed.seen.size(); ++index) {
    const std::string what = difference(allowed.seen[index], observed.seen[index]);
    if (!what.empty()) return "request " + std::to_string(index + 1) + ": " + what;
    if (observed.ids[index] != std::to_string(observed.seen[index].id))
      return "the answer belongs to another request";
  }
  return {};
}

class CaseRun {
 public:
  CaseRun(Stage<RecordingOrigin>& stage, const RequestCase& request_case)
      : stage_(stage), case_(request_case), client_(stage.setup.connect()) {}

  void run(Cut cut) {
    ASSERT_TRUE(client_.is_open());
    send_cut(client_, case_, cut);
    if (!read_answers() || !find_end()) return;
    observed_.seen = stage_.origin.take_requests();
    std::erase_if(observed_.seen,
                  [](const auto& seen) { return seen.head.target == kProbeTarget; });
    judge();
  }

 private:
  using Choice = std::vector<const Allowed*>;

  // The outcomes that have not been excluded yet.
  Choice possible() const {
    Choice result;
    for (const Allowed& allowed : case_.allowed) {
      const size_t count = observed_.statuses.size();
      if (allowed.statuses.size() >= count &&
          std::equal(observed_.statuses.begin(), observed_.statuses.end(),
                     allowed.statuses.begin())) {
        result.push_back(&allowed);
      }
    }
    return result;
  }

  // Whether the last answer says of the connection's end what this outcome says.
  bool may_be_last(const Allowed& allowed) const {
    return case_.is_unfinished || allowed.end == End::kAny ||
           (allowed.end == End::kClosed) == observed_.says_close;
  }

  bool is_to_head(const Choice& choice) const {
    const size_t index = observed_.statuses.size();
    const std::string_view head = "HEAD ";
    if (index == 0) return case_.bytes.starts_with(head);
    return std::any_of(choice.begin(), choice.end(), [&](const Allowed* allowed) {
      return index < allowed->seen.size() && allowed->seen[index].method == "HEAD";
    });
  }

  bool read_answers() {
    for (;;) {
      const Choice choice = possible();
      if (choice.empty()) return fail("an answer that is not allowed");
      for (const Allowed* allowed : choice) {
        if (allowed->statuses.size() == observed_.statuses.size() && may_be_last(*allowed))
          return true;
      }
      const Message answer = client_.read_response(is_to_head(choice));
      if (answer.outcome != Outcome::kComplete)
        return fail(std::string("the answer is ") + outcome_name(answer.outcome) + " " +
                    answer.error);
      if (answer.head.status == 100 && case_.bytes.find("xpect:") != std::string::npos) continue;
      observed_.statuses.push_back(answer.head.status);
      observed_.ids.push_back(answer.head.find("x-id").value_or(""));
      observed_.says_close = !answer.head.keep_alive();
    }
  }

  // Whether the connection is over, or another request is served on it.
  bool find_end() {
    if (case_.is_unfinished) {
      client_.half_close();
      const Received rest = client_.read_to_end();
      observed_.closed = rest.status == IoStatus::kClosed || rest.status == IoStatus::kReset;
      if (!observed_.closed) return fail("it does not end");
      return rest.bytes.empty() || rest.bytes == "HTTP/1.1 100 Continue\r\n\r\n" ||
             fail("more came than was asked for");
    }
    if (observed_.says_close) {
      observed_.closed = client_.wait_closed();
      return observed_.closed || fail("Connection: close, but it goes on");
    }
    client_.send("GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n");
    const Message answer = client_.read_response();
    if (answer.outcome != Outcome::kComplete || answer.head.status != 200 ||
        answer.body.find(" GET /probe\n") == std::string::npos)
      return fail("the next request on the connection gets another answer: " + answer.error + " " +
                  answer.body);
    return client_.is_quiet() || fail("more came than was asked for");
  }

  void judge() {
    std::string reasons;
    for (const Allowed& allowed : case_.allowed) {
      const std::string reason = mismatch(allowed, observed_);
      if (reason.empty()) return;
      reasons += "\nnot allowed: " + reason;
    }
    fail(reasons);
  }

  bool fail(const std::string& what) {
    if (observed_.seen.empty()) observed_.seen = stage_.origin.take_requests();
    ADD_FAILURE() << what << "\n"
                  << observed_.text() << "\nsent: " << readable(case_.bytes)
                  << "\nreceived: " << readable(client_.transcript());
    return false;
  }

  Stage<RecordingOrigin>& stage_;
  const RequestCase& case_;
  RawClient client_;
  Observed observed_;
};

}  // namespace

const char* cut_name(Cut cut) {
  switch (cut) {
    case Cut::kWhole:
      return "whole";
    case Cut::kBytes:
      return "byte by byte";
    case Cut::kPieces:
      return "in pieces";
  }
  return "?";
}

std::string readable(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string result;
  for (const char c : bytes.substr(0, 1000)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      result += "\\n\n  ";
    } else if (c == '\r') {
      result += "\\r";
    } else if (byte < 0x20 || byte >= 0x7f) {
      result += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      result += c;
    }
  }
  if (bytes.size() > 1000) result += "... (" + std::to_string(bytes.size()) + " bytes)";
  return result;
}

void run_case(Stage<RecordingOrigin>& stage, const RequestCase& request_case, Cut cut) {
  SCOPED_TRACE(request_case.name + " (" + cut_name(cut) + "), RFC " + request_case.section);
  CaseRun(stage, request_case).run(cut);
  for (const std::string& fault : stage.origin.take_faults())
    ADD_FAILURE() << "the origin got something wrong: " << readable(fault);
}

}  // namespace httpteleport::test
