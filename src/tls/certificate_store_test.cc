#include "tls/certificate_store.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/certificates.h"

namespace httpteleport::tls {
namespace {

using Shared = std::shared_ptr<const Certificate>;

class CertificateStoreTest : public testing::Test {
 protected:
  Shared make(const std::vector<std::string>& names) {
    const test::Pem pem = ca_.issue({.names = names});
    return *Certificate::parse(pem.certificate, pem.key);
  }
  static Shared find(const CertificateStore& store, std::string_view name) {
    const CertificateProvider::Found found = store.find(name);
    EXPECT_EQ(found.answer, CertificateProvider::Answer::kReady);
    return found.certificate;
  }

  test::TestCa ca_{"root"};
};

TEST_F(CertificateStoreTest, FindsByExactName) {
  const Shared first = make({"a.example", "b.example"});
  const Shared second = make({"C.example"});
  const CertificateStore store({first, second});
  EXPECT_EQ(find(store, "a.example"), first);
  EXPECT_EQ(find(store, "b.example"), first);
  EXPECT_EQ(find(store, "c.example"), second) << "names in certificates may have capitals";
}

TEST_F(CertificateStoreTest, TakesAWildcardForOneLevel) {
  const Shared other = make({"other.example"});
  const Shared wildcard = make({"*.a.example"});
  const CertificateStore store({other, wildcard});
  EXPECT_EQ(find(store, "x.a.example"), wildcard);
  EXPECT_EQ(find(store, "a.example"), other);
  EXPECT_EQ(find(store, "y.x.a.example"), other);
  EXPECT_EQ(find(store, ".a.example"), other);
}

TEST_F(CertificateStoreTest, PrefersAnExactNameToAWildcard) {
  const Shared wildcard = make({"*.a.example"});
  const Shared exact = make({"x.a.example"});
  const CertificateStore store({wildcard, exact});
  EXPECT_EQ(find(store, "x.a.example"), exact);
  EXPECT_EQ(find(store, "y.a.example"), wildcard);
}

TEST_F(CertificateStoreTest, GivesTheFirstToThoseWhoNameNothingKnown) {
  const Shared first = make({"a.example"});
  const CertificateStore store({first, make({"b.example"}), make({"a.example"})});
  EXPECT_EQ(find(store, ""), first);
  EXPECT_EQ(find(store, "c.example"), first);
  EXPECT_EQ(find(store, "localhost"), first);
  EXPECT_EQ(find(store, "a.example"), first) << "of two for one name the first";
  EXPECT_EQ(store.challenge("a.example"), nullptr);
}

}  // namespace
}  // namespace httpteleport::tls
