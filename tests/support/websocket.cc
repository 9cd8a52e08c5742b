#include "support/websocket.h"

#include <openssl/evp.h>

#include <array>
#include <cstdio>

#include "support/content.h"
#include "support/http_message.h"

namespace httpteleport::test {

namespace {

constexpr std::string_view kAcceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::string_view kMask = "\x37\xfa\x21\x3d";
constexpr uint8_t kFin = 0x80;
constexpr uint8_t kBinary = 0x02;
constexpr uint8_t kMasked = 0x80;

std::string base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

std::string new_key() {
  static std::atomic<uint64_t> count{0};
  const uint64_t number = ++count;
  std::array<uint64_t, 2> words{mix64(number), mix64(~number)};
  return base64({reinterpret_cast<const char*>(words.data()), sizeof words});
}

void apply_mask(std::string& payload, std::string_view mask) {
  for (size_t i = 0; i < payload.size(); ++i)
    payload[i] = static_cast<char>(payload[i] ^ mask[i % mask.size()]);
}

uint64_t big_endian(std::string_view bytes) {
  uint64_t number = 0;
  for (const char byte : bytes)
    number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

// A head and nothing behind it that belongs to it.
MessageHead parse_head(std::string_view text, bool is_request) {
  MessageParser parser;
  is_request ? parser.expect_request() : parser.expect_response(true);
  parser.step(text);
  return parser.done() ? parser.head() : MessageHead{};
}

// The answer to GET /bytes/N?seed=S; empty for any other request.
std::string bytes_answer(const MessageHead& head) {
  unsigned long long size = 0;
  unsigned long long seed = 0;
  if (std::sscanf(head.target.c_str(), "/bytes/%llu?seed=%llu", &size, &seed) < 1) return "";
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
         Content::bytes(size, seed).to_string();
}

}  // namespace

std::string websocket_accept(std::string_view key) {
  const std::string text = std::string(key) + std::string(kAcceptGuid);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1)
    die("EVP_Digest");
  return base64({reinterpret_cast<const char*>(digest.data()), size});
}

std::string websocket_request(std::string_view key, std::string_view target) {
  return "GET " + std::string(target) +
         " HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
         std::string(key) + "\r\n\r\n";
}

std::string websocket_answer(std::string_view key) {
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         websocket_accept(key) + "\r\n\r\n";
}

std::string websocket_frame(std::string_view payload, WebSocket::Role role) {
  const uint8_t masked = role == WebSocket::Role::kClient ? kMasked : 0;
  std::string frame(1, static_cast<char>(kFin | kBinary));
  const auto put = [&](uint64_t number, int bytes) {
    for (int i = bytes - 1; i >= 0; --i)
      frame += static_cast<char>(number >> (8 * i));
  };
  if (payload.size() < 126) {
    put(masked | payload.size(), 1);
  } else if (payload.size() < 65536) {
    put(masked | 126u, 1);
    put(payload.size(), 2);
  } else {
    put(masked | 127u, 1);
    put(payload.size(), 8);
  }
  std::string body(payload);
  if (masked != 0) {
    frame += kMask;
    apply_mask(body, kMask);
  }
  return frame + body;
}

std::optional<WebSocket> WebSocket::open(const Address& address, std::string& error,
                                         int receive_buffer_bytes) {
  auto socket = Socket::connect(address, after(), receive_buffer_bytes);
  const std::string key = new_key();
  if (!socket || socket->send_all(websocket_request(key)) != IoStatus::kOk) {
    error = "cannot connect or send";
    return {};
  }
  const Received answer = socket->recv_until("\r\n\r\n");
  const MessageHead head = parse_head(answer.bytes, false);
  if (head.status != 101 || !head.has_token("connection", "upgrade") ||
      head.count("upgrade") != 1 || !head.has_token("upgrade", "websocket") ||
      head.find("sec-websocket-accept") != websocket_accept(key)) {
    error = std::string(io_status_name(answer.status)) + ": " + answer.bytes;
    return {};
  }
  return WebSocket(std::move(*socket), Role::kClient);
}

IoStatus WebSocket::send_frame(std::string_view payload, Deadline deadline) {
  return socket_.send_all(websocket_frame(payload, role_), deadline);
}

Received WebSocket::read_frame(Deadline deadline) {
  Received head = socket_.recv_exactly(2, deadline);
  if (head.status != IoStatus::kOk) return head;
  const auto first = static_cast<uint8_t>(head.bytes[0]);
  const auto second = static_cast<uint8_t>(head.bytes[1]);
  const bool masked = (second & kMasked) != 0;
  if (first != (kFin | kBinary) || masked != (role_ == Role::kServer))
    return {IoStatus::kTooLong, {}};
  uint64_t size = second & 0x7f;
  if (size >= 126) {
    const Received length = socket_.recv_exactly(size == 126 ? 2 : 8, deadline);
    if (length.status != IoStatus::kOk) return length;
    size = big_endian(length.bytes);
  }
  if (size > kPayloadBytesMax) return {IoStatus::kTooLong, {}};
  const Received mask = socket_.recv_exactly(masked ? kMask.size() : 0, deadline);
  if (mask.status != IoStatus::kOk) return mask;
  Received payload = socket_.recv_exactly(size, deadline);
  if (masked && payload.status == IoStatus::kOk) apply_mask(payload.bytes, mask.bytes);
  return payload;
}

WebSocketEcho::WebSocketEcho() {
  acceptor_ = std::thread([this] { accept_all(); });
}

WebSocketEcho::~WebSocketEcho() {
  listener_.shut_down();
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (Socket& socket : sockets_) {
      if (socket.is_open()) socket.shut_down();
    }
  }
  for (std::thread& thread : threads_)
    thread.join();
}

void WebSocketEcho::accept_all() {
  while (auto socket = listener_.accept(Deadline::max())) {
    const std::lock_guard lock(mutex_);
    sockets_.push_back(std::move(*socket));
    threads_.emplace_back([this, &accepted = sockets_.back()] {
      serve(accepted);
      const std::lock_guard closing(mutex_);
      accepted.close();
    });
  }
}

bool WebSocketEcho::shake_hands(Socket& socket) {
  for (;;) {
    const Received request = socket.recv_until("\r\n\r\n", Deadline::max());
    if (request.status != IoStatus::kOk) return false;
    const MessageHead head = parse_head(request.bytes, true);
    if (const std::string answer = bytes_answer(head); !answer.empty()) {
      if (socket.send_all(answer) != IoStatus::kOk) return false;
      continue;
    }
    const auto key = head.find("sec-websocket-key");
    const bool good = head.method == "GET" && key && head.has_token("connection", "upgrade") &&
                      head.has_token("upgrade", "websocket") &&
                      head.find("sec-websocket-version") == "13";
    socket.send_all(good ? websocket_answer(*key)
                         : "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    return good;
  }
}

void WebSocketEcho::serve(Socket& socket) {
  if (!shake_hands(socket)) return;
  ++opened_;
  // The socket stays where its owner can wake it; this is another name for it.
  WebSocket end(Socket(Fd(::dup(socket.fd()))), WebSocket::Role::kServer);
  for (;;) {
    const Received frame = end.read_frame(Deadline::max());
    if (frame.status == IoStatus::kReset) ++resets_;
    if (frame.status == IoStatus::kClosed) ++ended_;
    if (frame.status != IoStatus::kOk) return;
    if (frame.bytes == "reset") {
      const std::lock_guard closing(mutex_);
      end.socket().close();
      return socket.reset();
    }
    if (end.send_frame(frame.bytes, Deadline::max()) != IoStatus::kOk) return;
  }
}

}  // namespace httpteleport::test
