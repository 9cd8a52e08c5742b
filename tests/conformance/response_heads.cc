// Status lines and fields of answers.
#include <string>

#include "conformance/response_case.h"

namespace httpteleport::test {

using namespace std::string_literals;

std::vector<ResponseCase> response_status_lines() {
  std::vector<ResponseCase> cases = {
      {"4", "200", hello_after("HTTP/1.1 200 OK")},
      {"4", "empty reason", hello_after("HTTP/1.1 200 ")},
      {"4", "no blank behind the status", hello_after("HTTP/1.1 200"), kGood | kBad},
      {"4", "a reason with blanks, tab and 8 bits", hello_after("HTTP/1.1 200 a \t caf\xe9 ")},
      {"9110-15", "an unknown status of a known class", hello_after("HTTP/1.1 299 Odd"), kGood,
       299},
      {"9110-15", "599", hello_after("HTTP/1.1 599 Odd"), kGood, 599},
      {"2.3", "HTTP/1.0", hello_after("HTTP/1.0 200 OK")},
      {"2.3", "HTTP/1.0 that keeps its connection",
       "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello"},
      {"9110-6.2", "HTTP/1.2 is read as 1.1", hello_after("HTTP/1.2 200 OK"), kGood | kBad},
      {"9110-15", "status 600", hello_after("HTTP/1.1 600 evil"), kBad},
  };
  // RFC 9112 section 4: HTTP-version SP 3DIGIT SP [reason], at the very beginning.
  const std::string lines[] = {"HTTP/1.1 000 evil",
                               "HTTP/1.1 099 evil",
                               "HTTP/1.1 1000 evil",
                               "HTTP/1.1 20x evil",
                               "HTTP/1.1 20 evil",
                               "HTTP/1.1  evil",
                               "HTTP/1.1 -20 evil",
                               "HTTP/1.1 +20 evil",
                               "HTTP/1.1 0x200 evil",
                               "HTTP/1.1  200 evil",
                               "HTTP/1.1\t200 evil",
                               " HTTP/1.1 200 evil",
                               "HTTP/1.1 200\tevil",
                               "HTTP/2.0 200 evil",
                               "HTTP/0.9 200 evil",
                               "HTTP/1.10 200 evil",
                               "HTTP/11.1 200 evil",
                               "HTTP/1 200 evil",
                               "HTTP/1. 200 evil",
                               "HTTP/.1 200 evil",
                               "HTTP/1,1 200 evil",
                               "HTTP 200 evil",
                               "http/1.1 200 evil",
                               "HTTPS/1.1 200 evil",
                               "ICY 200 evil",
                               "SSH-2.0-evil",
                               "200 evil",
                               "\r\nHTTP/1.1 200 evil",
                               "HTTP/1.1 200 a\x01evil",
                               "HTTP/1.1 200 a\x7f"
                               "evil",
                               "HTTP/1.1 200 a\0evil"s,
                               "HTTP/1.1 200 a\revil",
                               "HTTP/1.1 200 a\nevil",
                               "GET / HTTP/1.1",
                               "evil: 1"};
  static std::vector<std::string> names(lines, lines + std::size(lines));
  for (size_t i = 0; i < std::size(lines); ++i)
    cases.push_back({"4", names[i].c_str(), hello_after(lines[i]), kBad});
  return cases;
}

namespace {

std::string many_fields(size_t count) {
  std::string fields;
  while (count-- > 0)
    fields += "X:\r\n";
  return fields;
}

std::vector<ResponseCase> hop_by_hop() {
  return {
      ResponseCase{
          "9110-7.6.1", "fields of this connection",
          hello_with("Connection: X-Evil, keep-alive\r\nX-Evil: 1\r\nKeep-Alive: timeout=9\r\n"
                     "Proxy-Connection: keep-alive\r\nTE: trailers\r\nX-Keep: kept\r\n")}
          .with({{"X-Keep", "kept"}})
          .without({"X-Evil", "Proxy-Connection", "TE"}),
      ResponseCase{
          "9110-7.6.1", "Connection in two lines, in any case",
          hello_with("connection: x-evil\r\nCONNECTION: ,X-OTHER,, close ,\r\nX-Evil: 1\r\n"
                     "X-Other: 2\r\n")}
          .without({"X-Evil", "X-Other"}),
      {"9110-7.6.1", "Connection names Content-Length",
       hello_with("Connection: content-length\r\n"), kGood | kBad},
      {"9110-7.6.1", "Connection names Transfer-Encoding",
       "HTTP/1.1 200 OK\r\nConnection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n"
       "5\r\nhello\r\n0\r\n\r\n",
       kGood | kBad},
      {"9110-7.6.1",
       "Connection names Date",
       hello_with("Connection: date\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\n"),
       kGood,
       200,
       "hello",
       End::kKeep,
       {},
       {{"Date", "Sat, 21 Nov 2026 12:00:00 GMT"}}},
      {"9110-7.6.1", "Connection names what is not there", hello_with("Connection: x-nothing\r\n")},
      {"9110-7.6.1", "Connection names itself", hello_with("Connection: connection\r\n")},
      {"9110-7.6.1", "Connection is no list of tokens", hello_with("Connection: ;;,a b,\"\r\n"),
       kGood | kBad},
      {"9110-7.6.1", "Connection names 300 fields",
       hello_with("Connection: " + many_fields(0) +
                  [] {
                    std::string list = "a";
                    for (int i = 0; i < 300; ++i)
                      list += ",a" + std::to_string(i);
                    return list;
                  }() +
                  "\r\n"),
       kGood | kBad},
      {"9110-7.8",
       "an Upgrade without 101",
       hello_with("Connection: upgrade\r\nUpgrade: evil/1\r\n"),
       kGood,
       200,
       "hello",
       End::kKeep,
       {},
       {},
       {"Upgrade"}},
  };
}

}  // namespace

std::vector<ResponseCase> response_fields() {
  std::vector<ResponseCase> cases = {
      ResponseCase{
          "5", "good ones",
          hello_with("X-Empty:\r\nX-Space: \t a  b \t\r\nX-Latin: caf\xe9\r\nx-tab: a\tb\r\n"
                     "!#$%&'*+-.^_`|~09: odd\r\nX-Two: 1\r\nX-Comma: a, \"b,c\"\r\n")}
          .with({{"X-Empty", ""},
                 {"X-Space", "a  b"},
                 {"X-Latin", "caf\xe9"},
                 {"x-tab", "a\tb"},
                 {"!#$%&'*+-.^_`|~09", "odd"},
                 {"X-Comma", "a, \"b,c\""}}),
      // A proxy must remove the blank, or refuse the answer.
      {"5.1",
       "blank before the colon",
       hello_with("X-A : 1\r\n"),
       kGood | kBad,
       200,
       "hello",
       End::kKeep,
       {},
       {},
       {"X-A "}},
      {"5.1", "blank before the colon of a length",
       "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello", kGood | kBad},
      // Folds become blanks, or the answer is refused.
      {"5.2", "fold", hello_with("X-A: a\r\n b\r\n"), kGood | kBad},
      {"5.2", "fold with a tab", hello_with("X-A: a\r\n\tb\r\n"), kGood | kBad},
      {"5.2", "fold that looks like a field", hello_with("X-A: a\r\n Evil: b\r\n"), kBad},
      {"5.2", "fold of a length", "HTTP/1.1 200 OK\r\nContent-Length:\r\n 5\r\n\r\nhello",
       kGood | kBad},
      {"2.2", "blank in front of the first field",
       "HTTP/1.1 200 OK\r\n Evil: 1\r\nContent-Length: 5\r\n\r\nhello", kBad},
      {"2.2", "bare LF ends a field", hello_with("X-A: 1\nEvil: 1\r\n"), kBad},
      {"2.2", "bare LF everywhere", "HTTP/1.1 200 OK\nContent-Length: 4\n\nevil", kBad},
      {"2.2", "bare LF ends the head", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\nevil", kBad, 200,
       "", End::kClose},
      {"2.2", "bare CR in a value", hello_with("X-A: 1\rEvil: 1\r\n"), kBad},
      {"2.2", "bare CR at the end of a value", hello_with("X-A: evil\r\r\n"), kBad},
      {"2.2", "bare CR in front of a field", hello_with("\rX-A: evil\r\n"), kBad},
      {"9110-5.5", "NUL in a value", hello_with("X-A: 1\0evil\r\n"s), kBad},
      {"9110-5.5", "control in a value",
       hello_with("X-A: 1\x01"
                  "evil\r\n"),
       kBad},
      {"9110-5.5", "DEL in a value",
       hello_with("X-A: 1\x7f"
                  "evil\r\n"),
       kBad},
      {"9110-5.5", "VT around a value",
       hello_with("X-A: \x0b"
                  "evil\r\n"),
       kBad},
      {"5", "no colon", hello_with("evil\r\n"), kBad},
      {"5", "empty name", hello_with(": evil\r\n"), kBad},
      {"5", "blank in a name", hello_with("X A: evil\r\n"), kBad},
      {"5", "NUL in a name", hello_with("X\0A: evil\r\n"s), kBad},
      {"5", "8 bits in a name", hello_with("X\xe9: evil\r\n"), kBad},
      ResponseCase{"5", "a splitting try, encoded",
                   hello_with("Location: /%0d%0aSet-Cookie:%20a=1\r\n")}
          .with({{"Location", "/%0d%0aSet-Cookie:%20a=1"}})
          .without({"Set-Cookie"}),
      ResponseCase{
          "5", "a second head behind an empty line",
          "HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 0\r\n\r\nSet-Cookie: evil\r\n\r\nevil",
          kGood, 200, ""}
          .and_surplus(),
      {"5.4", "4 KiB and more", hello_with("X-A: " + std::string(5000, 'a') + "\r\n"), kBad},
      {"5.4", "64 KiB over the limit", hello_with("X-A: " + std::string(70'000, 'a') + "\r\n"),
       kBad},
      {"5.4", "a reason of 8 KiB", hello_after("HTTP/1.1 200 " + std::string(8192, 'a')), kBad},
      {"5.4", "a name of 8 KiB", hello_with(std::string(8192, 'a') + ": 1\r\n"), kBad},
      {"5.4", "200 fields", hello_with(many_fields(199))},
      {"5.4", "201 fields", hello_with(many_fields(200)), kBad},
  };
  for (ResponseCase& one : hop_by_hop())
    cases.push_back(std::move(one));
  return cases;
}

}  // namespace httpteleport::test
