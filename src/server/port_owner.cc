#include "server/port_owner.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

namespace httpteleport::server {

namespace {

constexpr std::string_view kTcpListening = "0A";
constexpr uint32_t kUnixListening = 0x10000;  // the kernel's __SO_ACCEPTCON
constexpr size_t kOwnersMax = 3;              // processes named

// An IPv6 address in network order; IPv4 ones are mapped.
using Ip = std::array<uint8_t, 16>;
constexpr Ip kAnyV6{};
constexpr Ip kAnyV4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};

bool is_v4(const Ip& ip) {
  return std::equal(kAnyV4.begin(), kAnyV4.begin() + 12, ip.begin());
}

// A socket on :: takes IPv4 as well, unless it was told not to, which the tables do not show.
bool overlap(const Ip& a, const Ip& b) {
  if (a == b || a == kAnyV6 || b == kAnyV6) return true;
  return is_v4(a) && is_v4(b) && (a == kAnyV4 || b == kAnyV4);
}

Ip ip_of(const net::Address& address) {
  Ip ip = kAnyV4;
  if (address.is_ipv6()) {
    std::memcpy(ip.data(), &reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_addr, 16);
  } else {
    std::memcpy(&ip[12], &reinterpret_cast<const sockaddr_in*>(address.get())->sin_addr, 4);
  }
  return ip;
}

template <class Number>
std::optional<Number> to_number(std::string_view text, int base) {
  Number number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, base);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

// The kernel prints an address as words of 32 bits, each as a number of this machine.
std::optional<Ip> parse_ip(std::string_view hex) {
  if (hex.size() != 8 && hex.size() != 32) return std::nullopt;
  Ip ip = kAnyV4;
  uint8_t* place = hex.size() == 8 ? &ip[12] : ip.data();
  for (; !hex.empty(); hex.remove_prefix(8), place += 4) {
    const auto word = to_number<uint32_t>(hex.substr(0, 8), 16);
    if (!word) return std::nullopt;
    std::memcpy(place, &*word, 4);
  }
  return ip;
}

// The next of the words that blanks part, or an empty view at the end.
std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::string_view word = next_word(line); !word.empty(); word = next_word(line))
    words.push_back(word);
  return words;
}

template <class OnLine>
void for_each_line(std::string_view text, OnLine&& on_line) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    on_line(line);
  }
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<uint64_t> find_listeners(const net::Address& address) {
  if (address.is_unix()) return find_unix_listeners(read_file("/proc/net/unix"), address.path());
  std::vector<uint64_t> inodes;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    const auto found = find_tcp_listeners(read_file(table), address);
    inodes.insert(inodes.end(), found.begin(), found.end());
  }
  return inodes;
}

bool has_one_open(const std::filesystem::path& process, const std::vector<uint64_t>& inodes) {
  std::error_code error;
  std::filesystem::directory_iterator entry(process / "fd", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry->path(), gone).string();
    if (gone || !target.starts_with("socket:[") || !target.ends_with(']')) continue;
    const auto inode =
        to_number<uint64_t>(std::string_view(target).substr(8, target.size() - 9), 10);
    if (inode && std::find(inodes.begin(), inodes.end(), *inode) != inodes.end()) return true;
  }
  return false;
}

}  // namespace

std::vector<uint64_t> find_tcp_listeners(std::string_view table, const net::Address& address) {
  std::vector<uint64_t> inodes;
  const Ip wanted = ip_of(address);
  for_each_line(table, [&](std::string_view line) {
    // sl local remote state queues timer retransmits uid timeout inode
    const std::vector<std::string_view> words = words_of(line);
    if (words.size() < 10 || words[3] != kTcpListening) return;
    const size_t colon = words[1].find(':');
    if (colon == std::string_view::npos) return;
    const auto ip = parse_ip(words[1].substr(0, colon));
    const auto port = to_number<uint16_t>(words[1].substr(colon + 1), 16);
    const auto inode = to_number<uint64_t>(words[9], 10);
    if (ip && inode && port == address.port() && overlap(*ip, wanted)) inodes.push_back(*inode);
  });
  return inodes;
}

std::vector<uint64_t> find_unix_listeners(std::string_view table, std::string_view path) {
  std::vector<uint64_t> inodes;
  for_each_line(table, [&](std::string_view line) {
    // number references protocol flags type state inode path; the path may have blanks in it
    const std::vector<std::string_view> words = words_of(line);
    if (words.size() < 8 || !line.ends_with(path)) return;
    const auto at = static_cast<size_t>(words[7].data() - line.data());
    const auto flags = to_number<uint32_t>(words[3], 16);
    const auto inode = to_number<uint64_t>(words[6], 10);
    if (line.substr(at) == path && flags && (*flags & kUnixListening) != 0 && inode)
      inodes.push_back(*inode);
  });
  return inodes;
}

std::string describe_port_owner(const net::Address& address) {
  const std::vector<uint64_t> inodes = find_listeners(address);
  if (inodes.empty()) return "";
  std::string text;
  size_t owners = 0;
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string pid = entry->path().filename().string();
    if (!to_number<uint32_t>(pid, 10) || !has_one_open(entry->path(), inodes)) continue;
    if (++owners > kOwnersMax) return text + " and others";
    std::string name = read_file(entry->path() / "comm");
    if (name.ends_with('\n')) name.pop_back();
    text += text.empty() ? "pid " : ", pid ";
    text.append(pid).append(" (").append(name).append(")");
  }
  return text;
}

}  // namespace httpteleport::server
