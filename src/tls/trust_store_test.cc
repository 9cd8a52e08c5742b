#include "tls/trust_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "support/certificates.h"
#include "support/temporary_folder.h"
#include "tls/context.h"

namespace httpteleport::tls {
namespace {

using testing::HasSubstr;

class TrustStoreTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  test::TestCa first_{"first"};
  test::TestCa second_{"second"};
};

TEST_F(TrustStoreTest, LoadsAllCasOfAFileOnce) {
  const std::string file = folder_.write("cas.pem", first_.pem() + second_.pem());
  const auto store = TrustStore::load(file);
  ASSERT_TRUE(store) << store.error().detail;
  std::filesystem::remove(file);
  const SslContextPtr server = make_context(TLS_server_method());
  (*store)->give_to(server.get());
  EXPECT_EQ(sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(server.get()))), 2);
  EXPECT_EQ(sk_X509_NAME_num(SSL_CTX_get_client_CA_list(server.get())), 2);
  const SslContextPtr client = make_context(TLS_client_method());
  (*store)->give_to(client.get());
  EXPECT_EQ(sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(client.get()))), 2);
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST_F(TrustStoreTest, RefusesFilesWithoutACa) {
  const auto none = TrustStore::load(folder_.file("none"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kBadConfig);
  EXPECT_EQ(none.error().sys_errno, ENOENT);
  for (const std::string& text : {std::string(), std::string("text"), first_.pem().substr(0, 100),
                                  first_.pem() + second_.pem().substr(0, 100)}) {
    const auto made = TrustStore::load(folder_.write("cas.pem", text));
    ASSERT_FALSE(made) << text;
    EXPECT_EQ(made.error().code, Code::kBadConfig);
    EXPECT_THAT(made.error().detail, HasSubstr("PEM"));
  }
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST_F(TrustStoreTest, KnowsTheSystemsCas) {
  EXPECT_TRUE(TrustStore::system());
  EXPECT_EQ(ERR_peek_error(), 0u);
}

}  // namespace
}  // namespace httpteleport::tls
