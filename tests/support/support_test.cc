// Tests of the test support itself, where a mistake would let a broken program pass.
#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <set>

#include "support/content.h"
#include "support/http_message.h"
#include "support/httptp_process.h"
#include "support/load_client.h"
#include "support/origin.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/scripted_peer.h"
#include "support/temporary_folder.h"

namespace httpteleport::test {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

// Listener

TEST(Listener, EndsAcceptWhenItIsShutDownOfEveryKind) {
  const TemporaryFolder folder;
  for (const std::string& path : {std::string(), folder.file("s")}) {
    Listener listener({.unix_path = path});
    listener.shut_down();
    const Deadline deadline = after();
    EXPECT_FALSE(listener.accept(deadline));
    EXPECT_LT(Clock::now(), deadline) << path;
  }
}

// Content and Hash64

TEST(Content, IsTheSameHoweverItIsCut) {
  for (const bool json : {false, true}) {
    for (const uint64_t size : {0u, 1u, 2u, 3u, 4u, 5u, 100u, 131u, 132u, 133u, 4097u, 20'000u}) {
      const Content content = json ? Content::json(size, 7) : Content::bytes(size, 7);
      const std::string whole = content.to_string();
      ASSERT_EQ(whole.size(), size);
      for (const uint64_t step : {1u, 3u, 8u, 127u, 1000u}) {
        std::string pieces;
        while (pieces.size() < size) {
          std::string piece(std::min<uint64_t>(step, size - pieces.size()), '\0');
          content.read(pieces.size(), piece);
          ASSERT_TRUE(content.matches(pieces.size(), piece));
          pieces += piece;
        }
        ASSERT_EQ(pieces, whole) << "json " << json << " size " << size << " step " << step;
      }
    }
  }
}

TEST(Content, MixesRunsThatAreAllDifferent) {
  constexpr uint64_t kRun = Content::kMixedRunBytes;
  const Content content = Content::mixed(4 * kRun + 5, 3);
  const std::string whole = content.to_string();
  std::set<std::string> runs;
  for (uint64_t run = 0; run < 4; ++run) {
    EXPECT_EQ(whole[run * kRun] == '[', run % 2 == 0);
    runs.insert(whole.substr(run * kRun, kRun));
  }
  EXPECT_EQ(runs.size(), 4u);
  std::string middle(3 * 1024, '\0');
  content.read(kRun - 1000, middle);
  EXPECT_EQ(middle, whole.substr(kRun - 1000, middle.size()));
  EXPECT_TRUE(content.matches(0, whole));
}

TEST(Content, DiffersBySeedAndKind) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    seen.insert(Content::bytes(16, seed).to_string());
    seen.insert(Content::json(200, seed).to_string());
  }
  EXPECT_EQ(seen.size(), 2000u);
}

TEST(Content, NoticesEveryWrongByteAndWrongLength) {
  for (const Content& content : {Content::bytes(300, 3), Content::json(300, 3)}) {
    const std::string right = content.to_string();
    EXPECT_TRUE(content.matches(0, right));
    EXPECT_FALSE(content.matches(0, right + "x"));
    EXPECT_FALSE(content.matches(1, right.substr(0, 299)));
    for (size_t at = 0; at < right.size(); ++at) {
      std::string wrong = right;
      wrong[at] = static_cast<char>(wrong[at] ^ 1);
      ASSERT_FALSE(content.matches(0, wrong)) << at;
    }
  }
}

TEST(Content, JsonHasBalancedBracketsAndNoControlCharacters) {
  const std::string text = Content::json(5000, 11).to_string();
  EXPECT_EQ(text.front(), '[');
  EXPECT_EQ(text.back(), ']');
  EXPECT_EQ(std::count(text.begin(), text.end(), '{'), std::count(text.begin(), text.end(), '}'));
  EXPECT_EQ(std::count(text.begin(), text.end(), '"') % 2, 0);
  EXPECT_EQ(text.find('.'), std::string::npos);
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; }));
}

TEST(Hash64, DoesNotDependOnTheCutsButOnEveryByteAndTheLength) {
  const std::string text = Content::bytes(200, 5).to_string();
  Hash64 whole;
  whole.update(text);
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    Hash64 parts;
    parts.update(std::string_view(text).substr(0, cut));
    parts.update(std::string_view(text).substr(cut));
    ASSERT_EQ(parts.line(), whole.line());
  }
  std::set<uint64_t> values{whole.value()};
  for (size_t at = 0; at < text.size(); ++at) {
    std::string wrong = text;
    wrong[at] = static_cast<char>(wrong[at] ^ 0x40);
    Hash64 hash;
    hash.update(wrong);
    values.insert(hash.value());
  }
  EXPECT_EQ(values.size(), 201u);
  Hash64 zeros_7, zeros_8;
  zeros_7.update(std::string(7, '\0'));
  zeros_8.update(std::string(8, '\0'));
  EXPECT_NE(zeros_7.value(), zeros_8.value());
}

// MessageParser

struct Parsed {
  bool done = false;
  bool failed = false;
  size_t consumed = 0;
  std::string body;
  MessageHead head;
};

// Feeds `input` in two pieces, cut at `cut`, and then the end of the connection.
Parsed parse(std::string_view input, bool request, bool to_head, size_t cut) {
  MessageParser parser;
  request ? parser.expect_request() : parser.expect_response(to_head);
  Parsed result;
  for (std::string_view piece : {input.substr(0, cut), input.substr(cut)}) {
    while (!piece.empty() && !parser.done() && !parser.failed()) {
      const auto step = parser.step(piece);
      if (step.consumed == 0) break;
      piece.remove_prefix(step.consumed);
      result.consumed += step.consumed;
      result.body.append(step.body);
    }
  }
  if (!parser.failed()) parser.finish();
  result.done = parser.done();
  result.failed = parser.failed();
  result.head = parser.head();
  return result;
}

struct ParserCase {
  const char* name;
  std::string_view input;
  bool request;
  bool to_head;
  bool done;
  std::string_view body;
  size_t left;  // bytes that belong to the next message
};

TEST(MessageParser, ReadsGoodMessagesAndRefusesBadOnesHoweverCut) {
  const ParserCase cases[] = {
      {"length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcX", false, false, true, "abc", 1},
      {"length 0", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nX", false, false, true, "", 1},
      {"too short", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", false, false, false, "abc",
       0},
      {"until close", "HTTP/1.1 200 OK\r\n\r\nabc", false, false, true, "abc", 0},
      {"head", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nX", false, true, true, "", 1},
      {"204", "HTTP/1.1 204 No\r\n\r\nX", false, false, true, "", 1},
      {"304", "HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\nX", false, false, true, "", 1},
      {"100", "HTTP/1.1 100 Continue\r\n\r\nX", false, false, true, "", 1},
      {"empty reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", false, false, true, "", 0},
      {"chunked",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n"
       "0\r\nT: v\r\n\r\nX",
       false, false, true, "abc0123456789", 1},
      {"no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", false,
       false, false, "abc", 0},
      {"bad chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", false,
       false, false, "", 0},
      {"long chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
       false, false, false, "abc", 0},
      {"both framings",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", false,
       false, false, "", 0},
      {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", false,
       false, false, "", 0},
      {"bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", false, false, false, "", 0},
      {"bad status", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", false, false, false, "", 0},
      {"space in name", "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", false, false, false, "", 0},
      {"request", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiX", true, false, true,
       "hi", 1},
      {"request without body", "GET / HTTP/1.0\r\n\r\nX", true, false, true, "", 1},
      {"bad version", "GET / HTTP/2.0\r\n\r\n", true, false, false, "", 0},
  };
  for (const ParserCase& c : cases) {
    for (size_t cut = 0; cut <= c.input.size(); ++cut) {
      const Parsed parsed = parse(c.input, c.request, c.to_head, cut);
      ASSERT_EQ(parsed.done, c.done) << c.name << " cut at " << cut;
      if (!c.done && parsed.failed) continue;
      ASSERT_EQ(parsed.body, c.body) << c.name << " cut at " << cut;
      ASSERT_EQ(c.input.size() - parsed.consumed, c.left) << c.name << " cut at " << cut;
    }
  }
}

TEST(MessageParser, KeepsFieldsAndTrailers) {
  const Parsed parsed = parse(
      "HTTP/1.1 203 Two words\r\nX-A:  v 1 \r\nConnection: a, Close\r\nTransfer-Encoding: "
      "chunked\r\n\r\n0\r\nX-T: last\r\n\r\n",
      false, false, 0);
  EXPECT_EQ(parsed.head.status, 203);
  EXPECT_EQ(parsed.head.reason, "Two words");
  EXPECT_EQ(parsed.head.find("x-a"), "v 1");
  EXPECT_TRUE(parsed.head.has_token("CONNECTION", "close"));
  EXPECT_FALSE(parsed.head.keep_alive());
  ASSERT_EQ(parsed.head.trailers.size(), 1u);
  EXPECT_EQ(parsed.head.trailers[0].second, "last");
}

// Origin

TEST(Origin, AnswersWhatItsHeaderSays) {
  Origin origin;
  const auto body_of = [&](const std::string& target) {
    return get(origin.address(), target).body;
  };
  EXPECT_EQ(body_of("/bytes/70000?seed=4"), Content::bytes(70'000, 4).to_string());
  EXPECT_EQ(body_of("/stream/10?seed=4"), Content::bytes(10, 4).to_string());
  EXPECT_EQ(body_of("/json/900?seed=5"), Content::json(900, 5).to_string());
  EXPECT_EQ(body_of("/chunked/50000?seed=5"), Content::json(50'000, 5).to_string());
  EXPECT_EQ(body_of("/close/3000?seed=6"), Content::bytes(3000, 6).to_string());
  EXPECT_THAT(body_of("/headers?x=1"), HasSubstr("GET /headers?x=1 HTTP/1.1\r\nHost: test\r\n"));
  EXPECT_EQ(get(origin.address(), "/status/418").head.status, 418);
  EXPECT_EQ(get(origin.address(), "/nothing").head.status, 404);
  EXPECT_TRUE(get(origin.address(), "/chunked/50000?seed=5").chunked);
  const Deadline before = Clock::now();
  EXPECT_EQ(body_of("/slow/50/5?seed=1"), Content::bytes(5, 1).to_string());
  EXPECT_GE(Clock::now() - before, 50ms);
}

TEST(Origin, HashesEchoesAndContinues) {
  Origin origin;
  const std::string body = Content::bytes(1000, 9).to_string();
  Hash64 hash;
  hash.update(body);
  HttpConnection client(origin.address());
  client.send("POST /hash HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + body);
  EXPECT_EQ(client.read_response().body, hash.line());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: "
      "100-continue\r\n\r\n");
  EXPECT_EQ(client.read_response().head.status, 100);
  client.send("3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n");
  const Message echo = client.read_response();
  EXPECT_EQ(echo.body, "abc");
  EXPECT_TRUE(echo.chunked);
  EXPECT_EQ(echo.head.trailers.size(), 1u);
  client.send("HEAD /bytes/77 HTTP/1.1\r\nHost: a\r\n\r\n");
  const Message head = client.read_response(true);
  EXPECT_EQ(head.head.find("content-length"), "77");
  client.send(
      "GET /status/204 HTTP/1.1\r\nHost: a\r\n\r\nGET /bytes/1 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_response().head.status, 204);
  EXPECT_EQ(client.read_response().body.size(), 1u);
}

TEST(Origin, HoldsAnswersUntilTheGateOpensAndCountsWhoLeaves) {
  Origin origin;
  HttpConnection held(origin.address());
  held.send("GET /bytes/5?hold=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  {
    HttpConnection stalled(origin.address());
    stalled.send("GET /stall HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(origin.wait_for([](const auto& c) { return c.pending == 2 && c.held == 1; }));
    EXPECT_EQ(origin.counters().aborted, 0u);
  }
  EXPECT_TRUE(origin.wait_for([](const auto& c) { return c.stalled_gone == 1 && c.pending == 1; }));
  EXPECT_EQ(held.read_response(false, after(20ms)).outcome, Outcome::kTimeout);
  origin.open_gate();
  EXPECT_EQ(held.read_response().body.size(), 5u);
  EXPECT_TRUE(origin.wait_for([](const auto& c) { return c.pending == 0 && c.answered == 1; }));
  const std::string json = get(origin.address(), "/counters").body;
  EXPECT_EQ(json_number(json, "requests"), 2);
  EXPECT_EQ(json_number(json, "pending_max"), 2);
  EXPECT_EQ(json_number(json, "aborted"), 1);
  EXPECT_EQ(json_number(json, "nothing"), std::nullopt);
}

TEST(Origin, SendsEventsWhenTold) {
  Origin origin;
  HttpConnection client(origin.address());
  client.send("GET /sse HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.socket().recv_until("\r\n\r\n").status, IoStatus::kOk);
  origin.send_event("one");
  EXPECT_THAT(client.socket().recv_until("\n\n").bytes, HasSubstr("data: one"));
  origin.send_event("two");
  EXPECT_THAT(client.socket().recv_until("\n\n").bytes, HasSubstr("data: two"));
}

// LoadClient

LoadRequest varied_request(uint64_t index) {
  const uint64_t size = mix64(index) % 30'000;
  switch (index % 6) {
    case 0:
      return get_bytes(size, index);
    case 1:
      return get_json(size, index, false);
    case 2:
      return get_json(size, index, true);
    case 3:
      return post_echo(Content::json(size, index), true);
    case 4:
      return post_echo(Content::bytes(size * 10, index), false);
    default:
      return post_hash(Content::bytes(size, index), index % 2 == 0);
  }
}

LoadReport run_load(const Origin& origin, uint64_t requests, double abort_fraction = 0) {
  LoadClient client({.address = origin.address(),
                     .connections = 50,
                     .requests = requests,
                     .make = varied_request,
                     .time_limit = 60s,
                     .abort_fraction = abort_fraction});
  return client.run();
}

TEST(LoadClient, FindsNoFaultInAGoodServer) {
  Origin origin;
  const LoadReport report = run_load(origin, 3000);
  EXPECT_EQ(report.good(), 3000u) << report.text();
  EXPECT_EQ(report.errors(), 0u) << report.text();
  EXPECT_GT(report.p50.count(), 0);
  EXPECT_GE(report.p99, report.p50);
  EXPECT_EQ(origin.counters().requests, 3000u);
  EXPECT_EQ(origin.counters().connections_accepted, 50u) << "connections are reused";
}

TEST(LoadClient, NoticesEachKindOfCorruption) {
  using Corruption = Origin::Corruption;
  const std::pair<Corruption, Verdict> cases[] = {
      {Corruption::kFlipByte, Verdict::kWrongBody},
      {Corruption::kShortBody, Verdict::kWrongLength},
      {Corruption::kWrongBody, Verdict::kWrongBody},
      {Corruption::kWrongTag, Verdict::kMixUp},
      {Corruption::kTruncate, Verdict::kClosed},
  };
  for (const auto& [corruption, verdict] : cases) {
    Origin origin({.corruption = corruption, .corrupt_every = 10});
    const LoadReport report = run_load(origin, 600);  // 300 of them get a generated body
    EXPECT_EQ(report.count(verdict), 30u) << report.text();
    EXPECT_EQ(report.errors(), 30u) << report.text();
    EXPECT_EQ(report.good(), 570u) << report.text();
    EXPECT_EQ(report.first_errors.size(), LoadReport::kFirstErrorsMax);
  }
}

TEST(LoadClient, CountsWrongStatusRefusedConnectionsAndNoAnswer) {
  Origin origin;
  LoadClient::Options options{.address = origin.address(), .requests = 3, .make = [](uint64_t) {
                                LoadRequest request;
                                request.target = "/status/503";
                                return request;
                              }};
  EXPECT_EQ(LoadClient(options).run().count(Verdict::kWrongStatus), 3u);
  options.make = [](uint64_t) {
    LoadRequest request;
    request.target = "/stall";
    return request;
  };
  options.time_limit = 1s;
  EXPECT_EQ(LoadClient(options).run().count(Verdict::kTimedOut), 3u);
  options.address = dead_address();
  EXPECT_EQ(LoadClient(options).run().count(Verdict::kConnectFailed), 3u);
}

TEST(LoadClient, AbortsThePlannedPartAtAllPointsAndTheRestIsUnharmed) {
  Origin origin;
  const LoadReport report = run_load(origin, 3000, 0.33);
  EXPECT_EQ(report.errors(), 0u) << report.text();
  EXPECT_GT(report.aborted(), 300u) << report.text();  // many are answered before their time
  EXPECT_LT(report.aborted(), 1200u) << report.text();
  EXPECT_EQ(report.good() + report.aborted(), 3000u);
  EXPECT_GT(origin.counters().aborted, 100u);
  EXPECT_LT(origin.counters().requests, 3000u) << "some never got as far as a head";
}

TEST(LoadClient, NoticesBytesAfterAnAnswer) {
  ScriptedPeer peer;
  peer.add_script([](ScriptedPeer::Connection& connection) {
    connection.expect_request();
    connection.send("HTTP/1.1 200 OK\r\nX-Tag: 0\r\nContent-Length: 1\r\n\r\nabc");
    connection.expect_end();
  });
  LoadClient client({.address = peer.address(), .make = [](uint64_t) {
                       LoadRequest request;
                       request.check = LoadRequest::Check::kText;
                       request.expected_text = "a";
                       return request;
                     }});
  const LoadReport report = client.run();
  EXPECT_EQ(report.count(Verdict::kMalformed), 1u) << report.text();
}

// All at one time, the origin in a process of its own because of the limit of open files.
TEST(LoadClient, HoldsTenThousandRequestsInFlight) {
  constexpr uint64_t kRequests = 10'000;
  ASSERT_GT(raise_file_limit(), kRequests + 100);
  Process process({bin_dir() + "/test_origin"});
  const auto line = process.wait_line("listening on ");
  ASSERT_TRUE(line.has_value()) << process.output();
  const Address origin = *Address::parse(*line);
  LoadClient client({.address = origin,
                     .connections = kRequests,
                     .requests = kRequests,
                     .make = [](uint64_t index) {
                       return index % 2 == 0
                                  ? get_bytes(mix64(index) % 65'537, index, "hold=1")
                                  : post_hash(Content::bytes(mix64(index) % 65'537, index), false,
                                              "hold=1");
                     }});
  std::future<LoadReport> running = std::async(std::launch::async, [&] { return client.run(); });
  const bool all_held = wait_until(
      [&] { return json_number(get(origin, "/counters").body, "held") == int64_t{kRequests}; },
      after(50s));
  EXPECT_TRUE(all_held) << get(origin, "/counters").body;
  EXPECT_EQ(client.sent(), kRequests);
  EXPECT_EQ(client.finished(), 0u);
  get(origin, "/control/open");
  const LoadReport report = running.get();
  EXPECT_EQ(report.good(), kRequests) << report.text();
  EXPECT_EQ(process.terminate().code, 0);
}

// Process and ScriptedPeer

TEST(Process, CollectsOutputAndTellsHowItEnded) {
  Process good({"/bin/sh", "-c", "echo one; echo two $V >&2; exit 3"}, {{"V", "words"}});
  EXPECT_EQ(good.wait_line("two "), "words");
  const auto status = good.wait_exit();
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->code, 3);
  EXPECT_THAT(good.output(), HasSubstr("one\n"));

  Process stuck({"/bin/sh", "-c", "echo up; read line </dev/zero"});
  EXPECT_TRUE(stuck.wait_line("up").has_value());
  EXPECT_FALSE(stuck.wait_exit(after(10ms)).has_value());
  EXPECT_TRUE(stuck.is_running());
  EXPECT_GT(stuck.rss_bytes(), 100'000u);
  EXPECT_GE(stuck.rss_max_bytes(), stuck.rss_bytes());
  EXPECT_GE(stuck.open_fd_count(), 3u);
  EXPECT_EQ(stuck.terminate().signal, SIGTERM);

  Process missing({"/nowhere/program"});
  EXPECT_EQ(missing.wait_line("listening on "), std::nullopt);
  EXPECT_EQ(missing.wait_exit()->code, 127);
}

TEST(HttptpProcess, SaysWhyItDidNotStart) {
  std::string error;
  const auto process = HttptpProcess::start({.binary = "/nowhere/httptp"}, error);
  EXPECT_EQ(process, nullptr);
  EXPECT_THAT(error, HasSubstr("cannot execute"));
}

TEST(ScriptedPeer, RunsOneScriptForEachConnection) {
  ScriptedPeer peer;
  peer.add_script([](ScriptedPeer::Connection& connection) {
    connection.expect("hello");
    connection.send("world");
    connection.stall();
    connection.reset();
  });
  peer.add_script([](ScriptedPeer::Connection& connection) {
    connection.expect_bytes("abc");
    connection.close();
  });
  auto first = Socket::connect(peer.address());
  ASSERT_TRUE(first.has_value());
  first->send_all("say hello");
  EXPECT_EQ(first->recv_exactly(5).bytes, "world");
  auto second = Socket::connect(peer.address());
  second->send_all("abc");
  EXPECT_EQ(second->recv_to_end().status, IoStatus::kClosed);
  auto third = Socket::connect(peer.address());
  EXPECT_EQ(third->recv_some().status, IoStatus::kClosed);
  EXPECT_EQ(peer.extra_connections(), 1u);
  peer.release();
  EXPECT_EQ(first->recv_some().status, IoStatus::kReset);
  peer.join();
}

TEST(ScriptedPeer, ReportsWhatDidNotCome) {
  const auto broken_conversation = [] {
    ScriptedPeer peer;
    peer.add_script([](ScriptedPeer::Connection& connection) {
      connection.expect("never");
      connection.send("not sent");
    });
    auto client = Socket::connect(peer.address());
    client->send_all("something else");
    client->shutdown_write();
    EXPECT_EQ(client->recv_to_end().bytes, "");
    peer.join();
  };
  testing::TestPartResultArray failures;
  {
    testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
    broken_conversation();
  }
  ASSERT_EQ(failures.size(), 1);
  EXPECT_THAT(failures.GetTestPartResult(0).message(), HasSubstr("something else"));
}

}  // namespace
}  // namespace httpteleport::test
