#include "base/buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace httpteleport {
namespace {

std::string text_of(size_t bytes, char first = 'a') {
  std::string text(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i)
    text[i] = static_cast<char>(first + static_cast<char>(i % 23));
  return text;
}

size_t runs_of(const BufferChain& chain) {
  size_t runs = 0;
  chain.for_each_run([&runs](std::string_view run) {
    EXPECT_FALSE(run.empty());
    ++runs;
    return true;
  });
  return runs;
}

void write_to(BufferChain& chain, std::string_view text, size_t room) {
  const std::span<char> span = chain.prepare(room);
  ASSERT_GE(span.size(), room);
  std::memcpy(span.data(), text.data(), text.size());
  chain.commit(text.size());
}

TEST(BufferChain, GivesBytesBackInOrder) {
  BlockPool pool;
  BufferChain chain(pool);
  EXPECT_TRUE(chain.empty());
  EXPECT_EQ(chain.front(), "");
  chain.append("");
  EXPECT_EQ(pool.bytes_in_use(), 0u);
  chain.append("hello ");
  chain.append("world");
  EXPECT_EQ(chain.size(), 11u);
  EXPECT_EQ(chain.front(), "hello world");
  chain.consume(0);
  chain.consume(6);
  EXPECT_EQ(chain.to_string(), "world");
  chain.consume(5);
  EXPECT_TRUE(chain.empty());
  EXPECT_EQ(pool.bytes_in_use(), 0u);
}

TEST(BufferChain, HoldsMoreThanOneBlockOf) {
  BlockPool pool;
  BufferChain chain(pool);
  const std::string text = text_of(5 * BlockPool::kLargeBytes + 3);
  chain.append(text);
  EXPECT_EQ(chain.to_string(), text);
  EXPECT_GT(runs_of(chain), 1u);
  std::string read;
  while (!chain.empty()) {
    const std::string_view front = chain.front();
    read += front.substr(0, 1000);
    chain.consume(std::min<size_t>(1000, front.size()));
  }
  EXPECT_EQ(read, text);
  EXPECT_EQ(pool.bytes_in_use(), 0u);
}

TEST(BufferChain, StopsVisitingWhenToldTo) {
  BlockPool pool;
  BufferChain chain(pool);
  chain.append(text_of(3 * BlockPool::kLargeBytes));
  int visits = 0;
  chain.for_each_run([&visits](std::string_view) { return ++visits < 2; });
  EXPECT_EQ(visits, 2);
}

TEST(BufferChain, CountsOnlyWhatIsCommitted) {
  BlockPool pool;
  BufferChain chain(pool);
  EXPECT_GE(chain.prepare(100).size(), 100u);
  EXPECT_TRUE(chain.empty());
  EXPECT_EQ(chain.front(), "");
  chain.commit(0);
  EXPECT_TRUE(chain.empty());
  write_to(chain, "abc", 100);
  // Room that is not there in one piece is made, and what was left unused stays out of sight.
  write_to(chain, "def", BlockPool::kSmallBytes);
  write_to(chain, "", BlockPool::kLargeBytes);
  write_to(chain, "ghi", 3 * BlockPool::kLargeBytes);
  chain.append("jkl");
  EXPECT_EQ(chain.to_string(), "abcdefghijkl");
  EXPECT_EQ(chain.size(), 12u);
  chain.consume(7);
  EXPECT_EQ(chain.front(), "hijkl");
  chain.consume(5);
  EXPECT_EQ(pool.bytes_in_use(), 0u);
}

TEST(BufferChain, MovesOntoAnotherWithoutCopying) {
  BlockPool pool;
  BufferChain chain(pool);
  BufferChain other(pool);
  chain.append(text_of(2000));
  other.append(text_of(5000, 'A'));
  const char* bytes = other.front().data();
  chain.append(std::move(other));
  EXPECT_TRUE(other.empty());  // NOLINT(bugprone-use-after-move): it is documented to be empty
  EXPECT_EQ(chain.to_string(), text_of(2000) + text_of(5000, 'A'));
  chain.consume(2000);
  EXPECT_EQ(chain.front().data(), bytes);
  // The source may be used again.
  other.append("again");
  EXPECT_EQ(other.to_string(), "again");
  EXPECT_EQ(chain.to_string(), text_of(5000, 'A'));
}

TEST(BufferChain, CopiesAShortChainIntoRoomThatIsThere) {
  BlockPool pool;
  BufferChain chain(pool);
  BufferChain other(pool);
  chain.append("head ");
  other.append("body");
  const size_t before = pool.bytes_in_use();
  chain.append(std::move(other));
  EXPECT_EQ(chain.front(), "head body");
  EXPECT_LT(pool.bytes_in_use(), before);
  EXPECT_TRUE(other.empty());  // NOLINT(bugprone-use-after-move)
}

TEST(BufferChain, MovesOntoAnEmptyOneAndFromAnEmptyOne) {
  BlockPool pool;
  BufferChain chain(pool);
  BufferChain other(pool);
  chain.append(std::move(other));
  EXPECT_TRUE(chain.empty());
  other.append("x");  // NOLINT(bugprone-use-after-move)
  chain.append(std::move(other));
  EXPECT_EQ(chain.to_string(), "x");
  other.prepare(10);
  chain.append(std::move(other));
  EXPECT_EQ(chain.to_string(), "x");
  other.clear();
  chain.clear();
  EXPECT_EQ(pool.bytes_in_use(), 0u);
}

TEST(BufferChain, IsMovedByConstructionAndAssignment) {
  BlockPool pool;
  BufferChain chain(pool);
  chain.append("abc");
  BufferChain moved(std::move(chain));
  EXPECT_EQ(moved.to_string(), "abc");
  EXPECT_TRUE(chain.empty());  // NOLINT(bugprone-use-after-move)
  BufferChain assigned(pool);
  assigned.append("old");
  assigned = std::move(moved);
  EXPECT_EQ(assigned.to_string(), "abc");
  EXPECT_TRUE(moved.empty());  // NOLINT(bugprone-use-after-move)
  BufferChain& self = assigned;
  assigned = std::move(self);
  EXPECT_EQ(assigned.to_string(), "abc");
  chain.append("new");
  EXPECT_EQ(chain.to_string(), "new");
}

TEST(BlockPool, GivesBlocksOfTwoSizesAndLargerOnesToMeasure) {
  BlockPool pool;
  struct {
    size_t bytes;
    size_t capacity;
  } const kCases[] = {
      {0, BlockPool::kSmallBytes},
      {1, BlockPool::kSmallBytes},
      {BlockPool::kSmallBytes, BlockPool::kSmallBytes},
      {BlockPool::kSmallBytes + 1, BlockPool::kLargeBytes},
      {BlockPool::kLargeBytes, BlockPool::kLargeBytes},
      {BlockPool::kLargeBytes + 1, BlockPool::kLargeBytes + 1},
      {1'000'000, 1'000'000},
  };
  for (const auto& c : kCases) {
    Block* block = pool.take(c.bytes);
    EXPECT_EQ(block->capacity, c.capacity);
    EXPECT_EQ(block->size(), 0u);
    EXPECT_EQ(block->next, nullptr);
    EXPECT_EQ(pool.bytes_in_use(), sizeof(Block) + c.capacity);
    std::memset(block->data(), 'x', block->capacity);
    block->end = 7;
    pool.give_back(block);
    EXPECT_EQ(pool.bytes_in_use(), 0u);
  }
}

TEST(BlockPool, ReusesBlocksEmpty) {
  BlockPool pool;
  Block* first = pool.take(1);
  first->begin = 3;
  first->end = 9;
  pool.give_back(first);
  Block* again = pool.take(1);
  EXPECT_EQ(again, first);
  EXPECT_EQ(again->size(), 0u);
  EXPECT_EQ(again->begin, 0u);
  pool.give_back(again);
}

TEST(BlockPool, KeepsABoundedNumberOfFreeBlocks) {
  BlockPool pool;
  std::vector<Block*> blocks;
  for (size_t i = 0; i < 3 * BlockPool::kFreeSmallBlocksMax; ++i)
    blocks.push_back(pool.take(1));
  for (Block* block : blocks)
    pool.give_back(block);
  EXPECT_EQ(pool.bytes_in_use(), 0u);
}

// Three chains of one pool against three strings.
class Model {
 public:
  explicit Model(uint32_t seed) : random_(seed) {
    for (int i = 0; i < 3; ++i)
      chains_.emplace_back(pool_);
  }

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      const size_t at = random_() % chains_.size();
      const size_t from = (at + 1 + random_() % 2) % chains_.size();
      step(at, from);
      EXPECT_EQ(chains_[at].size(), texts_[at].size());
      EXPECT_EQ(chains_[from].size(), texts_[from].size());
      EXPECT_EQ(chains_[at].empty(), texts_[at].empty());
      EXPECT_EQ(chains_[at].to_string(), texts_[at]);
      EXPECT_TRUE(texts_[at].starts_with(chains_[at].front()));
      EXPECT_EQ(chains_[at].front().empty(), texts_[at].empty());
      if (texts_[at].size() > 200'000) clear(at);
    }
    for (size_t at = 0; at < chains_.size(); ++at) {
      EXPECT_EQ(chains_[at].to_string(), texts_[at]);
      clear(at);
    }
    EXPECT_EQ(pool_.bytes_in_use(), 0u);
  }

 private:
  // Mostly small, sometimes over the size of a large block.
  size_t random_size() {
    const size_t bits = random_() % 16;
    return random_() % ((size_t{1} << bits) + 1);
  }
  void clear(size_t at) {
    chains_[at].clear();
    texts_[at].clear();
  }

  void step(size_t at, size_t from) {
    BufferChain& chain = chains_[at];
    std::string& text = texts_[at];
    switch (random_() % 9) {
      case 0:
      case 1:
      case 2: {
        const std::string more = text_of(random_size(), static_cast<char>('a' + at));
        chain.append(more);
        text += more;
        break;
      }
      case 3: {
        const size_t room = random_size();
        const std::string more = text_of(random_() % (room + 1), 'A');
        write_to(chain, more, room);
        text += more;
        break;
      }
      case 4:
      case 5: {
        const size_t bytes = std::min(random_size(), text.size());
        chain.consume(bytes);
        text.erase(0, bytes);
        break;
      }
      case 6:
        chain.append(std::move(chains_[from]));
        text += std::exchange(texts_[from], "");
        break;
      case 7:
        chain = std::move(chains_[from]);
        text = std::exchange(texts_[from], "");
        break;
      default:
        if (random_() % 8 == 0) clear(at);
        break;
    }
  }

  std::mt19937 random_;
  BlockPool pool_;
  std::vector<BufferChain> chains_;
  std::string texts_[3];
};

TEST(BufferChainModel, AgreesWithAStringWhateverIsDone) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Model(seed).run(1000);
    if (testing::Test::HasFailure()) break;
  }
}

TEST(BufferDeathTest, DiesWhenMoreIsTakenOrWrittenThanThereIs) {
  BlockPool pool;
  BufferChain chain(pool);
  chain.append("abc");
  EXPECT_DEATH(chain.consume(4), "assertion failed");
  EXPECT_DEATH(chain.commit(BlockPool::kLargeBytes), "assertion failed");
  BufferChain empty(pool);
  EXPECT_DEATH(empty.commit(0), "assertion failed");
}

}  // namespace
}  // namespace httpteleport
