// Certificates from a real CA's server, pebble, at the level of acme::Manager: the test answers the
// challenges in the manager's name. Every second request is refused for its nonce.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "acme/manager.h"
#include "support/http_message.h"
#include "support/pebble.h"
#include "support/socket.h"
#include "support/temporary_folder.h"
#include "tls/openssl.h"

namespace httpteleport::test {
namespace {

using acme::Manager;
using acme::Options;
using Answer = acme::Answer;
using testing::HasSubstr;

constexpr std::string_view kAlpn{
    "\x0a"
    "acme-tls/1",
    11};

// What stands where a site's ports 80 and 443 are. Names that begin with "no-http." or "bad." get
// no answer at the first, those with "bad." none at the second.
class Site {
 public:
  Site()
      : http_thread_([this] { serve(http_, &Site::serve_http); }),
        tls_thread_([this] { serve(tls_, &Site::serve_tls); }) {}
  ~Site() {
    http_.shut_down();
    tls_.shut_down();
    http_thread_.join();
    tls_thread_.join();
  }

  uint16_t http_port() const { return http_.port(); }
  uint16_t tls_port() const { return tls_.port(); }
  void set_manager(std::shared_ptr<const Manager> manager) {
    const std::lock_guard lock(mutex_);
    manager_ = std::move(manager);
  }
  int http_challenges() const { return http_challenges_; }
  int tls_challenges() const { return tls_challenges_; }

 private:
  void serve(Listener& listener, void (Site::*serve_one)(Socket)) {
    while (auto socket = listener.accept(after(std::chrono::hours(1))))
      (this->*serve_one)(std::move(*socket));
  }

  std::shared_ptr<const Manager> manager() const {
    const std::lock_guard lock(mutex_);
    return manager_;
  }

  void serve_http(Socket socket) {
    HttpConnection connection(std::move(socket));
    const Message request = connection.read_request();
    const std::string host = request.head.find("Host").value_or("");
    const auto answering = manager();
    std::string answer;
    if (answering && !host.starts_with("bad.") && !host.starts_with("no-http.") &&
        request.head.target.starts_with(Manager::kHttp01Prefix))
      answer = answering->http01_answer(request.head.target.substr(Manager::kHttp01Prefix.size()));
    if (answer.empty()) {
      connection.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      return;
    }
    ++http_challenges_;
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(answer.size()) +
                    "\r\nConnection: close\r\n\r\n" + answer);
  }

  void serve_tls(Socket socket) {
    const tls::SslContextPtr context(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_set_alpn_select_cb(context.get(), select_challenge, nullptr);
    SSL_CTX_set_cert_cb(context.get(), show_certificate, this);
    const tls::SslPtr ssl(SSL_new(context.get()));
    SSL_set_fd(ssl.get(), socket.fd());
    const Deadline deadline = after();
    int result = 0;
    while ((result = SSL_accept(ssl.get())) < 0 && Clock::now() < deadline) {
      if (SSL_get_error(ssl.get(), result) != SSL_ERROR_WANT_READ) break;
      pollfd entry{socket.fd(), POLLIN, 0};
      ::poll(&entry, 1, poll_timeout_ms(deadline));
    }
    if (result == 1) ++tls_challenges_;
    SSL_shutdown(ssl.get());
    ERR_clear_error();
  }

  static int select_challenge(SSL*, const unsigned char** out, unsigned char* size,
                              const unsigned char* offered, unsigned int offered_size, void*) {
    const std::string_view list(reinterpret_cast<const char*>(offered), offered_size);
    if (list != kAlpn) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = offered + 1;
    *size = offered[0];
    return SSL_TLSEXT_ERR_OK;
  }

  static int show_certificate(SSL* ssl, void* self) {
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const auto answering = static_cast<Site*>(self)->manager();
    if (name == nullptr || !answering || std::string_view(name).starts_with("bad.")) return 0;
    const auto certificate = answering->challenge(name);
    if (!certificate) return 0;
    return SSL_use_cert_and_key(ssl, certificate->leaf(), certificate->key(), nullptr, 1);
  }

  mutable std::mutex mutex_;
  std::shared_ptr<const Manager> manager_;  // guarded by mutex_
  std::atomic<int> http_challenges_{0};
  std::atomic<int> tls_challenges_{0};
  Listener http_;
  Listener tls_;
  std::thread http_thread_;
  std::thread tls_thread_;
};

class AcmePebble : public testing::Test {
 protected:
  // Orders take as long as pebble's Retry-After and a loaded machine make them.
  static constexpr std::chrono::seconds kOrderPatience{60};

  // OpenSSL writes to sockets that the CA may have closed.
  static void SetUpTestSuite() { ::signal(SIGPIPE, SIG_IGN); }

  Options options() {
    Options options;
    options.cache_dir = cache_.file("certificates");
    options.host_regexp = R"(\.example\.com$)";
    options.directory_url = pebble_.directory_url();
    options.ca_file = pebble_.ca_file();
    options.email = "operator@example.com";
    options.http01_enabled = true;
    return options;
  }

  std::shared_ptr<Manager> start(const Options& with) {
    std::string error;
    std::shared_ptr<Manager> manager = Manager::create(with, error);
    EXPECT_NE(manager, nullptr) << error;
    const auto started = manager->start();
    EXPECT_TRUE(started) << started.error().detail;
    site_.set_manager(manager);
    return manager;
  }

  // Asks until there is an answer other than kPending.
  static acme::Found settle(const Manager& manager, const std::string& name) {
    acme::Found found;
    wait_until(
        [&] {
          found = manager.find(name);
          return found.answer != Answer::kPending;
        },
        after(kOrderPatience));
    return found;
  }

  // Whether a client that trusts the CA's root accepts the certificate for `name`.
  bool is_trusted(const tls::Certificate& certificate, const std::string& name) {
    const std::string root_pem = pebble_.issuing_root();
    const tls::BioPtr bio(BIO_new_mem_buf(root_pem.data(), static_cast<int>(root_pem.size())));
    const tls::X509Ptr root(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    const std::unique_ptr<X509_STORE, tls::OpenSslDeleter<X509_STORE_free>> store(X509_STORE_new());
    const std::unique_ptr<X509_STORE_CTX, tls::OpenSslDeleter<X509_STORE_CTX_free>> context(
        X509_STORE_CTX_new());
    X509_STORE_add_cert(store.get(), root.get());
    X509_STORE_CTX_init(context.get(), store.get(), certificate.leaf(), certificate.chain());
    X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(context.get()), name.data(), name.size());
    return X509_verify_cert(context.get()) == 1;
  }

  static std::string serial(const tls::Certificate& certificate) {
    const ASN1_INTEGER* number = X509_get0_serialNumber(certificate.leaf());
    return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(number)),
                       static_cast<size_t>(ASN1_STRING_length(number)));
  }

  Site site_;
  Pebble pebble_{{.http_port = site_.http_port(),
                  .tls_port = site_.tls_port(),
                  .blocked_names = {"blocked.example.com"}}};
  TemporaryFolder cache_;
};

TEST_F(AcmePebble, ObtainsByHttp01) {
  const auto manager = start(options());
  EXPECT_EQ(manager->find("WWW.Example.com.").answer, Answer::kPending);
  const acme::Found found = settle(*manager, "www.example.com");
  ASSERT_EQ(found.answer, Answer::kReady) << pebble_.output();
  EXPECT_TRUE(is_trusted(*found.certificate, "www.example.com"));
  EXPECT_FALSE(is_trusted(*found.certificate, "other.example.com"));
  EXPECT_GE(site_.http_challenges(), 1);
  EXPECT_EQ(site_.tls_challenges(), 0);
}

TEST_F(AcmePebble, ObtainsByTlsAlpn01) {
  Options with = options();
  with.http01_enabled = false;
  const auto manager = start(with);
  const acme::Found found = settle(*manager, "www.example.com");
  ASSERT_EQ(found.answer, Answer::kReady) << pebble_.output();
  EXPECT_TRUE(is_trusted(*found.certificate, "www.example.com"));
  EXPECT_GE(site_.tls_challenges(), 1);
  EXPECT_EQ(site_.http_challenges(), 0);
  EXPECT_EQ(manager->challenge("www.example.com"), nullptr);  // withdrawn
}

TEST_F(AcmePebble, TakesTheOtherChallengeAfterOneThatFailed) {
  Options with = options();
  with.backoff_min = std::chrono::seconds(0);
  const auto manager = start(with);
  ASSERT_TRUE(
      wait_until([&] { return manager->find("no-http.example.com").answer == Answer::kReady; },
                 after(kOrderPatience)))
      << pebble_.output();
  EXPECT_GE(site_.tls_challenges(), 1);
}

TEST_F(AcmePebble, UsesWhatIsStoredAfterARestart) {
  auto manager = start(options());
  const acme::Found before = settle(*manager, "www.example.com");
  ASSERT_EQ(before.answer, Answer::kReady) << pebble_.output();
  manager->stop();
  manager = start(options());
  const acme::Found found = manager->find("www.example.com");
  ASSERT_EQ(found.answer, Answer::kReady);
  EXPECT_EQ(serial(*found.certificate), serial(*before.certificate));
  // The same account, as the CA sees it.
  const std::string key = read_file(cache_.file("certificates/acme_account+key"));
  ASSERT_EQ(settle(*manager, "second.example.com").answer, Answer::kReady) << pebble_.output();
  EXPECT_EQ(read_file(cache_.file("certificates/acme_account+key")), key);
  EXPECT_TRUE(wait_until([&] {
    return pebble_.output().find("There are now 1 accounts in memory") != std::string::npos;
  }));
  EXPECT_THAT(pebble_.output(), testing::Not(HasSubstr("There are now 2 accounts in memory")));
}

TEST_F(AcmePebble, RenewsWhatIsDueAndServesTheOldOneMeanwhile) {
  auto manager = start(options());
  const acme::Found before = settle(*manager, "www.example.com");
  ASSERT_EQ(before.answer, Answer::kReady) << pebble_.output();
  manager->stop();
  Options due = options();
  due.renewal_fraction = 0;
  due.renewal_jitter = 0;
  manager = start(due);
  EXPECT_TRUE(wait_until(
      [&] {
        const acme::Found found = manager->find("www.example.com");
        EXPECT_EQ(found.answer, Answer::kReady);
        return found.answer != Answer::kReady ||
               serial(*found.certificate) != serial(*before.certificate);
      },
      after(kOrderPatience)))
      << pebble_.output();
  const acme::Found renewed = manager->find("www.example.com");
  EXPECT_TRUE(is_trusted(*renewed.certificate, "www.example.com"));
  EXPECT_NE(EVP_PKEY_eq(renewed.certificate->key(), before.certificate->key()), 1);
}

TEST_F(AcmePebble, ANameThatFailsDoesNotHoldUpOthers) {
  const auto manager = start(options());
  const std::set<std::string> failing = {"bad.example.com", "blocked.example.com"};
  for (const std::string& name : failing)
    EXPECT_EQ(manager->find(name).answer, Answer::kPending);
  for (const char* name : {"a.example.com", "b.example.com", "c.example.com"})
    EXPECT_EQ(manager->find(name).answer, Answer::kPending);
  for (const char* name : {"a.example.com", "b.example.com", "c.example.com"})
    EXPECT_EQ(settle(*manager, name).answer, Answer::kReady) << pebble_.output();
  for (const std::string& name : failing)
    EXPECT_EQ(settle(*manager, name).answer, Answer::kRefused);
}

TEST_F(AcmePebble, GivesUpAnOrderThatTakesTooLong) {
  Options with = options();
  with.order_timeout = std::chrono::seconds(0);
  const auto manager = start(with);
  EXPECT_EQ(manager->find("www.example.com").answer, Answer::kPending);
  EXPECT_EQ(settle(*manager, "www.example.com").answer, Answer::kRefused);
}

TEST_F(AcmePebble, RefusesNamesThatAreNotAllowed) {
  const auto manager = start(options());
  for (const char* name :
       {"", "example.com", "www.example.org", "*.example.com", "127.0.0.1", "a_b.example.com"})
    EXPECT_EQ(manager->find(name).answer, Answer::kRefused) << name;
  EXPECT_THAT(pebble_.output(), testing::Not(HasSubstr("POST")));
}

}  // namespace
}  // namespace httpteleport::test
