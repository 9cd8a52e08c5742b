// Automatic certificates, whole: the running httptp, a real CA's server (pebble, which refuses
// every second request for its nonce), and clients that trust that CA alone.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "integration/topology.h"
#include "support/certificates.h"
#include "support/origin.h"
#include "support/paths.h"
#include "support/pebble.h"
#include "support/temporary_folder.h"
#include "support/tls_client.h"

namespace httpteleport::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

// An order takes the CA a second, and a loaded machine with a sanitizer build many.
constexpr std::chrono::seconds kOrderPatience{60};
constexpr const char* kName = "www.example.com";
constexpr const char* kOtherName = "other.example.com";
constexpr const char* kRefusedName = "blocked.example.com";

size_t count_of(std::string_view needle, std::string_view text) {
  size_t count = 0;
  for (size_t at = text.find(needle); at != std::string_view::npos; at = text.find(needle, at + 1))
    ++count;
  return count;
}

// The sockets of a process, as the kernel names them. `inheritable`: only those that it would leave
// to a program it becomes.
std::set<std::string> sockets_of(pid_t pid, bool inheritable = false) {
  std::set<std::string> sockets;
  const std::string process = "/proc/" + std::to_string(pid);
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(process + "/fd", error)) {
    const std::string name = std::filesystem::read_symlink(entry.path(), error);
    std::ifstream info(process + "/fdinfo/" + entry.path().filename().string());
    std::string key;
    unsigned long flags = 0;
    while (info >> key && key != "flags:") {
    }
    info >> std::oct >> flags;
    if (!name.starts_with("socket:") || (inheritable && (flags & O_CLOEXEC) != 0)) continue;
    sockets.insert(name);
  }
  return sockets;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

// A process that another one has started; ends with the test at the latest.
class Successor {
 public:
  explicit Successor(pid_t pid)
      : pid_(pid), fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  ~Successor() { signal(SIGKILL); }
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;

  pid_t pid() const { return pid_; }
  // Nothing once it has ended, even if another process has its id now.
  void signal(int number) const { ::syscall(SYS_pidfd_send_signal, fd_.get(), number, nullptr, 0); }

 private:
  const pid_t pid_;
  const Fd fd_;
};

class Autocert : public testing::Test {
 protected:
  // Where the CA comes to check a name. A port of its own choice is one where nobody listens.
  enum class Ways : uint8_t { kBoth, kHttp01, kTlsAlpn01 };

  void start_ca(Ways ways = Ways::kBoth) {
    ca_ = std::make_unique<Pebble>(Pebble::Options{
        .http_port = ways == Ways::kTlsAlpn01 ? dead_address().port : http_.port,
        .tls_port = ways == Ways::kHttp01 ? dead_address().port : https_.port,
        .nonce_reject_percent = 50,
        .blocked_names = {kRefusedName},
    });
    root_ = ca_->issuing_root();
    folder_.write("root.pem", root_);
    folder_.write("ca.pem", read_whole(ca_->ca_file()));
    directory_url_ = ca_->directory_url();
  }
  // Afterwards nobody listens where it was.
  void end_ca() { ca_.reset(); }

  Flags flags() const {
    return {"-in=" + https_.text(),
            "-inType=https",
            "-outType=http",
            "-out=" + origin_.address().text(),
            "-inHandshakeTimeout=60s",
            "-autocertCacheDir=" + cache(),
            "-autocertHostRegexp=^[a-z]+\\.example\\.com$",
            "-autocertURL=" + directory_url_,
            "-autocertCAFile=" + folder_.file("ca.pem"),
            "-autocertEmail=operator@example.com"};
  }
  Flags with_http01() const { return flags() + Flags{"-autocertHTTPAddr=" + http_.text()}; }

  std::string cache() const { return folder_.file("cache"); }
  std::string cached(const std::string& name) const { return cache() + "/" + name; }

  // Puts a certificate of `issuer` into the cache, as an earlier run would have left it.
  std::string put_into_cache(const TestCa& issuer, const std::string& name,
                             std::chrono::hours age) const {
    std::filesystem::create_directory(cache());
    ::chmod(cache().c_str(), 0700);
    const Pem pem = issuer.issue(
        {.names = {name}, .not_before = -age, .valid_for = std::chrono::hours(90 * 24)});
    const std::string path = folder_.write("cache/" + name, pem.key + pem.certificate);
    ::chmod(path.c_str(), 0600);
    return pem.certificate;
  }

  // What curl, which trusts the CA's root alone, gets for `name`: "200" and a body that is right,
  // or curl's words.
  std::string fetch(const std::string& name) const {
    const Content wanted = Content::json(2000, 7);
    const std::string port = std::to_string(https_.port);
    const std::string at = name + ":" + port;
    Process curl({"/usr/bin/curl", "-s", "-S", "--noproxy", "*", "--resolve", at + ":127.0.0.1",
                  "--cacert", folder_.file("root.pem"), "--max-time", "60",
                  "https://" + at + "/json/2000?seed=7"});
    const auto status = curl.wait_exit(after(kOrderPatience + kPatience));
    curl.wait_line("\n\n\n");  // the end of the output
    if (!status || status->code != 0) return curl.output();
    return wanted.matches(0, curl.output()) ? "200" : "not what was asked for";
  }

  // A handshake that trusts everybody.
  std::optional<TlsClient> handshake(const std::string& name) const {
    return TlsClient::connect(https_, {.server_name = name}, after(kOrderPatience));
  }
  // The alert that a handshake for `name` ends with.
  std::optional<int> alert(const std::string& name) const {
    const auto client = handshake(name);
    return client ? client->fatal_alert() : std::nullopt;
  }
  // The first certificate that is shown for `name`, without those above it.
  std::string shown(const std::string& name) const {
    const auto client = handshake(name);
    return client && client->is_complete() ? client->peer_certificate() : std::string();
  }

  static std::string read_whole(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  Origin origin_;
  const Address https_ = dead_address();
  const Address http_ = dead_address();
  TemporaryFolder folder_;
  std::unique_ptr<Pebble> ca_;
  std::string root_;
  std::string directory_url_ = "https://" + dead_address().text() + "/dir";
};

// Clients that ask for one name over and over until they are stopped; all must be served.
class Visitors {
 public:
  Visitors(const Address& address, const std::string& name, const std::string& trusted_pem)
      : thread_([this, address, name, trusted_pem] {
          while (!stopping_) {
            if (!visit(address, name, trusted_pem)) ++failed_;
            ++served_;
          }
        }) {}
  ~Visitors() {
    stopping_ = true;
    thread_.join();
  }

  // Some more visits, begun from now on, and how many have failed in all.
  int failed_after_more() const {
    const int until = served_ + 3;
    const bool went_on = wait_until([&] { return served_ >= until; });
    return went_on ? failed_.load() : -1;
  }

 private:
  static bool visit(const Address& address, const std::string& name, const std::string& trusted) {
    auto client = TlsClient::connect(address, {.server_name = name, .trusted_pem = trusted});
    if (!client || !client->is_complete()) return false;
    const std::string request =
        "GET /bytes/1 HTTP/1.1\r\nHost: " + name + "\r\nConnection: close\r\n\r\n";
    if (client->send_all(request) != IoStatus::kOk) return false;
    return client->recv_to_end().bytes.starts_with("HTTP/1.1 200 ");
  }

  std::atomic<bool> stopping_{false};
  std::atomic<int> served_{0};
  std::atomic<int> failed_{0};
  std::thread thread_;
};

TEST_F(Autocert, ObtainsByTlsAlpn01WhileTheFirstClientWaits) {
  start_ca(Ways::kTlsAlpn01);
  RunningHttptp httptp(flags());
  ASSERT_TRUE(httptp.started());
  EXPECT_EQ(fetch(kName), "200") << httptp->process().output() << ca_->output();
  EXPECT_EQ(fetch(kOtherName), "200") << httptp->process().output();
  EXPECT_EQ(fetch(kName), "200");
  EXPECT_NE(shown(kName), shown(kOtherName));
  EXPECT_TRUE(httptp->process().wait_line("obtained the certificate for www.example"))
      << httptp->process().output();
}

TEST_F(Autocert, ObtainsByHttp01AndSendsEverybodyElseToHttps) {
  start_ca(Ways::kHttp01);
  RunningHttptp httptp(with_http01());
  ASSERT_TRUE(httptp.started());
  EXPECT_EQ(fetch(kName), "200") << httptp->process().output() << ca_->output();

  const std::string host = "\r\nHost: www.example.com\r\nConnection: close\r\n\r\n";
  const Message unknown =
      test::exchange(http_, "GET /.well-known/acme-challenge/unknown HTTP/1.1" + host);
  EXPECT_EQ(unknown.head.status, 404);
  const Message page = test::exchange(http_, "GET /a/b?c=d HTTP/1.1" + host);
  EXPECT_EQ(page.head.status, 308);
  EXPECT_EQ(page.head.find("Location"),
            "https://www.example.com:" + std::to_string(https_.port) + "/a/b?c=d");
  EXPECT_EQ(origin_.counters().requests, 1u);
}

TEST_F(Autocert, IdleConnectionsDoNotKeepTheCaOut) {
  start_ca(Ways::kHttp01);
  RunningHttptp httptp(with_http01());
  ASSERT_TRUE(httptp.started());
  constexpr size_t kConnectionsMax = 512;
  std::vector<Socket> idle;
  while (idle.size() <= kConnectionsMax) {
    auto socket = Socket::connect(http_);
    ASSERT_TRUE(socket);
    idle.push_back(std::move(*socket));
  }
  EXPECT_EQ(idle.front().recv_some().status, IoStatus::kClosed);  // the oldest
  EXPECT_EQ(fetch(kName), "200") << httptp->process().output();
}

TEST_F(Autocert, KeepsKeysToTheOwner) {
  start_ca();
  const mode_t mask = ::umask(0);
  std::optional<RunningHttptp> httptp(flags());
  ::umask(mask);
  ASSERT_TRUE(httptp->started());
  ASSERT_EQ(fetch(kName), "200") << (*httptp)->process().output();
  EXPECT_EQ(mode_of(cache()), 0700u);
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(cache())) {
    files.push_back(entry.path().filename());
    EXPECT_EQ(mode_of(entry.path()), 0600u) << entry.path();
  }
  EXPECT_THAT(files, UnorderedElementsAre("acme_account+key", kName));
}

TEST_F(Autocert, RenewsWithoutARestart) {
  start_ca();
  const TestCa issuer("earlier CA");
  const std::string earlier = put_into_cache(issuer, kName, std::chrono::hours(80 * 24));
  RunningHttptp httptp(flags());
  ASSERT_TRUE(httptp.started());
  const Visitors visitors(https_, kName, issuer.pem() + root_);
  ASSERT_TRUE(httptp->process().wait_line("renewed the certificate for ", after(kOrderPatience)))
      << httptp->process().output();
  EXPECT_NE(shown(kName), earlier);
  EXPECT_EQ(fetch(kName), "200");
  EXPECT_EQ(visitors.failed_after_more(), 0);
  EXPECT_EQ(count_of("certificate for www", httptp->process().output()), 1u);
}

TEST_F(Autocert, ServesFromItsFolderWhenTheCaIsGone) {
  start_ca();
  {
    RunningHttptp httptp(flags());
    ASSERT_TRUE(httptp.started());
    ASSERT_EQ(fetch(kName), "200") << httptp->process().output();
  }
  const std::string before = read_whole(cached(kName));
  end_ca();
  RunningHttptp httptp(flags());
  ASSERT_TRUE(httptp.started());
  EXPECT_EQ(fetch(kName), "200") << httptp->process().output();
  EXPECT_EQ(read_whole(cached(kName)), before);

  const Visitors visitors(https_, kName, root_);
  EXPECT_EQ(shown(kOtherName), "");
  EXPECT_TRUE(httptp->process().wait_line("warning: acme: no certificate for other.example.com: " +
                                          directory_url_))
      << httptp->process().output();
  EXPECT_EQ(visitors.failed_after_more(), 0);
}

TEST_F(Autocert, RenewalThatFailsLeavesTheOldCertificate) {
  const TestCa issuer("earlier CA");
  const std::string earlier = put_into_cache(issuer, kName, std::chrono::hours(80 * 24));
  folder_.write("ca.pem", issuer.pem());
  RunningHttptp httptp(flags());
  ASSERT_TRUE(httptp.started());
  ASSERT_TRUE(httptp->process().wait_line("no certificate for www.example.com", after()));
  EXPECT_EQ(shown(kName), earlier);
}

TEST_F(Autocert, RefusesOtherNamesWithAnAlert) {
  const TestCa issuer("earlier CA");
  put_into_cache(issuer, kName, std::chrono::hours(24));
  folder_.write("ca.pem", issuer.pem());
  RunningHttptp httptp(flags());
  ASSERT_TRUE(httptp.started());
  const Visitors visitors(https_, kName, issuer.pem());
  for (const char* name : {"", "www.example.org", "example.com", "a.www.example.com", "localhost",
                           "..", "../../etc/passwd", "..example.com", "acme_account+key"})
    EXPECT_EQ(alert(name), SSL_AD_UNRECOGNIZED_NAME) << name;
  EXPECT_EQ(visitors.failed_after_more(), 0);
  EXPECT_THAT(httptp->process().output(), Not(HasSubstr("warning: acme")));
}

TEST_F(Autocert, ANameThatTheCaRefusesIsLeftAlone) {
  start_ca();
  const TestCa issuer("earlier CA");
  put_into_cache(issuer, kName, std::chrono::hours(24));
  RunningHttptp httptp(flags());
  ASSERT_TRUE(httptp.started());
  const Visitors visitors(https_, kName, issuer.pem());
  // Its order has begun, so the handshake waits; what it ends with then is not about the name.
  EXPECT_TRUE(alert(kRefusedName));
  EXPECT_TRUE(httptp->process().wait_line("rejectedIdentifier")) << httptp->process().output();
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(alert(kRefusedName), SSL_AD_UNRECOGNIZED_NAME);
  EXPECT_EQ(fetch(kOtherName), "200") << httptp->process().output();
  EXPECT_EQ(count_of("no certificate for blocked.example", httptp->process().output()), 1u);
  EXPECT_EQ(visitors.failed_after_more(), 0);
}

TEST_F(Autocert, KeepsEverythingOnSighup) {
  start_ca();
  const TestCa issuer("earlier CA");
  const std::string earlier = put_into_cache(issuer, kOtherName, std::chrono::hours(24));
  RunningHttptp httptp(with_http01());
  ASSERT_TRUE(httptp.started());
  const Visitors visitors(https_, kOtherName, issuer.pem());
  // In the middle of an order, and afterwards.
  std::string fetched;
  std::thread first_client([&] { fetched = fetch(kName); });
  EXPECT_TRUE(wait_until([&] { return ca_->output().find("order-plz") != std::string::npos; },
                         after(kOrderPatience)));
  httptp->process().signal(SIGHUP);
  first_client.join();
  EXPECT_EQ(fetched, "200") << httptp->process().output();
  const std::string before = shown(kName);
  httptp->process().signal(SIGHUP);
  EXPECT_TRUE(
      wait_until([&] { return count_of("files reloaded", httptp->process().output()) == 2; }));
  EXPECT_EQ(shown(kName), before);
  EXPECT_EQ(shown(kOtherName), earlier);
  EXPECT_EQ(fetch("third.example.com"), "200") << httptp->process().output();
  EXPECT_EQ(visitors.failed_after_more(), 0);
}

TEST_F(Autocert, GoesOnInAnotherProcess) {
  start_ca();
  RunningHttptp httptp(with_http01());
  ASSERT_TRUE(httptp.started());
  ASSERT_EQ(fetch(kName), "200") << httptp->process().output();
  const std::string before = shown(kName);
  const std::set<std::string> private_sockets = sockets_of(httptp->process().pid(), true);
  httptp->process().signal(SIGUSR2);
  const auto pid = httptp->process().wait_line("started a new process: pid ");
  ASSERT_TRUE(pid) << httptp->process().output();
  const Successor successor(std::stoi(*pid));
  ASSERT_TRUE(httptp->process().wait_exit()) << httptp->process().output();
  EXPECT_EQ(shown(kName), before);
  EXPECT_EQ(fetch(kOtherName), "200") << httptp->process().output();
  for (const std::string& socket : sockets_of(successor.pid()))
    EXPECT_EQ(private_sockets.count(socket), 0u) << socket;
  successor.signal(SIGTERM);
  EXPECT_TRUE(wait_until([&] { return count_of(" stopped\n", httptp->process().output()) == 2; }))
      << httptp->process().output();
}

TEST_F(Autocert, ServesWhatItCannotStore) {
  start_ca();
  RunningHttptp httptp(flags());
  ASSERT_TRUE(httptp.started());
  // Root may write to a folder whatever its mode, so it goes instead.
  std::filesystem::remove_all(cache());
  EXPECT_EQ(fetch(kName), "200") << httptp->process().output();
  EXPECT_TRUE(
      httptp->process().wait_line("the certificate for www.example.com is lost at the next start"))
      << httptp->process().output();
}

TEST_F(Autocert, DoesNotStartWithoutAFolder) {
  folder_.write("ca.pem", TestCa("some CA").pem());
  folder_.write("cache", "a file");
  Process process(Flags{bin_dir() + "/httptp", "-expvarAddr="} + flags());
  const auto status = process.wait_exit();
  process.wait_line("\n\n\n");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 1) << process.output();
  EXPECT_THAT(process.output(), HasSubstr("autocertCacheDir"));
  EXPECT_THAT(process.output(), HasSubstr("the folder for certificates"));
}

TEST_F(Autocert, WarnsOfARegexpThatAdmitsEveryName) {
  folder_.write("ca.pem", TestCa("some CA").pem());
  Flags any = flags() + Flags{"-autocertHostRegexp=^.*$"};
  RunningHttptp httptp(std::move(any));
  ASSERT_TRUE(httptp.started());
  EXPECT_THAT(httptp->process().output(), HasSubstr("warning: -autocertHostRegexp: "));
  EXPECT_EQ(count_of("warning", httptp->process().output()), 1u) << httptp->process().output();
}

TEST_F(Autocert, EndsWhileTheCaDoesNotAnswer) {
  const Listener silent;
  directory_url_ = "https://" + silent.address().text() + "/dir";
  folder_.write("ca.pem", TestCa("some CA").pem());
  RunningHttptp httptp(flags() + Flags{"-inHandshakeTimeout=1s"});
  ASSERT_TRUE(httptp.started());
  const auto gives_up = handshake(kName);
  EXPECT_FALSE(gives_up && gives_up->is_complete());
  EXPECT_EQ(alert("www.example.org"), SSL_AD_UNRECOGNIZED_NAME);
  httptp.stop();
}

}  // namespace
}  // namespace httpteleport::test
