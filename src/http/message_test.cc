#include "http/message.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace httpteleport::http {
namespace {

struct KnownName {
  std::string_view name;
  FieldId id;
};

constexpr KnownName kKnownNames[] = {
    {"Connection", FieldId::kConnection},
    {"Content-Length", FieldId::kContentLength},
    {"Content-Type", FieldId::kContentType},
    {"Date", FieldId::kDate},
    {"Expect", FieldId::kExpect},
    {"Forwarded", FieldId::kForwarded},
    {"Host", FieldId::kHost},
    {"Keep-Alive", FieldId::kKeepAlive},
    {"Max-Forwards", FieldId::kMaxForwards},
    {"Proxy-Authenticate", FieldId::kProxyAuthenticate},
    {"Proxy-Authorization", FieldId::kProxyAuthorization},
    {"Proxy-Connection", FieldId::kProxyConnection},
    {"TE", FieldId::kTe},
    {"Trailer", FieldId::kTrailer},
    {"Transfer-Encoding", FieldId::kTransferEncoding},
    {"Upgrade", FieldId::kUpgrade},
    {"Via", FieldId::kVia},
    {"X-Forwarded-For", FieldId::kXForwardedFor},
    {"X-Forwarded-Host", FieldId::kXForwardedHost},
    {"X-Forwarded-Proto", FieldId::kXForwardedProto},
};

// The name with the case of each letter taken from the bits of `mask`.
std::string with_case(std::string_view name, uint32_t mask) {
  std::string text(name);
  for (size_t i = 0; i < text.size(); ++i) {
    const bool upper = (mask >> (i % 32) & 1) != 0;
    text[i] = static_cast<char>(upper ? std::toupper(text[i]) : std::tolower(text[i]));
  }
  return text;
}

TEST(FieldId, IsFoundForEveryKnownNameInAnyCase) {
  for (const KnownName& known : kKnownNames) {
    EXPECT_EQ(field_id_of(known.name), known.id) << known.name;
    for (const uint32_t mask : {0u, ~0u, 0x55555555u, 0xaaaaaaaau, 0x33333333u, 1u, 2u, 4u, 8u})
      EXPECT_EQ(field_id_of(with_case(known.name, mask)), known.id) << with_case(known.name, mask);
  }
}

// One byte changed, left out, doubled or added: another name. Case is of letters alone, so that
// "\x0d" is not "-" and "^" is not "~".
TEST(FieldId, IsNotFoundForNearMisses) {
  EXPECT_EQ(field_id_of(""), FieldId::kOther);
  EXPECT_EQ(field_id_of("X"), FieldId::kOther);
  EXPECT_EQ(field_id_of("Cookie"), FieldId::kOther);
  for (const KnownName& known : kKnownNames) {
    const std::string name(known.name);
    for (size_t i = 0; i < name.size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string changed = name;
        changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
        const bool same_letter = bit == 5 && std::isalpha(static_cast<unsigned char>(name[i])) != 0;
        EXPECT_EQ(field_id_of(changed), same_letter ? known.id : FieldId::kOther)
            << testing::PrintToString(changed);
      }
      EXPECT_EQ(field_id_of(std::string(name).erase(i, 1)), FieldId::kOther) << name << i;
      EXPECT_EQ(field_id_of(std::string(name).insert(i, 1, name[i])), FieldId::kOther) << name << i;
    }
    for (const std::string& added :
         {name + " ", name + ":", " " + name, name + std::string(1, '\0')})
      EXPECT_EQ(field_id_of(added), FieldId::kOther) << testing::PrintToString(added);
  }
}

TEST(Method, IsKnownByItsExactName) {
  struct {
    std::string_view text;
    Method method;
    bool idempotent;
  } const kCases[] = {
      {"GET", Method::kGet, true},         {"HEAD", Method::kHead, true},
      {"POST", Method::kPost, false},      {"PUT", Method::kPut, true},
      {"DELETE", Method::kDelete, true},   {"CONNECT", Method::kConnect, false},
      {"OPTIONS", Method::kOptions, true}, {"TRACE", Method::kTrace, true},
      {"PATCH", Method::kPatch, false},    {"get", Method::kOther, false},
      {"Post", Method::kOther, false},     {"GE", Method::kOther, false},
      {"GETT", Method::kOther, false},     {"", Method::kOther, false},
      {"BREW", Method::kOther, false},     {"OPTIONZ", Method::kOther, false},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(method_of(c.text), c.method) << c.text;
    EXPECT_EQ(is_idempotent(method_of(c.text)), c.idempotent) << c.text;
  }
}

std::vector<std::string> elements_of(std::string_view list) {
  std::vector<std::string> elements;
  while (const auto element = next_list_element(list))
    elements.emplace_back(*element);
  EXPECT_TRUE(list.empty());
  return elements;
}

TEST(ListElements, AreTrimmedAndEmptyOnesAreSkipped) {
  using List = std::vector<std::string>;
  EXPECT_EQ(elements_of(""), List{});
  EXPECT_EQ(elements_of(" ,\t, ,"), List{});
  EXPECT_EQ(elements_of("a"), List{"a"});
  EXPECT_EQ(elements_of(" a b\t,c,,\td "), (List{"a b", "c", "d"}));
  EXPECT_EQ(elements_of(",a,"), List{"a"});
  EXPECT_EQ(elements_of("\"a,b\""), (List{"\"a", "b\""}));
}

// Every pair of bytes at every place of texts of several lengths, against the plain rule.
TEST(EqualsIgnoringCase, TakesLettersOfEitherCaseAndNothingElseForTheSame) {
  const auto lower = [](int c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; };
  for (const size_t size : {1U, 7U, 8U, 9U, 16U, 19U}) {
    std::string a(size, 'x');
    std::string b(size, 'X');
    for (size_t at = 0; at < size; ++at) {
      for (int left = 0; left < 256; ++left) {
        for (int right = 0; right < 256; ++right) {
          a[at] = static_cast<char>(left);
          b[at] = static_cast<char>(right);
          ASSERT_EQ(equals_ignoring_case(a, b), lower(left) == lower(right))
              << left << " " << right << " at " << at << " of " << size;
        }
      }
      a[at] = 'x';
      b[at] = 'X';
    }
  }
}

TEST(EqualsIgnoringCase, FoldsAsciiLettersOnly) {
  EXPECT_TRUE(equals_ignoring_case("", ""));
  EXPECT_TRUE(equals_ignoring_case("aZ-09", "Az-09"));
  EXPECT_FALSE(equals_ignoring_case("a", "ab"));
  EXPECT_FALSE(equals_ignoring_case("[", "{"));
  EXPECT_FALSE(equals_ignoring_case("@", "`"));
  EXPECT_FALSE(equals_ignoring_case("\xc9", "\xe9"));
}

TEST(Fields, FindWhatIsNotDropped) {
  Fields fields;
  EXPECT_TRUE(fields.empty());
  fields.add("Host", "a");
  fields.add("X-Mine", "1");
  fields.add("host", "b");
  EXPECT_EQ(fields.size(), 3u);
  ASSERT_NE(fields.find(FieldId::kHost), nullptr);
  EXPECT_EQ(fields.find(FieldId::kHost)->value, "a");
  EXPECT_EQ(fields.find("x-mINE")->value, "1");
  EXPECT_EQ(fields.find(FieldId::kVia), nullptr);
  EXPECT_EQ(fields.find("x-other"), nullptr);
  fields.begin()->dropped = true;
  EXPECT_EQ(fields.find(FieldId::kHost)->value, "b");
  EXPECT_EQ(fields.find("HOST")->value, "b");
  fields.drop(FieldId::kHost);
  EXPECT_EQ(fields.find(FieldId::kHost), nullptr);
  fields.clear();
  EXPECT_TRUE(fields.empty());
}

TEST(RequestHead, RebaseMovesWhatPointsIntoTheTextAndNothingElse) {
  const std::string text = "GET /p host name value";
  RequestHead head;
  head.method_text = std::string_view(text).substr(0, 3);
  head.target = std::string_view(text).substr(4, 2);
  head.authority = std::string_view(text).substr(7, 4);
  head.fields.add(std::string_view(text).substr(12, 4), std::string_view(text).substr(17, 5));
  static constexpr std::string_view kStaticName = "Via";
  static constexpr std::string_view kStaticValue = "1.1 us";
  head.fields.add(kStaticName, kStaticValue);
  head.fields.add("Empty", {});

  const std::string copy = text;
  head.rebase(text, copy.data());
  EXPECT_EQ(head.method_text.data(), copy.data());
  EXPECT_EQ(head.target.data(), copy.data() + 4);
  EXPECT_EQ(head.authority.data(), copy.data() + 7);
  EXPECT_EQ(head.fields.begin()->name.data(), copy.data() + 12);
  EXPECT_EQ(head.fields.begin()->value.data(), copy.data() + 17);
  EXPECT_EQ(head.fields.begin()->value, "value");
  EXPECT_EQ((head.fields.begin() + 1)->name.data(), kStaticName.data());
  EXPECT_EQ((head.fields.begin() + 1)->value.data(), kStaticValue.data());
  EXPECT_EQ((head.fields.begin() + 2)->value.data(), nullptr);

  head.target = "*";
  const char* star = head.target.data();
  head.rebase(copy, text.data());
  EXPECT_EQ(head.target.data(), star);
}

TEST(BodyLength, IsNoneWhenItIsKnownToBeZero) {
  EXPECT_TRUE(BodyLength::known(0).is_none());
  EXPECT_FALSE(BodyLength::known(1).is_none());
  EXPECT_TRUE(BodyLength::known(1).is_known());
  EXPECT_TRUE(BodyLength::none().is_known());
  EXPECT_FALSE(BodyLength::unknown().is_known());
  EXPECT_FALSE(BodyLength::unknown().is_none());
}

TEST(Status, SaysWhetherABodyMayFollow) {
  for (const int status : {100, 103, 199, 204, 304})
    EXPECT_TRUE(status_has_no_body(status)) << status;
  for (const int status : {200, 201, 205, 206, 300, 400, 404, 500, 599})
    EXPECT_FALSE(status_has_no_body(status)) << status;
}

TEST(Method, SaysWhetherItMayBeSentTwiceAndWhetherItsAnswerMayBeDropped) {
  for (const Method method : {Method::kGet, Method::kHead, Method::kOptions, Method::kTrace}) {
    EXPECT_TRUE(is_safe(method));
    EXPECT_TRUE(is_idempotent(method));
  }
  for (const Method method : {Method::kPut, Method::kDelete}) {
    EXPECT_FALSE(is_safe(method));
    EXPECT_TRUE(is_idempotent(method));
  }
  for (const Method method : {Method::kPost, Method::kPatch, Method::kConnect, Method::kOther}) {
    EXPECT_FALSE(is_safe(method));
    EXPECT_FALSE(is_idempotent(method));
  }
}

// RFC 9110 section 15 and RFC 6585.
TEST(Status, HasTheReasonOfTheRfcIfItIsOneOfOurs) {
  const std::pair<int, std::string_view> reasons[] = {
      {100, "Continue"},
      {101, "Switching Protocols"},
      {200, "OK"},
      {204, "No Content"},
      {301, "Moved Permanently"},
      {304, "Not Modified"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {411, "Length Required"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {417, "Expectation Failed"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  };
  for (const auto& [status, reason] : reasons)
    EXPECT_EQ(reason_of(status), reason) << status;
  EXPECT_EQ(reason_of(418), "");
}

}  // namespace
}  // namespace httpteleport::http
