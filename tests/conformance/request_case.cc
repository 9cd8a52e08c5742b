#include "conformance/request_case.h"

namespace httpteleport::test {
namespace {

std::vector<int> good(size_t count) {
  return std::vector<int>(count, 200);
}

RequestCase with_statuses(std::string name, std::string section, std::string bytes,
                          const std::vector<Seen>& seen, const std::vector<int>& statuses,
                          End end) {
  RequestCase result{std::move(name), std::move(section), std::move(bytes), {}};
  for (const int status : statuses) {
    Allowed allowed{good(seen.size()), seen, end};
    allowed.statuses.push_back(status);
    result.allowed.push_back(std::move(allowed));
  }
  return result;
}

}  // namespace

RequestCase refused(std::string name, std::string section, std::string bytes,
                    const std::vector<int>& statuses) {
  return with_statuses(std::move(name), std::move(section), std::move(bytes), {}, statuses,
                       End::kClosed);
}

RequestCase declined(std::string name, std::string section, std::string bytes,
                     const std::vector<int>& statuses) {
  return with_statuses(std::move(name), std::move(section), std::move(bytes), {}, statuses,
                       End::kAny);
}

RequestCase served(std::string name, std::string section, std::string bytes, std::vector<Seen> seen,
                   End end) {
  const size_t count = seen.size();
  return {
      std::move(name), std::move(section), std::move(bytes), {{good(count), std::move(seen), end}}};
}

RequestCase served_or_refused(std::string name, std::string section, std::string bytes, Seen seen,
                              const std::vector<int>& statuses, End end) {
  RequestCase result = refused(std::move(name), std::move(section), std::move(bytes), statuses);
  result.allowed.push_back({{200}, {std::move(seen)}, end});
  return result;
}

RequestCase served_or_declined(std::string name, std::string section, std::string bytes, Seen seen,
                               const std::vector<int>& statuses) {
  RequestCase result = declined(std::move(name), std::move(section), std::move(bytes), statuses);
  result.allowed.push_back({{200}, {std::move(seen)}, End::kAny});
  return result;
}

RequestCase served_then_refused(std::string name, std::string section, std::string bytes,
                                const std::vector<Seen>& seen, const std::vector<int>& statuses) {
  return with_statuses(std::move(name), std::move(section), std::move(bytes), seen, statuses,
                       End::kClosed);
}

RequestCase unfinished(std::string name, std::string section, std::string bytes,
                       const std::vector<Seen>& seen) {
  RequestCase result =
      served(std::move(name), std::move(section), std::move(bytes), seen, End::kClosed);
  result.is_unfinished = true;
  return result;
}

std::string get(std::string_view fields, std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

std::string post(std::string_view fields, std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

std::string sized_post(std::string_view body, std::string_view fields, std::string_view target) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(fields) + "\r\n" + std::string(body);
}

std::string chunked_post(std::string_view body, std::string_view fields) {
  return post("Transfer-Encoding: chunked\r\n" + std::string(fields), body);
}

}  // namespace httpteleport::test
