#include "upstream/teleport_stream_table.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "net/test_net.h"
#include "upstream/teleport_link.h"
#include "upstream/test_upstream.h"

namespace httpteleport::upstream {
namespace {

// Streams to put into a table; nothing is ever sent on them.
class StreamTable : public testing::Test {
 protected:
  TeleportStream& make_stream() {
    streams_.push_back(std::make_unique<TeleportStream>(link_, handler_, net_.loop.pool()));
    return *streams_.back();
  }

  net::TestNet net_;
  std::vector<net::Address> addresses_{net::loopback(1)};
  TeleportOptions options_{};
  PeerVersion peer_version_;
  TeleportLink link_{{net_.loop, net_.metrics, addresses_}, options_, peer_version_};
  RecordingHandler handler_;
  std::vector<std::unique_ptr<TeleportStream>> streams_;
  TeleportStreamTable table_;
};

TEST_F(StreamTable, CountsIdsUpFromOne) {
  for (uint32_t id = 1; id <= 500; ++id) {
    TeleportStream& stream = make_stream();
    EXPECT_EQ(table_.add(stream), id);
    EXPECT_EQ(table_.find(id), &stream);
    EXPECT_EQ(table_.size(), id);
  }
  EXPECT_EQ(table_.find(0), nullptr);
  EXPECT_EQ(table_.find(501), nullptr);
}

TEST_F(StreamTable, DoesNotGiveARemovedIdAgainAtOnce) {
  for (uint32_t id = 1; id <= 1000; ++id) {
    EXPECT_EQ(table_.add(make_stream()), id);
    table_.remove(id);
    EXPECT_EQ(table_.find(id), nullptr);
  }
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(StreamTable, WrapsFromTheLastIdPastZero) {
  table_.set_next_id_for_test(0xfffffffe);
  EXPECT_EQ(table_.add(make_stream()), 0xfffffffe);
  EXPECT_EQ(table_.add(make_stream()), 0xffffffff);
  EXPECT_EQ(table_.add(make_stream()), 1u);
  EXPECT_EQ(table_.add(make_stream()), 2u);
  EXPECT_EQ(table_.find(0), nullptr);
}

TEST_F(StreamTable, SkipsIdsThatArePending) {
  TeleportStream& first = make_stream();
  TeleportStream& third = make_stream();
  table_.add(first);  // 1
  table_.remove(table_.add(make_stream()));
  table_.add(third);  // 3
  table_.set_next_id_for_test(1);
  EXPECT_EQ(table_.add(make_stream()), 2u);
  EXPECT_EQ(table_.add(make_stream()), 4u);
  EXPECT_EQ(table_.find(1), &first);
  EXPECT_EQ(table_.find(3), &third);
}

TEST_F(StreamTable, BehavesAsAMapWhileItGrowsAndShrinksAcrossTheWrap) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 2000; ++i)
    make_stream();
  std::vector<TeleportStream*> free;
  for (const auto& stream : streams_)
    free.push_back(stream.get());
  std::map<uint32_t, TeleportStream*> model;
  std::vector<uint32_t> removed;
  table_.set_next_id_for_test(0xffffffff - 3000);

  for (int step = 0; step < 20'000; ++step) {
    // Grows in the first half, shrinks in the second.
    const bool add = random() % 8 < (step < 10'000 ? 5u : 3u);
    if (add && !free.empty()) {
      TeleportStream* stream = free.back();
      free.pop_back();
      const uint32_t id = table_.add(*stream);
      ASSERT_NE(id, 0u);
      ASSERT_TRUE(model.emplace(id, stream).second) << "id " << id << " was pending";
    } else if (!model.empty()) {
      auto victim = model.lower_bound(static_cast<uint32_t>(random()));
      if (victim == model.end()) victim = model.begin();
      table_.remove(victim->first);
      free.push_back(victim->second);
      removed.push_back(victim->first);
      model.erase(victim);
    }
    ASSERT_EQ(table_.size(), model.size());
    if (step % 500 != 0) continue;
    for (const auto& [id, stream] : model)
      ASSERT_EQ(table_.find(id), stream) << id;
    for (const uint32_t id : removed)
      ASSERT_EQ(table_.find(id), model.contains(id) ? model[id] : nullptr) << id;
    std::set<TeleportStream*> visited;
    table_.for_each([&](TeleportStream& stream) { visited.insert(&stream); });
    ASSERT_EQ(visited.size(), model.size());
  }
}

}  // namespace
}  // namespace httpteleport::upstream
