#include "metrics/export.h"

#include <gtest/gtest.h>

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace httpteleport::metrics {
namespace {

using namespace std::chrono_literals;

// The Go program's names. prometheusHandlerCalls is counted by the handler itself.
constexpr const char* kGoNames[] = {"inRequestStart",       "inRequestSuccess",
                                    "inRequestNon200",      "inRequestTimeoutError",
                                    "inRequestOtherError",  "inAcceptSuccess",
                                    "inAcceptError",        "inConns",
                                    "inBytesWritten",       "inBytesRead",
                                    "inWriteError",         "inReadError",
                                    "inWriteCalls",         "inReadCalls",
                                    "outRequestStart",      "outRequestSuccess",
                                    "outRequestNon200",     "outRequestTimeoutError",
                                    "outRequestOtherError", "outBytesWritten",
                                    "outBytesRead",         "outWriteError",
                                    "outReadError",         "outWriteCalls",
                                    "outReadCalls",         "outDialSuccess",
                                    "outDialError",         "outConns"};

class ExportTest : public testing::Test {
 protected:
  ExportTest() {
    for (int i = 0; i < 3; ++i) {
      workers_.push_back(std::make_unique<WorkerMetrics>());
      shown.push_back(workers_.back().get());
    }
  }
  WorkerMetrics& worker(size_t index) { return *workers_[index]; }

  std::vector<const WorkerMetrics*> shown;

 private:
  std::vector<std::unique_ptr<WorkerMetrics>> workers_;
};

// A flat JSON object of numbers, read strictly. Duplicate names and anything else fail the test.
class JsonNumbers {
 public:
  explicit JsonNumbers(const std::string& text) : text_(text) {
    read();
    EXPECT_TRUE(good_) << "at " << at_ << " of " << text;
  }
  const std::map<std::string, int64_t>& values() const { return values_; }

 private:
  void skip_space() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0)
      ++at_;
  }
  bool take(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take_member() {
    if (!take('"')) return false;
    const size_t end = text_.find('"', at_);
    if (end == std::string::npos) return false;
    const std::string name = text_.substr(at_, end - at_);
    if (name.find('\\') != std::string::npos) return false;
    at_ = end + 1;
    if (!take(':')) return false;
    skip_space();
    char* number_end = nullptr;
    const int64_t number = std::strtoll(text_.c_str() + at_, &number_end, 10);
    if (number_end == text_.c_str() + at_) return false;
    at_ = static_cast<size_t>(number_end - text_.c_str());
    return values_.emplace(name, number).second;
  }
  void read() {
    good_ = take('{');
    if (good_ && !take('}')) {
      do
        good_ = take_member();
      while (good_ && take(','));
      good_ = good_ && take('}');
    }
    skip_space();
    good_ = good_ && at_ == text_.size();
  }

  const std::string& text_;
  size_t at_ = 0;
  bool good_ = true;
  std::map<std::string, int64_t> values_;
};

std::map<std::string, int64_t> expvar(std::span<const WorkerMetrics* const> workers,
                                      std::string_view filter = {}) {
  const std::string text = to_expvar_json(workers, filter);
  return JsonNumbers(text).values();
}

// Samples of the exposition format by name and labels. Checks the format on the way.
class Exposition {
 public:
  explicit Exposition(const std::string& text) {
    EXPECT_TRUE(text.ends_with("\n"));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
      line.starts_with("#") ? take_type(line) : take_sample(line);
    EXPECT_FALSE(type_is_pending_) << "a family without samples: " << family_;
  }
  const std::map<std::string, double>& samples() const { return samples_; }
  const std::map<std::string, std::string>& types() const { return types_; }

 private:
  void take_type(const std::string& line) {
    EXPECT_FALSE(type_is_pending_) << "a family without samples: " << family_;
    std::istringstream words(line);
    std::string hash, keyword, type, more;
    words >> hash >> keyword >> family_ >> type;
    EXPECT_EQ(hash + keyword, "#TYPE") << line;
    EXPECT_TRUE(type == "counter" || type == "gauge" || type == "histogram") << line;
    EXPECT_FALSE(words >> more) << line;
    EXPECT_TRUE(types_.emplace(family_, type).second) << "two TYPE lines for " << family_;
    type_is_pending_ = true;
  }

  void take_sample(const std::string& line) {
    const size_t blank = line.rfind(' ');
    ASSERT_NE(blank, std::string::npos) << line;
    const std::string key = line.substr(0, blank);
    const std::string name = key.substr(0, key.find('{'));
    for (const char c : name)
      EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') << line;
    if (key.size() > name.size()) {
      EXPECT_TRUE(key.ends_with("\"}")) << line;
    }
    // Samples of one family stand together, right below its TYPE line.
    std::string family = name;
    if (types_[family_] == "histogram") {
      for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
        if (name == family_ + suffix) family = family_;
      }
    }
    EXPECT_EQ(family, family_) << line;
    type_is_pending_ = false;
    char* end = nullptr;
    const std::string number = line.substr(blank + 1);
    const double value = std::strtod(number.c_str(), &end);
    EXPECT_TRUE(!number.empty() && *end == '\0') << line;
    EXPECT_TRUE(samples_.emplace(key, value).second) << "twice: " << key;
  }

  std::map<std::string, double> samples_;
  std::map<std::string, std::string> types_;
  std::string family_;
  bool type_is_pending_ = false;
};

TEST_F(ExportTest, ShowsTheGoProgramsNamesAsJson) {
  const auto values = expvar(shown);
  for (const char* name : kGoNames) {
    ASSERT_TRUE(values.contains(name)) << name;
    EXPECT_EQ(values.at(name), 0) << name;
  }
}

TEST_F(ExportTest, SumsTheWorkers) {
  worker(0).downstream.started.add(1);
  worker(1).downstream.started.add(20);
  worker(2).downstream.started.add(300);
  worker(0).downstream_sockets.open.add(5);
  worker(1).downstream_sockets.open.add(-2);
  worker(2).link.wire_sent.add(uint64_t{1} << 40);
  worker(0).responses[2].add(7);
  worker(1).failures[static_cast<size_t>(Code::kTimeout)].add(3);
  worker(2).failures[static_cast<size_t>(Code::kTimeout)].add(4);
  const auto values = expvar(shown);
  EXPECT_EQ(values.at("inRequestStart"), 321);
  EXPECT_EQ(values.at("inConns"), 3);
  EXPECT_EQ(values.at("linkBytesWireSent"), int64_t{1} << 40);
  EXPECT_EQ(values.at("responses2xx"), 7);
  EXPECT_EQ(values.at("failures.timeout"), 7);

  const Exposition exposition(to_prometheus(shown));
  const auto& samples = exposition.samples();
  EXPECT_EQ(samples.at("inRequestStart"), 321);
  EXPECT_EQ(samples.at("inConns"), 3);
  EXPECT_EQ(samples.at("httptp_connections{side=\"downstream\"}"), 3);
  EXPECT_EQ(samples.at("httptp_responses_total{code_class=\"2xx\"}"), 7);
  EXPECT_EQ(samples.at("httptp_failures_total{reason=\"timeout\"}"), 7);
}

// Each counter is wired to its own name: one that counts 1, 2, 3 ... must show as that and alone.
TEST_F(ExportTest, ShowsEachNumberUnderItsOwnName) {
  WorkerMetrics& m = worker(0);
  const std::map<std::string, Counter*> kCounters = {
      {"inRequestStart", &m.downstream.started},
      {"inRequestSuccess", &m.downstream.succeeded},
      {"inRequestNon200", &m.downstream.non_200},
      {"inRequestTimeoutError", &m.downstream.timeout_errors},
      {"inRequestOtherError", &m.downstream.other_errors},
      {"inAcceptSuccess", &m.accepted},
      {"inAcceptError", &m.accept_errors},
      {"inBytesWritten", &m.downstream_sockets.bytes_written},
      {"inBytesRead", &m.downstream_sockets.bytes_read},
      {"inWriteError", &m.downstream_sockets.write_errors},
      {"inReadError", &m.downstream_sockets.read_errors},
      {"inWriteCalls", &m.downstream_sockets.write_calls},
      {"inReadCalls", &m.downstream_sockets.read_calls},
      {"outRequestStart", &m.upstream.started},
      {"outRequestSuccess", &m.upstream.succeeded},
      {"outRequestNon200", &m.upstream.non_200},
      {"outRequestTimeoutError", &m.upstream.timeout_errors},
      {"outRequestOtherError", &m.upstream.other_errors},
      {"outDialSuccess", &m.connects},
      {"outDialError", &m.connect_errors},
      {"outBytesWritten", &m.upstream_sockets.bytes_written},
      {"outBytesRead", &m.upstream_sockets.bytes_read},
      {"outWriteError", &m.upstream_sockets.write_errors},
      {"outReadError", &m.upstream_sockets.read_errors},
      {"outWriteCalls", &m.upstream_sockets.write_calls},
      {"outReadCalls", &m.upstream_sockets.read_calls},
      {"linkBytesRawSent", &m.link.raw_sent},
      {"linkBytesWireSent", &m.link.wire_sent},
      {"linkBytesRawReceived", &m.link.raw_received},
      {"linkBytesWireReceived", &m.link.wire_received},
      {"linkBatchesSent", &m.link.batches_sent},
      {"linkMessagesSent", &m.link.messages_sent},
      {"linkMessagesReceived", &m.link.messages_received},
      {"linkLateAnswers", &m.link.late_answers},
      {"linkStreams", &m.link.streams},
      {"linkResetsSent", &m.link.resets_sent},
      {"linkResetsReceived", &m.link.resets_received},
      {"linkWindowStalls", &m.link.window_stalls},
      {"linkLines", &m.link.lines},
      {"linkLinesKnown", &m.link.known_lines},
      {"linkBodies", &m.link.bodies},
      {"linkBodiesKnown", &m.link.known_bodies},
      {"linkEncodeNanoseconds", &m.link.encode_ns},
      {"linkDecodeNanoseconds", &m.link.decode_ns},
      {"responses1xx", &m.responses[1]},
      {"responses2xx", &m.responses[2]},
      {"responses3xx", &m.responses[3]},
      {"responses4xx", &m.responses[4]},
      {"responses5xx", &m.responses[5]},
      {"refusedAddress", &m.refused.address},
      {"refusedProxySender", &m.refused.proxy_sender},
      {"refusedProxyHeader", &m.refused.proxy_header},
      {"refusedProxyTimeout", &m.refused.proxy_timeout},
      {"refusedProxyCrowded", &m.refused.proxy_crowded},
      {"retries", &m.retries},
      {"retriesRefused", &m.retries_refused},
      {"probes", &m.probes},
      {"ejections", &m.ejections},
      {"checks", &m.checks},
      {"checksFailed", &m.checks_failed},
      {"queueWaits", &m.queue_waits},
      {"queueRefused", &m.queue_refused},
      {"upgrades", &m.upgrades},
      {"accessLogLinesWritten", &m.access_log_lines_written},
      {"accessLogLinesDropped", &m.access_log_lines_dropped},
  };
  const std::map<std::string, Gauge*> kGauges = {{"inConns", &m.downstream_sockets.open},
                                                 {"outConns", &m.upstream_sockets.open},
                                                 {"linkConns", &m.link.open},
                                                 {"exchangesOpen", &m.exchanges_open},
                                                 {"queueLength", &m.queue_length},
                                                 {"endpoints", &m.endpoints},
                                                 {"endpointsInService", &m.endpoints_in_service},
                                                 {"tunnelsOpen", &m.tunnels_open}};
  uint64_t next = 1;
  for (const auto& [name, counter] : kCounters)
    counter->add(next++);
  for (const auto& [name, gauge] : kGauges)
    gauge->add(static_cast<int64_t>(next++));

  const auto values = expvar(shown);
  const Exposition exposition(to_prometheus(shown));
  for (const auto& [name, counter] : kCounters) {
    EXPECT_EQ(values.at(name), static_cast<int64_t>(counter->value())) << name;
    EXPECT_EQ(exposition.samples().at(name), static_cast<double>(counter->value())) << name;
    EXPECT_EQ(exposition.types().at(name), "counter") << name;
  }
  for (const auto& [name, gauge] : kGauges) {
    EXPECT_EQ(values.at(name), gauge->value()) << name;
    EXPECT_EQ(exposition.types().at(name), "gauge") << name;
  }
  // A counter that someone adds without adding it here shows up as a difference in numbers.
  size_t plain = 0;
  for (const auto& [name, value] : values)
    plain += name.starts_with("failures.") || name.starts_with("requestDuration") ? 0 : 1;
  EXPECT_EQ(plain, kCounters.size() + kGauges.size());
  // What has a labelled name too shows the same number there.
  for (const char* labelled :
       {"httptp_link_bytes_total{direction=\"sent\",kind=\"raw\"}",
        "httptp_link_bytes_total{direction=\"received\",kind=\"wire\"}", "httptp_retries_total",
        "httptp_link_messages_total{direction=\"received\"}", "httptp_exchanges_open",
        "httptp_upgrades_total", "httptp_tunnels_open"})
    EXPECT_GT(exposition.samples().at(labelled), 0) << labelled;
}

TEST_F(ExportTest, FiltersNames) {
  const auto values = expvar(shown, "Dial");
  ASSERT_EQ(values.size(), 2u);
  EXPECT_TRUE(values.contains("outDialSuccess"));
  EXPECT_TRUE(values.contains("outDialError"));
  EXPECT_TRUE(expvar(shown, "no such name").empty());
  EXPECT_EQ(expvar({}).at("inRequestStart"), 0);
}

TEST_F(ExportTest, HasAFailureCounterForEachCode) {
  const auto values = expvar(shown);
  const Exposition exposition(to_prometheus(shown));
  for (size_t code = 0; code < WorkerMetrics::kCodes; ++code) {
    const std::string name = code_name(static_cast<Code>(code));
    EXPECT_TRUE(values.contains("failures." + name)) << name;
    EXPECT_TRUE(exposition.samples().contains("httptp_failures_total{reason=\"" + name + "\"}"))
        << name;
  }
}

TEST_F(ExportTest, ShowsDurationsAsACumulativeHistogram) {
  worker(0).request_duration.observe(50us);
  worker(1).request_duration.observe(3ms);
  worker(1).request_duration.observe(700ms);
  worker(2).request_duration.observe(2h);
  const std::string text = to_prometheus(shown);
  const Exposition exposition(text);
  const auto& samples = exposition.samples();
  const std::string family = "httptp_request_duration_seconds";
  EXPECT_EQ(exposition.types().at(family), "histogram");

  double last_bound = 0;
  double last_count = 0;
  size_t buckets = 0;
  const std::string prefix = family + "_bucket{le=\"";
  for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1)) {
    const std::string bound =
        text.substr(at + prefix.size(), text.find('"', at + prefix.size()) - at - prefix.size());
    const double edge = bound == "+Inf" ? HUGE_VAL : std::strtod(bound.c_str(), nullptr);
    const double count = samples.at(prefix + bound + "\"}");
    EXPECT_GT(edge, last_bound);
    EXPECT_GE(count, last_count);
    last_bound = edge;
    last_count = count;
    ++buckets;
  }
  EXPECT_GT(buckets, 10u);
  EXPECT_EQ(last_bound, HUGE_VAL);
  EXPECT_EQ(samples.at(prefix + "0.0001\"}"), 1);
  EXPECT_EQ(samples.at(prefix + "0.005\"}"), 2);
  EXPECT_EQ(samples.at(prefix + "10\"}"), 3);
  EXPECT_EQ(samples.at(prefix + "+Inf\"}"), 4);
  EXPECT_EQ(samples.at(family + "_count"), 4);
  EXPECT_NEAR(samples.at(family + "_sum"), 7200.70305, 1e-6);
  EXPECT_GE(expvar(shown).at("requestDurationMicrosecondsP50"), 3000);
  EXPECT_LE(expvar(shown).at("requestDurationMicrosecondsP50"), 3375);
}

}  // namespace
}  // namespace httpteleport::metrics
