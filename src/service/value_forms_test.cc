#include "service/value_forms.h"

#include <gtest/gtest.h>

namespace httpteleport::service {
namespace {

TEST(ValueForms, NamesArePartsOfAPathOfTheApi) {
  for (const char* good : {"web", "a b", "web.example.com:80", "\xc3\xa4", "a_", "-"})
    EXPECT_EQ(wrong_name(good), "") << good;
  for (const std::string& bad :
       {std::string(), std::string("_web"), std::string("a/b"), std::string("a\nb"),
        std::string("."), std::string(".."), std::string("a\0b", 3), std::string(256, 'a')})
    EXPECT_NE(wrong_name(bad), "") << bad;
}

TEST(ValueForms, NamesAreUtf8WithoutControlCharacters) {
  for (const char* good : {"\xc2\xa0", "\xe2\x82\xac", "\xf0\x9f\x98\x80"})
    EXPECT_EQ(wrong_name(good), "") << good;
  for (const char* bad : {"\xfe", "a\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80"})
    EXPECT_EQ(wrong_name(bad), "a name of valid UTF-8 is accepted") << bad;
  for (const char* bad : {"\x01", "\x7f", "\xc2\x80", "a\xc2\x9f"})
    EXPECT_EQ(wrong_name(bad), "a name without control characters is accepted") << bad;
}

TEST(ValueForms, AddressesAreThoseOfTheirNetwork) {
  struct Case {
    const char* address;
    const char* network;
    bool listen;
    bool connect;
  };
  const Case cases[] = {
      {"127.0.0.1:80", "tcp", true, true},
      {"127.0.0.1:80", "tcp4", true, true},
      {"127.0.0.1:80", "tcp6", false, false},
      {"[::1]:80", "tcp", true, true},
      {"[::1]:80", "udp6", true, true},
      {"[::1]:80", "udp4", false, false},
      {"[fe80::1%eth0]:80", "tcp", true, true},
      {":80", "tcp", true, false},
      {":80", "tcp6", true, false},
      {"127.0.0.1:0", "tcp", true, false},
      {"backend.example.com:80", "tcp", true, true},
      {"back_end:65535", "teleport", true, true},
      {"x:1", "https", true, true},
      {"x:65536", "tcp", false, false},
      {"x:-1", "tcp", false, false},
      {"x:http", "tcp", false, false},
      {"x", "tcp", false, false},
      {"", "tcp", false, false},
      {"::1:80", "tcp", false, false},
      {"a b:80", "tcp", false, false},
      {"a\n:80", "tcp", false, false},
      {"/run/x.sock", "unix", true, true},
      {"run/x.sock", "unix", true, true},
      {"@name", "unix", true, true},
      {"unix:/run/x.sock", "unix", true, true},
      {"unix:", "unix", false, false},
      {"unix:/run/x.sock", "teleport", true, true},
      {"/run/x.sock", "https", true, true},
      {"unix:/run/x.sock", "udp", false, false},
      {"", "unix", false, false},
      {"/run/\x01", "unix", false, false},
      {"/run/x.sock", "tcp", false, false},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(wrong_address(one.address, one.network, AddressUse::kListen).empty(), one.listen)
        << one.address << " " << one.network;
    EXPECT_EQ(wrong_address(one.address, one.network, AddressUse::kConnect).empty(), one.connect)
        << one.address << " " << one.network;
  }
  EXPECT_NE(wrong_address(std::string(200, 'a'), "unix", AddressUse::kListen), "");
}

TEST(ValueForms, ChecksConnectToAHostOrAPath) {
  EXPECT_EQ(wrong_check_address("h:1", "tcp"), "");
  EXPECT_EQ(wrong_check_address("h:1", "udp6"), "");
  EXPECT_EQ(wrong_check_address("/run/x", "tcp"), "");
  EXPECT_EQ(wrong_check_address("unix:run/x", "tcp"), "");
  EXPECT_EQ(wrong_check_address("run/x", "unix"), "");
  EXPECT_NE(wrong_check_address("h:0", "tcp"), "");
  EXPECT_NE(wrong_check_address("h", "tcp"), "");
  EXPECT_NE(wrong_check_address("/\n", "unix"), "");
}

TEST(ValueForms, VirtualHostsAreHostsWithOrWithoutAPath) {
  for (const char* good : {"a", "www.example.com", "WWW.Example.com", "*.example.com", "*", "*/api",
                           "a/api/v1", "a/", "127.0.0.1", "[::1]", "[::1]/x", "my_host", "a/%20"})
    EXPECT_EQ(wrong_virtual_host(good), "") << good;
  for (const char* bad : {"", "/", "a:80", "a b", "*a.b", "a.*.b", "**", "*.", "::1", "[::1",
                          "*.[::1]", "a/b c", "a/?x", "a/#x", "\xc3\xa4", "http://a"})
    EXPECT_NE(wrong_virtual_host(bad), "") << bad;
}

TEST(ValueForms, ErrorPagesAreAddressesFilesOrTexts) {
  for (const char* good :
       {"http://h/x", "https://h", "file:/x", "file:///x", "text:x", "text:a\nb"})
    EXPECT_EQ(wrong_error_page(good), "") << good;
  for (const char* bad :
       {"", "h", "http://", "http:///x", "ftp://h", "file:x", "http://a b", "http://a\n"})
    EXPECT_NE(wrong_error_page(bad), "") << bad;
}

TEST(ValueForms, ErrorPagesAreThoseThatCanBeFetched) {
  for (const char* bad : {"text:", "file://h/x", "file:////x", "http://h:99999/", "http://h:x/",
                          "http://[::1/", "http://:80/", "http://a\xff b/"})
    EXPECT_NE(wrong_error_page(bad), "") << bad;
  EXPECT_EQ(wrong_error_page("http://h/" + std::string(4087, 'a')), "");
  EXPECT_NE(wrong_error_page("http://h/" + std::string(4088, 'a')), "");
}

TEST(ValueForms, TextsOfErrorPagesAreBounded) {
  EXPECT_EQ(wrong_error_page("text:" + std::string(1024 * 1024, 'a')), "");
  EXPECT_EQ(wrong_error_page("text:" + std::string(1024 * 1024 + 1, 'a')),
            "a text of at most 1048576 bytes is accepted");
}

TEST(ValueForms, BalancesAreTheProgramsPolicies) {
  for (const char* good : {"RR", "LC", "least-loaded", "p2c", "ewma", "hash:X-User"})
    EXPECT_EQ(wrong_balance(good), "") << good;
  for (const char* bad : {"", "rr", "XX", "hash:", "hash:a b", "hash"})
    EXPECT_NE(wrong_balance(bad), "") << bad;
}

TEST(ValueForms, CompressionsAreThoseOfLinks) {
  for (const char* good :
       {"", "auto", "none", "zstd", "zstd:19", "flate", "flate:1", "flate:9", "snappy"})
    EXPECT_EQ(wrong_compression(good, ""), "") << good;
  for (const char* bad : {"gzip", "flate:0", "flate:10", "flate:", "zstd:20"})
    EXPECT_NE(wrong_compression(bad, ""), "") << bad;
  EXPECT_EQ(wrong_compression("flate", "v0"), "");
  EXPECT_NE(wrong_compression("flate", "v2"), "");
  EXPECT_NE(wrong_compression("zstd", "v0"), "");
  for (const char* good : {"", "auto", "v0", "v2"})
    EXPECT_EQ(wrong_link_protocol(good), "") << good;
  EXPECT_NE(wrong_link_protocol("v1"), "");
}

TEST(ValueForms, ShowsNamesWithoutBreakingLinesOrCharacters) {
  EXPECT_EQ(shown_name("web \xc3\xa4"), "web \xc3\xa4");
  EXPECT_EQ(shown_name("a\nb"), R"("a\nb")");
  EXPECT_EQ(shown_name("a\xfe"), R"("a\ufffd")");
  EXPECT_EQ(shown_name(std::string(99, 'a') + "\xc3\xa4"), std::string(99, 'a') + "...");
}

TEST(ValueForms, QuotesValuesAndCutsLongOnes) {
  EXPECT_EQ(quoted_value("a\"\n"), R"("a\"\n")");
  EXPECT_EQ(quoted_value(std::string(200, 'a')), '"' + std::string(100, 'a') + "...\"");
  EXPECT_EQ(quoted_value(std::string(99, 'a') + "\xc3\xa4"), '"' + std::string(99, 'a') + "...\"");
}

}  // namespace
}  // namespace httpteleport::service
