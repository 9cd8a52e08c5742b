#include "fetch/error_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <optional>

#include "net/test_net.h"
#include "support/scripted_peer.h"
#include "support/temporary_folder.h"

namespace httpteleport::fetch {
namespace {

using namespace std::chrono_literals;
using test::ScriptedPeer;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

// Writes down what it is told: "body" or "!problem".
class Handler final : public PageHandler {
 public:
  std::vector<std::string> told;

  void on_page(const PageSource&, const std::shared_ptr<const Page>& page) override {
    told.push_back(page->body);
  }
  void on_page_problem(const PageSource&, const std::string& problem) override {
    told.push_back("!" + problem);
  }
};

// The address at which `peer` listens.
net::Address address_of(const ScriptedPeer& peer) {
  sockaddr_storage storage{};
  const unsigned length = peer.address().to_sockaddr(storage);
  return {reinterpret_cast<const sockaddr*>(&storage), length};
}

std::string answer(int status, std::string_view body, std::string_view fields = "") {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + std::string(fields) +
         "Connection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

class ErrorPagesTest : public testing::Test {
 protected:
  ErrorPagesTest() { options_.interval = options_.retry_interval = 2ms; }

  void start() { pages_.emplace(net_.loop, options_, handler_); }
  PageSource source(std::string path = "/page", std::vector<int64_t> statuses = {}) const {
    return {"http://" + peer_.address().text() + path, std::move(statuses)};
  }
  // The peer answers one request so; it must hold each of `wanted`.
  void answer_once(std::string text, std::vector<std::string> wanted = {}) {
    peer_.add_script([text = std::move(text), wanted](ScriptedPeer::Connection& connection) {
      const std::string head = connection.expect("\r\n\r\n");
      for (const std::string& part : wanted)
        EXPECT_THAT(head, HasSubstr(part));
      connection.send(text);
    });
  }
  // What is told next.
  std::string next() {
    const size_t before = seen_;
    if (!net_.run_until([&] { return handler_.told.size() > before; })) return "nothing";
    return handler_.told[seen_++];
  }

  net::TestNet net_;
  ScriptedPeer peer_;
  Handler handler_;
  ErrorPages::Options options_;
  std::optional<ErrorPages> pages_;
  size_t seen_ = 0;
};

TEST_F(ErrorPagesTest, KeepsAPageWithAFewFields) {
  options_.interval = 10h;
  answer_once(answer(200, "<p>Sorry</p>",
                     "Content-Type: text/html\r\nCache-Control: no-store\r\nSet-Cookie: a=b\r\n"
                     "Server: x\r\nContent-Language: en\r\nRetry-After: 5\r\n"),
              {"GET /page HTTP/1.1\r\n", "User-Agent: httpteleport-fetch\r\n"});
  start();
  pages_->add(source());
  EXPECT_EQ(pages_->find(source()), nullptr);
  EXPECT_EQ(next(), "<p>Sorry</p>");
  const std::shared_ptr<const Page> page = pages_->find(source());
  ASSERT_NE(page, nullptr);
  EXPECT_THAT(
      page->fields,
      UnorderedElementsAre(Pair("Content-Type", "text/html"), Pair("Cache-Control", "no-store"),
                           Pair("Content-Language", "en"), Pair("Retry-After", "5")));
  pages_->add(source());
  pages_->remove(source());
  EXPECT_EQ(pages_->find(source()), page) << "somebody uses it";
  pages_->remove(source());
  EXPECT_EQ(pages_->find(source()), nullptr);
}

TEST_F(ErrorPagesTest, AsksWhetherAPageHasChanged) {
  answer_once(
      answer(200, "one", "ETag: \"1\"\r\nLast-Modified: Mon, 02 Mar 2026 00:00:00 GMT\r\n"));
  answer_once("HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n",
              {"If-None-Match: \"1\"\r\n", "If-Modified-Since: Mon, 02 Mar 2026 00:00:00 GMT\r\n"});
  answer_once(answer(200, "one",
                     "ETag: \"2\"\r\n"
                     "Last-Modified: Mon, 02 Mar 2026 00:00:00 GMT\r\n"));
  answer_once(answer(200, "two"), {"If-None-Match: \"2\"\r\n"});
  start();
  pages_->add(source());
  EXPECT_EQ(next(), "one");
  EXPECT_EQ(next(), "two") << "nothing else is news";
  peer_.join();
}

TEST_F(ErrorPagesTest, KeepsTheLastGoodPageAndTellsOnceOfAFailure) {
  answer_once(answer(200, "one"));
  answer_once(answer(500, "broken"));
  answer_once(answer(404, "gone"));
  answer_once(answer(200, ""));
  answer_once(answer(200, "two"));
  answer_once(answer(500, "broken"));
  start();
  pages_->add(source());
  EXPECT_EQ(next(), "one");
  EXPECT_EQ(next(), "!it answers with 500");
  EXPECT_EQ(pages_->find(source())->body, "one");
  EXPECT_EQ(next(), "two");
  EXPECT_EQ(next(), "!it answers with 500");
}

TEST_F(ErrorPagesTest, TakesAPageThatComesWithTheStatusItIsFor) {
  options_.interval = 10h;
  answer_once(answer(503, "busy"));
  start();
  pages_->add(source("/busy", {500, 503}));
  EXPECT_EQ(next(), "busy");
}

TEST_F(ErrorPagesTest, FollowsAFewRedirects) {
  options_.interval = options_.retry_interval = 10h;
  for (const char* path : {"/2", "/3", "/4"})
    answer_once(answer(302, "", "Location: " + std::string(path) + "\r\n"));
  answer_once(answer(200, "there"), {"GET /4 "});
  start();
  pages_->add(source("/1"));
  EXPECT_EQ(next(), "there");
  for (int i = 0; i < 4; ++i)
    answer_once(answer(301, "", "Location: /again\r\n"));
  pages_->add(source("/again"));
  EXPECT_EQ(next(), "!more than 3 redirects");
  answer_once(answer(302, "", "Location: file:///etc/passwd\r\n"));
  pages_->add(source("/file"));
  EXPECT_EQ(next(), "!it redirects to what is no http address");
}

TEST_F(ErrorPagesTest, FetchesNothingFromForbiddenAddresses) {
  options_.interval = options_.retry_interval = 10h;
  const ScriptedPeer admin;
  options_.forbidden = {address_of(admin)};
  start();
  const std::string port = std::to_string(admin.address().port);
  for (const std::string host : {"127.0.0.1:", "localhost:", "127.1.2.3:", "0.0.0.0:", "[::1]:",
                                 "[::ffff:127.0.0.1]:", "2130706433:"}) {
    pages_->add({"http://" + host + port + "/_config"});
    EXPECT_EQ(next(), "!it leads to the admin address") << host;
  }
  answer_once(answer(302, "", "Location: http://127.0.0.1:" + port + "/_config\r\n"));
  pages_->add(source());
  EXPECT_EQ(next(), "!it leads to the admin address");
  EXPECT_EQ(admin.extra_connections(), 0u);
}

TEST_F(ErrorPagesTest, UsesNoProxyOfTheEnvironment) {
  options_.interval = 10h;
  answer_once(answer(200, "straight"));
  setenv("http_proxy", ("http://" + test::dead_address().text()).c_str(), 1);
  start();
  pages_->add(source());
  EXPECT_EQ(next(), "straight");
  unsetenv("http_proxy");
}

TEST_F(ErrorPagesTest, BoundsSizeAndTime) {
  options_.interval = options_.retry_interval = 10h;
  options_.limits.body_bytes_max = 1000;
  options_.limits.timeout = 1s;
  answer_once(answer(200, std::string(1001, 'x')));
  start();
  pages_->add(source("/large"));
  EXPECT_EQ(next(), "!the answer is too large");
  peer_.add_script([](ScriptedPeer::Connection& connection) { connection.stall(); });
  pages_->add(source("/silent"));
  EXPECT_EQ(next(), "!Timeout was reached");
}

TEST_F(ErrorPagesTest, EndsWhileAServerIsSilent) {
  options_.limits.timeout = 10h;
  std::promise<void> asked;
  peer_.add_script([&](ScriptedPeer::Connection& connection) {
    connection.expect_request();
    asked.set_value();
    connection.expect_end();
  });
  start();
  pages_->add(source());
  ASSERT_EQ(asked.get_future().wait_for(test::kPatience), std::future_status::ready);
  pages_.reset();
  peer_.join();
  EXPECT_TRUE(handler_.told.empty());
}

TEST_F(ErrorPagesTest, ReadsFilesAndFollowsTheirChanges) {
  const test::TemporaryFolder folder;
  const PageSource file{"file:" + folder.write("503.html", "<p>1</p>")};
  start();
  pages_->add(file);
  EXPECT_EQ(next(), "<p>1</p>");
  EXPECT_THAT(pages_->find(file)->fields,
              UnorderedElementsAre(Pair("Content-Type", "text/html; charset=utf-8")));
  std::filesystem::rename(folder.file("503.html"), folder.file("old"));
  EXPECT_EQ(next(), "!cannot read " + folder.file("503.html") + ": No such file or directory");
  folder.write("new", "<p>2</p>");
  std::filesystem::rename(folder.file("new"), folder.file("503.html"));
  EXPECT_EQ(next(), "<p>2</p>");
}

TEST_F(ErrorPagesTest, TellsWhatIsWrongWithAFile) {
  options_.limits.body_bytes_max = 10;
  options_.interval = options_.retry_interval = 10h;
  const test::TemporaryFolder folder;
  start();
  pages_->add({"file:" + folder.path()});
  EXPECT_EQ(next(), "!" + folder.path() + " is no file");
  pages_->add({"file://" + folder.write("large", "12345678901")});
  EXPECT_EQ(next(), "!" + folder.file("large") + " is larger than 10 bytes");
  pages_->add({"file:" + folder.write("empty", "")});
  EXPECT_EQ(next(), "!" + folder.file("empty") + " is empty");
}

TEST_F(ErrorPagesTest, HasATextAtOnce) {
  start();
  pages_->add({"text:Back soon"});
  pages_->add({"text:<b>Back soon</b>"});
  const auto plain = pages_->find({"text:Back soon"});
  ASSERT_NE(plain, nullptr);
  EXPECT_EQ(plain->body, "Back soon");
  EXPECT_THAT(plain->fields,
              UnorderedElementsAre(Pair("Content-Type", "text/plain; charset=utf-8")));
  EXPECT_THAT(pages_->find({"text:<b>Back soon</b>"})->fields,
              UnorderedElementsAre(Pair("Content-Type", "text/html; charset=utf-8")));
}

TEST(PageSource, IsHttpAFileOrAText) {
  for (const char* good : {"http://a.test", "https://a.test:8443/x?y=z", "HTTP://a.test/",
                           "file:/x", "file:///x", "text:x", "text:file:"})
    EXPECT_EQ(problem_of_source(good), "") << good;
  for (const char* bad : {"", "a.test", "/x", "file:x", "file://host/x", "file:", "ftp://a.test/",
                          "http://", "text:", "gopher://a.test/", "http:/x y"})
    EXPECT_NE(problem_of_source(bad), "") << bad;
}

}  // namespace
}  // namespace httpteleport::fetch
