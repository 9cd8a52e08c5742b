#include "net/unix_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "net/connection.h"
#include "net/listener.h"
#include "net/test_net.h"

namespace httpteleport::net {
namespace {

class Accepted final : public AcceptHandler {
 public:
  std::vector<Socket> sockets;
  std::vector<Address> peers;

  void on_accept(Socket socket, const Address& peer) override {
    sockets.push_back(std::move(socket));
    peers.push_back(peer);
  }
};

class UnixSocketTest : public testing::Test {
 protected:
  UnixSocketTest() {
    std::string name = testing::TempDir() + "/unix-socket-test.XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~UnixSocketTest() override { std::filesystem::remove_all(folder_); }

  std::string path_of(const std::string& name) const { return folder_ + "/" + name; }
  Address address_of(const std::string& name) const {
    const Result<Address> address = Address::unix_path(path_of(name));
    EXPECT_TRUE(address);
    return *address;
  }
  static mode_t mode_of(const std::string& path) {
    struct stat found {};
    EXPECT_EQ(stat(path.c_str(), &found), 0) << path;
    return found.st_mode & 07777u;
  }

  TestNet net_;
  std::string folder_;
};

// flock() needs no more than the permission to read.
TEST_F(UnixSocketTest, ListensInAFolderThatSomebodyKeepsLocked) {
  const Socket folder(open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(flock(folder.fd(), LOCK_EX), 0);
  EXPECT_TRUE(listen_on_unix(address_of("s"), {}, std::chrono::milliseconds(30)));
}

TEST_F(UnixSocketTest, CarriesBytesBothWaysAndEnds) {
  const Address address = address_of("s");
  Result<Socket> listening = listen_on(address, {});
  ASSERT_TRUE(listening);
  EXPECT_EQ(local_address(listening->fd()), address);
  Accepted accepted;
  Listener listener(net_.loop, *std::move(listening), accepted, net_.metrics);
  ASSERT_TRUE(listener.start());
  Result<Socket> connecting = start_connect(address);
  ASSERT_TRUE(connecting);
  set_dead_peer_timeout(connecting->fd(), std::chrono::seconds(10));
  TestPeer& peer = net_.peers.emplace_back(*std::move(connecting));
  ASSERT_TRUE(net_.run_until([&] { return accepted.sockets.size() == 1; }));
  EXPECT_TRUE(accepted.peers[0].is_valid());
  EXPECT_TRUE(accepted.peers[0].is_unix());
  EXPECT_EQ(accepted.peers[0].ip(), "");
  EXPECT_EQ(accepted.peers[0].port(), 0);
  EXPECT_EQ(accepted.peers[0].to_string(), "unix:");

  class Echo final : public ConnectionHandler {
   public:
    std::unique_ptr<Connection> connection;
    bool ended = false;
    size_t on_data(std::string_view bytes) override {
      connection->write(bytes);
      return bytes.size();
    }
    void on_end() override {
      ended = true;
      connection->shutdown_write();
    }
    void on_closed(const Error&) override {}
  };
  Echo echo;
  echo.connection =
      std::make_unique<Connection>(net_.loop, std::move(accepted.sockets[0]),
                                   net_.metrics.downstream_sockets, Source::kDownstream);
  ASSERT_TRUE(echo.connection->start(echo));
  const std::string bytes(3'000'000, 'x');
  peer.send(bytes);
  peer.finish();
  ASSERT_TRUE(net_.run_until([&] { return peer.ended; }));
  EXPECT_EQ(peer.received, bytes);
  EXPECT_TRUE(echo.ended);
  EXPECT_EQ(echo.connection->bytes_acknowledged(), bytes.size());
}

TEST_F(UnixSocketTest, HasThePermissionsThatWereAskedFor) {
  const mode_t before = umask(027);
  for (const mode_t mode : {0666u, 0600u, 0660u, 0777u}) {
    const std::string name = "m" + std::to_string(mode);
    const Result<Socket> listening = listen_on(address_of(name), {.unix_mode = mode});
    EXPECT_TRUE(listening);
    EXPECT_EQ(mode_of(path_of(name)), mode);
  }
  EXPECT_EQ(umask(before), 027u) << "the process keeps its mask";
}

TEST_F(UnixSocketTest, ReplacesTheSocketOfADeadProcess) {
  const Address address = address_of("s");
  ASSERT_TRUE(listen_on(address, {}));  // closed at once; its file stays
  ASSERT_TRUE(std::filesystem::is_socket(path_of("s")));
  const Result<Socket> listening = listen_on(address, {});
  ASSERT_TRUE(listening);
  EXPECT_TRUE(start_connect(address));
}

TEST_F(UnixSocketTest, LeavesTheSocketOfALivingProcessAlone) {
  const Address address = address_of("s");
  const Result<Socket> first = listen_on(address, {.backlog = 1});
  ASSERT_TRUE(first);
  // Also while its queue is full.
  std::vector<Socket> clients;
  for (int i = 0; i < 4; ++i) {
    const Result<Socket> second = listen_on(address, {});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Code::kSystem);
    EXPECT_EQ(second.error().sys_errno, EADDRINUSE);
    if (Result<Socket> client = start_connect(address)) clients.push_back(*std::move(client));
  }
  EXPECT_TRUE(std::filesystem::is_socket(path_of("s")));
}

TEST_F(UnixSocketTest, NeverRemovesAFileOfAnotherKind) {
  std::ofstream(path_of("file")) << "precious";
  std::filesystem::create_directory(path_of("folder"));
  std::filesystem::create_symlink(path_of("nowhere"), path_of("link"));
  for (const char* name : {"file", "folder", "link"}) {
    const Result<Socket> listening = listen_on(address_of(name), {});
    ASSERT_FALSE(listening) << name;
    EXPECT_EQ(listening.error().sys_errno, EEXIST);
    EXPECT_TRUE(std::filesystem::exists(std::filesystem::symlink_status(path_of(name))));
  }
  // Nor a socket of another type, whoever has it.
  const Address datagrams = address_of("datagrams");
  const Socket bound(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(bound.fd(), datagrams.get(), datagrams.length()), 0);
  const Result<Socket> listening = listen_on(datagrams, {});
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().sys_errno, EADDRINUSE);
}

TEST_F(UnixSocketTest, ReportsAFolderThatIsNotThere) {
  const Result<Socket> listening = listen_on(*Address::unix_path(folder_ + "/none/s"), {});
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().sys_errno, ENOENT);
}

TEST_F(UnixSocketTest, ListensOnAbstractNamesWithoutAFile) {
  const Address address = *Address::unix_path("@" + folder_);
  Result<Socket> listening = listen_on(address, {});
  ASSERT_TRUE(listening);
  EXPECT_EQ(local_address(listening->fd()).to_string(), "unix:@" + folder_);
  EXPECT_TRUE(start_connect(address));
  const Result<Socket> second = listen_on(address, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().sys_errno, EADDRINUSE);
  SocketFile file(address);
  file.remove();
  EXPECT_TRUE(start_connect(address));
}

TEST_F(UnixSocketTest, TakesRelativePaths) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_);
  const Address address = *Address::unix_path("s");
  const Result<Socket> listening = listen_on(address, {});
  EXPECT_TRUE(listening);
  EXPECT_TRUE(start_connect(address));
  SocketFile(address).remove();
  EXPECT_FALSE(std::filesystem::exists("s"));
  std::filesystem::current_path(before);
}

TEST_F(UnixSocketTest, ReportsAFullQueueToWhoeverConnects) {
  const Address address = address_of("s");
  const Result<Socket> listening = listen_on(address, {.backlog = 1});
  ASSERT_TRUE(listening);
  std::vector<Socket> clients;
  Result<Socket> client = start_connect(address);
  while (client && clients.size() < 100) {
    clients.push_back(*std::move(client));
    client = start_connect(address);
  }
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, Code::kConnectFailed);
  EXPECT_EQ(client.error().sys_errno, EAGAIN);
}

TEST_F(UnixSocketTest, RemovesItsFileUnlessItIsKeptOrSomebodyElses) {
  const Address address = address_of("s");
  Result<Socket> listening = listen_on(address, {});
  ASSERT_TRUE(listening);
  {
    SocketFile kept(address);
    kept.keep();
  }
  EXPECT_TRUE(std::filesystem::exists(path_of("s")));
  SocketFile moved;
  {
    SocketFile file(address);
    moved = std::move(file);
  }
  EXPECT_TRUE(std::filesystem::exists(path_of("s")));
  moved.remove();
  EXPECT_FALSE(std::filesystem::exists(path_of("s")));
  moved.remove();

  listening = listen_on(address, {});
  ASSERT_TRUE(listening);
  {
    SocketFile ours(address);
    std::filesystem::rename(path_of("s"), path_of("aside"));
    std::ofstream(path_of("s")) << "somebody else's";
  }
  EXPECT_TRUE(std::filesystem::exists(path_of("s")));
}

}  // namespace
}  // namespace httpteleport::net
