// The program replaces itself and reloads while it is at work, and nobody notices.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>

#include "integration/replaced_httptp.h"
#include "integration/steady_traffic.h"
#include "support/certificates.h"
#include "support/load_client.h"
#include "support/origin.h"
#include "support/paths.h"
#include "support/temporary_folder.h"
#include "support/wrk.h"

namespace httpteleport::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using namespace std::chrono_literals;

constexpr size_t kWebSockets = kSanitized ? 60 : 200;

void write_file(const std::string& path, std::string_view text) {
  std::ofstream(path + ".new", std::ios::binary) << text;
  std::filesystem::rename(path + ".new", path);
}

class Replacement : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.file(name); }
  // Writes the file of flags; `name = value` a line.
  std::string configure(const std::string& text) const {
    write_file(path("flags"), text);
    return path("flags");
  }
  // A copy of the program, to be replaced.
  std::string program() const {
    std::filesystem::copy_file(bin_dir() + "/httptp", path("httptp.new"),
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::rename(path("httptp.new"), path("httptp"));
    return path("httptp");
  }

  TemporaryFolder folder_;
  WebSocketEcho origin_;
};

// ---- At full load.

class ReplacementAtWork : public Replacement, public testing::WithParamInterface<const char*> {
 protected:
  bool is_secure() const { return GetParam() == std::string("https"); }
  // A new certificate in the files, from the CA that clients trust.
  std::string renew_certificate() {
    const Pem pem = ca_.issue({.names = {"localhost"}});
    write_file(path("cert.pem"), pem.certificate);
    write_file(path("key.pem"), pem.key);
    return pem.certificate;
  }
  Flags flags() {
    Flags flags = {"-in=127.0.0.1:0",
                   std::string("-inType=") + GetParam(),
                   "-outType=http",
                   "-out=" + origin_.address().text(),
                   "-config=" + path("flags"),
                   "-shutdownTimeout=5s"};
    if (is_secure())
      flags = flags + Flags{"-inTLSCert=" + path("cert.pem"), "-inTLSKey=" + path("key.pem")};
    return flags;
  }
  std::string trusted() const { return is_secure() ? ca_.pem() : ""; }
  std::string certificate_at(const Address& address) const {
    auto client =
        TlsClient::connect(address, {.server_name = "localhost", .trusted_pem = ca_.pem()});
    return client ? client->peer_certificate() : "";
  }

  TestCa ca_{"test"};
};

INSTANTIATE_TEST_SUITE_P(Listeners, ReplacementAtWork, testing::Values("http", "https"),
                         [](const auto& listener) { return listener.param; });

TEST_P(ReplacementAtWork, LosesNoRequestAndNoWebSocket) {
  configure("outTimeout = 20s\n");
  renew_certificate();
  ReplacedHttptp proxy(flags());
  ASSERT_TRUE(proxy.started());
  const std::string url = std::string(GetParam()) + "://" + proxy.address().text() + "/bytes/200";
  SteadyWebSockets sockets(proxy.address(), trusted(), kWebSockets);
  ASSERT_EQ(sockets.opened(), kWebSockets);
  Wrk wrk(url);
  SteadyRequests requests(proxy.address(), trusted(), 4);
  ASSERT_TRUE(requests.wait_for_more(100));

  configure("outTimeout = 30s\n");
  const std::string renewed = renew_certificate();
  proxy.signal(SIGHUP);
  ASSERT_TRUE(proxy.wait_log("configuration reloaded"));
  if (is_secure()) {
    EXPECT_TRUE(wait_until([&] { return certificate_at(proxy.address()) == renewed; }));
  }
  ASSERT_TRUE(requests.wait_for_more(100) && sockets.wait_for_frames());

  const Deadline replaced_at = Clock::now();
  ASSERT_TRUE(proxy.replace());
  ASSERT_NE(proxy.pid(1), proxy.pid(0));
  ASSERT_TRUE(requests.wait_for_more(100));
  const SteadyWebSockets more(proxy.address(), trusted(), 20);
  EXPECT_EQ(more.opened(), 20u);
  const Deadline replaced_again_at = Clock::now();
  ASSERT_TRUE(proxy.replace());
  ASSERT_TRUE(requests.wait_for_more(100) && more.wait_for_frames());

  wrk.stop();
  EXPECT_THAT(requests.stop(), IsEmpty());
  EXPECT_TRUE(proxy.wait_end(0));
  EXPECT_TRUE(proxy.wait_end(1));
  EXPECT_TRUE(wait_until([&] { return sockets.open() == 0 && more.open() == 0; }));
  EXPECT_GE(sockets.first_closed() - replaced_at, 5s);
  EXPECT_GE(more.first_closed() - replaced_again_at, 5s);
  SteadyRequests last(proxy.address(), trusted(), 2);
  EXPECT_TRUE(last.wait_for_more(10));
  EXPECT_THAT(last.stop(), IsEmpty());
}

// ---- A new program that does not come to be.

class ReplacementThatFails : public Replacement {
 protected:
  ReplacementThatFails() { configure("workers = 2\n"); }
  Flags flags() const {
    return http_flags(origin_.address().text()) + Flags{"-config=" + path("flags")};
  }
  // The old one stays, at its work.
  static void expect_failure(ReplacedHttptp& proxy) {
    SteadyRequests requests(proxy.address(), "", 16, SteadyRequests::Connections::kNew);
    EXPECT_TRUE(requests.wait_for_more(50));
    const pid_t pid = proxy.pid();
    proxy.signal(SIGUSR2);
    EXPECT_TRUE(proxy.wait_log("the new process has failed; this one serves on"));
    EXPECT_TRUE(requests.wait_for_more(50));
    EXPECT_THAT(requests.stop(), IsEmpty());
    EXPECT_TRUE(ReplacedHttptp::is_there(pid));
  }
};

TEST_F(ReplacementThatFails, LeavesTheOldProgramAtWorkUntilAGoodOneComes) {
  ReplacedHttptp proxy(flags(), program());
  ASSERT_TRUE(proxy.started());
  write_file(path("httptp"), "#!/bin/sh\nexit 3\n");
  chmod(path("httptp").c_str(), 0755);
  expect_failure(proxy);
  std::filesystem::remove(path("httptp"));
  expect_failure(proxy);
  program();
  configure("workers = many\n");
  expect_failure(proxy);
  configure("workers = 2\n");
  EXPECT_TRUE(proxy.replace());
  EXPECT_TRUE(proxy.wait_end(0));
  SteadyRequests last(proxy.address(), "", 2);
  EXPECT_TRUE(last.wait_for_more(10));
  EXPECT_THAT(last.stop(), IsEmpty());
}

// It has the listener's sockets by then, and must not have taken connections that die with it.
TEST_F(ReplacementThatFails, LosesNoRequestWhenTheAdminAddressCannotBeHad) {
  configure("workers = 2\nexpvarAddr = 127.0.0.1:0\n");
  ReplacedHttptp proxy({.flags = flags(), .adds_metrics = false});
  ASSERT_TRUE(proxy.started());
  const Listener taken;
  configure("workers = 6\nexpvarAddr = " + taken.address().text() + "\n");
  for (int i = 0; i < 5; ++i)
    expect_failure(proxy);
  configure("workers = 2\nexpvarAddr = 127.0.0.1:0\n");
  EXPECT_TRUE(proxy.replace());
}

TEST_F(ReplacementThatFails, LeavesTheFileOfAUnixSocket) {
  const std::string file = path("socket");
  ReplacedHttptp proxy({.flags = http_flags(origin_.address().text(), "unix:" + file) +
                                 Flags{"-config=" + configure("expvarAddr = 127.0.0.1:0\n")},
                        .adds_metrics = false});
  ASSERT_TRUE(proxy.started());
  const Listener taken;
  configure("expvarAddr = " + taken.address().text() + "\n");
  expect_failure(proxy);
  EXPECT_TRUE(std::filesystem::exists(file));
  configure("expvarAddr = 127.0.0.1:0\naccessLog = " + path("none/access") + "\n");
  expect_failure(proxy);
  EXPECT_TRUE(std::filesystem::exists(file));
}

TEST_F(ReplacementThatFails, IsRefusedWhileOneIsUnderWay) {
  ReplacedHttptp proxy(flags(), program());
  ASSERT_TRUE(proxy.started());
  // A program that takes its time: it is ready when the test says so.
  ASSERT_EQ(mkfifo(path("go").c_str(), 0600), 0);
  std::filesystem::copy_file(path("httptp"), path("good"));
  write_file(path("httptp"),
             "#!/bin/sh\nread line <" + path("go") + "\nexec " + path("good") + " \"$@\"\n");
  chmod(path("httptp").c_str(), 0755);
  proxy.signal(SIGUSR2);
  const pid_t successor = proxy.wait_started();
  ASSERT_GT(successor, 0);
  proxy.signal(SIGUSR2);
  EXPECT_TRUE(proxy.wait_log("SIGUSR2 is ignored: "));
  EXPECT_THAT(proxy.since_mark(), Not(HasSubstr("started a new process")));
  std::ofstream(path("go")) << "\n";
  EXPECT_TRUE(proxy.wait_serving(successor));
  EXPECT_TRUE(proxy.wait_end(0));
}

// A manager that hears of a main process which is gone ends the service.
TEST_F(ReplacementThatFails, IsNotTheMainProcessOfTheServiceManager) {
  const Fd manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_storage name{};
  const unsigned size = Address{.unix_path = path("notify")}.to_sockaddr(name);
  ASSERT_EQ(bind(manager.get(), reinterpret_cast<const sockaddr*>(&name), size), 0);
  std::string told;
  const auto is_told = [&](const std::string& text) {
    std::array<char, 4096> datagram{};
    ssize_t count = 0;
    while ((count = recv(manager.get(), datagram.data(), datagram.size(), 0)) > 0)
      told.append(datagram.data(), static_cast<size_t>(count)).append("\n");
    return told.find(text) != std::string::npos;
  };
  configure("expvarAddr = 127.0.0.1:0\n");
  ReplacedHttptp proxy({.flags = flags(),
                        .environment = {{"NOTIFY_SOCKET", path("notify")}},
                        .adds_metrics = false});
  ASSERT_TRUE(proxy.started());
  EXPECT_TRUE(wait_until([&] { return is_told("READY=1"); }));
  const Listener taken;
  configure("expvarAddr = " + taken.address().text() + "\n");
  expect_failure(proxy);
  EXPECT_FALSE(is_told("MAINPID="));
  configure("expvarAddr = 127.0.0.1:0\n");
  ASSERT_TRUE(proxy.replace());
  EXPECT_TRUE(is_told("MAINPID=" + std::to_string(proxy.pid())));
  EXPECT_TRUE(wait_until([&] {
    return is_told("MAINPID=" + std::to_string(proxy.pid()) + "\nREADY=1");
  })) << told;
}

// Who orders the old one to end means the service.
TEST_F(ReplacementThatFails, EndsTogetherWithTheOldProgram) {
  ReplacedHttptp proxy(flags(), program());
  ASSERT_TRUE(proxy.started());
  ASSERT_EQ(mkfifo(path("go").c_str(), 0600), 0);
  write_file(path("httptp"), "#!/bin/sh\nexec cat " + path("go") + "\n");
  chmod(path("httptp").c_str(), 0755);
  proxy.signal(SIGUSR2);
  const pid_t successor = proxy.wait_started();
  ASSERT_GT(successor, 0);
  proxy.signal(SIGTERM);
  EXPECT_TRUE(proxy.wait_end(0));
  EXPECT_THAT(proxy.since_mark(), Not(HasSubstr("has failed")));
  int status = 0;
  EXPECT_TRUE(wait_until([&] {
    // Reaped by its parent, or left to us.
    return !ReplacedHttptp::is_there(successor) || waitpid(successor, &status, WNOHANG) > 0;
  }));
}

// ---- What is handed over.

TEST_F(Replacement, LeavesNoDescriptorAndNoProcessBehind) {
  // Those of other tests, that came to us when their parents had ended.
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  ReplacedHttptp proxy(http_flags(origin_.address().text()) + Flags{"-workers=2"});
  ASSERT_TRUE(proxy.started());
  const Address metrics = proxy.first().metrics_address();
  // The first may have been given more by whoever runs the test; it keeps that to itself.
  const size_t fds_of_first = ReplacedHttptp::open_fd_count(proxy.pid());
  ASSERT_TRUE(proxy.replace());
  EXPECT_TRUE(proxy.wait_end(0));
  const size_t fds = ReplacedHttptp::open_fd_count(proxy.pid());
  EXPECT_LE(fds, fds_of_first);
  for (size_t i = 1; i < 5; ++i) {
    SteadyRequests requests(proxy.address(), "", 4);
    ASSERT_TRUE(requests.wait_for_more(20));
    // Connections of its own would count.
    if (i == 4) {
      EXPECT_THAT(requests.stop(), IsEmpty());
    }
    ASSERT_TRUE(proxy.replace());
    EXPECT_TRUE(proxy.wait_end(i));
  }
  const pid_t last = proxy.pid();
  EXPECT_TRUE(wait_until([&] { return ReplacedHttptp::open_fd_count(last) == fds; }))
      << ReplacedHttptp::open_fd_count(last) << " descriptors, " << fds << " before";
  EXPECT_EQ(get(metrics, "/expvar").head.status, 200);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), 0) << "a process has ended and nobody knew it";
}

TEST_F(Replacement, WritesThePidFileAnew) {
  ReplacedHttptp proxy(http_flags(origin_.address().text()) + Flags{"-pidFile=" + path("pid")});
  ASSERT_TRUE(proxy.started());
  const auto names = [&](pid_t pid) {
    return read_file(path("pid")) == std::to_string(pid) + "\n";
  };
  EXPECT_TRUE(wait_until([&] { return names(proxy.pid()); }));
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(proxy.replace());
    EXPECT_TRUE(names(proxy.pid())) << "it is told before the old one is";
    EXPECT_TRUE(proxy.wait_end(i));
    EXPECT_TRUE(names(proxy.pid()));
  }
  proxy.end();
  EXPECT_FALSE(std::filesystem::exists(path("pid")));
}

TEST_F(Replacement, ServesTheAdminAddressWithoutAPause) {
  ReplacedHttptp proxy(http_flags(origin_.address().text()));
  ASSERT_TRUE(proxy.started());
  const Address metrics = proxy.first().metrics_address();
  HttpConnection kept(metrics);
  std::atomic<bool> stopping = false;
  std::atomic<int> asked = 0;
  std::atomic<int> failed = 0;
  std::thread asking([&] {
    for (; !stopping; ++asked)
      failed += get(metrics, "/expvar").head.status != 200;
  });
  EXPECT_TRUE(proxy.replace());
  const int before = asked;
  EXPECT_TRUE(wait_until([&] { return asked > before + 10; }));
  stopping = true;
  asking.join();
  EXPECT_EQ(failed, 0);
}

TEST_F(Replacement, MayChangeTheNumberOfWorkers) {
  configure("workers = 4\n");
  ReplacedHttptp proxy(http_flags(origin_.address().text()) + Flags{"-config=" + path("flags")});
  ASSERT_TRUE(proxy.started());
  SteadyRequests requests(proxy.address(), "", 16);
  for (const int workers : {1, 6, 2, 3}) {
    ASSERT_TRUE(requests.wait_for_more(100));
    configure("workers = " + std::to_string(workers) + "\n");
    ASSERT_TRUE(proxy.replace());
    EXPECT_THAT(proxy.since_mark(), HasSubstr("workers=" + std::to_string(workers) + "\n"));
    ASSERT_TRUE(requests.wait_for_more(100));
  }
  EXPECT_THAT(requests.stop(), IsEmpty());
}

TEST_F(Replacement, KeepsTheFileOfAUnixSocketUntilTheLastEnds) {
  const std::string file = path("socket");
  ReplacedHttptp proxy(http_flags(origin_.address().text(), "unix:" + file));
  ASSERT_TRUE(proxy.started());
  SteadyRequests requests({.unix_path = file}, "", 8);
  struct stat before {};
  ASSERT_EQ(stat(file.c_str(), &before), 0);
  for (size_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(requests.wait_for_more(100));
    ASSERT_TRUE(proxy.replace());
    ASSERT_TRUE(requests.wait_for_more(100));
    EXPECT_TRUE(proxy.wait_end(i));
    struct stat now {};
    ASSERT_EQ(stat(file.c_str(), &now), 0);
    EXPECT_EQ(now.st_ino, before.st_ino);
  }
  EXPECT_THAT(requests.stop(), IsEmpty());
  proxy.end();
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(Replacement, ListensWhereItIsToldTo) {
  configure("in = unix:" + path("first") + "\n");
  ReplacedHttptp proxy(
      {"-config=" + path("flags"), "-outType=http", "-out=" + origin_.address().text()});
  ASSERT_TRUE(proxy.started());
  configure("in = unix:" + path("second") + "\n");
  ASSERT_TRUE(proxy.replace());
  EXPECT_EQ(get({.unix_path = path("second")}, "/bytes/10").head.status, 200);
  EXPECT_TRUE(proxy.wait_end(0));
  EXPECT_FALSE(std::filesystem::exists(path("first")));
}

// ---- Links.

TEST_F(Replacement, OfAFarEndLosesNoGet) {
  ReplacedHttptp far(far_flags(origin_.address().text()) +
                     Flags{"-expvarAddr=127.0.0.1:0", "-shutdownTimeout=3s"});
  ASSERT_TRUE(far.started());
  RunningHttptp near(near_flags(far.address().text()));
  ASSERT_TRUE(near.started());
  SteadyRequests requests(near.address(), "", 16);
  for (size_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(requests.wait_for_more(100));
    ASSERT_TRUE(far.replace());
    ASSERT_TRUE(requests.wait_for_more(100));
    EXPECT_TRUE(far.wait_end(i));
  }
  ASSERT_TRUE(requests.wait_for_more(100));
  EXPECT_THAT(requests.stop(), IsEmpty());
}

// A link that is never quiet lasts until the deadline; what is under way then is asked again.
TEST_F(Replacement, OfAFarEndLosesNoGetOfABusyLink) {
  Origin slow;
  ReplacedHttptp far(far_flags(slow.address().text()) +
                     Flags{"-expvarAddr=127.0.0.1:0", "-shutdownTimeout=1s"});
  ASSERT_TRUE(far.started());
  RunningHttptp near(near_flags(far.address().text()) + Flags{"-workers=1"});
  ASSERT_TRUE(near.started());
  LoadClient client({.address = near.address(),
                     .connections = 64,
                     .requests = 6000,
                     .make =
                         [](uint64_t index) {
                           LoadRequest request = get_bytes(500, index);
                           request.target.replace(0, 7, "/slow/20/");
                           return request;
                         },
                     .time_limit = 60s});
  LoadReport report;
  std::thread loading([&] { report = client.run(); });
  EXPECT_TRUE(wait_until([&] { return client.finished() > 500; }));
  EXPECT_TRUE(far.replace());
  EXPECT_TRUE(far.wait_end(0));
  EXPECT_LT(client.finished(), 6000u) << "the load has ended too early";
  loading.join();
  EXPECT_EQ(report.good(), 6000u) << report.text();
}

}  // namespace
}  // namespace httpteleport::test
