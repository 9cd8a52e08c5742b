// 10,000 services with three backends each; fewer under sanitizers, which are many times slower.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>

#include <optional>

#include "service/json.h"
#include "service/registry.h"
#include "service/test_registry.h"
#include "support/temporary_folder.h"

namespace httpteleport::service {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kServices = 1'000;
#else
constexpr int kServices = 10'000;
#endif
constexpr int kChanges = 50;

std::string many_services() {
  std::string json = R"({"services": [)";
  for (int i = 0; i < kServices; ++i) {
    const std::string number = std::to_string(i);
    const std::string host = "127.0." + std::to_string(i / 200) + "." + std::to_string(i % 200 + 1);
    json += i == 0 ? "" : ",";
    json += R"({"name": "service-)" + number + R"(", "address": ")" + host + R"(:8000",)" +
            R"("virtual_hosts": ["s)" + number + R"(.example.com"], "backends": [)";
    for (int b = 0; b < 3; ++b) {
      json += b == 0 ? "" : ",";
      json += R"({"name": "backend-)" + std::to_string(b) + R"(", "address": "10.1.2.)" +
              std::to_string(b) + R"(:9000", "check_address": "10.1.2.)" + std::to_string(b) +
              R"(:9000"})";
    }
    json += "]}";
  }
  return json + "]}";
}

// Of this thread.
double cpu_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

TEST(ManyServices, AreLoadedChangedAndSaved) {
  const test::TemporaryFolder folder;
  TestLoop loop;
  FakeRuntime runtime;
  std::optional<StateFile> state(std::in_place, folder.file("state"), loop.post());
  std::optional<Registry> registry(std::in_place, runtime, &*state, Registry::Options{});
  const std::string json = many_services();

  double before = cpu_ms();
  const StartConfig start = check_config_text(json, {});
  ASSERT_THAT(start.problems, testing::IsEmpty());
  ASSERT_TRUE(registry->start(start).ok());
  RecordProperty("load_ms", static_cast<int>(cpu_ms() - before));
  EXPECT_EQ(registry->config().services.size(), kServices);

  before = cpu_ms();
  int answered = 0;
  for (int i = 0; i < kChanges; ++i) {
    registry->put_service("service-" + std::to_string(i * 97), R"({"fall": 3})", {},
                          [&](const Outcome& outcome) { answered += outcome.ok() ? 1 : 0; });
  }
  RecordProperty("change_us", static_cast<int>((cpu_ms() - before) * 1e3 / kChanges));
  EXPECT_TRUE(loop.run_until([&] { return answered == kChanges; }));

  before = cpu_ms();
  const std::string text = registry->document().text();
  RecordProperty("document_us", static_cast<int>((cpu_ms() - before) * 1e3));
  RecordProperty("document_bytes", static_cast<int>(text.size()));
  EXPECT_TRUE(text == json_document(registry->config()));

  // Who reads it meanwhile may find the old file and the new, empty journal.
  registry.reset();
  state.reset();
  const StartConfig saved = read_start_config({folder.file("state"), {}, {}});
  EXPECT_EQ(saved.version, 1 + kChanges);
  EXPECT_TRUE(json_document(saved.config) == text);
  EXPECT_EQ(saved.config.services.at("service-97")->fall, 3);
}

}  // namespace
}  // namespace httpteleport::service
