#include "teleport/v2/level_control.h"

#include <gtest/gtest.h>

namespace httpteleport::teleport::v2 {
namespace {

using namespace std::chrono_literals;

class LevelControlTest : public testing::Test {
 protected:
  LevelControlTest() { EXPECT_EQ(control_.update(now_, cpu_), std::nullopt); }
  // A second in which the thread worked for so long.
  std::optional<int> second(Duration worked, bool blocked) {
    now_ += 1s;
    cpu_ += worked;
    if (blocked) control_.note_blocked();
    return control_.update(now_, cpu_);
  }

  LevelControl control_;
  TimePoint now_{1h};
  Duration cpu_{};
};

TEST_F(LevelControlTest, StaysWhereItIsWhileNothingIsShort) {
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(second(300ms, false), std::nullopt);
  EXPECT_EQ(control_.level(), 1);
}

TEST_F(LevelControlTest, GoesUpWhileTheConnectionIsFullAndBackAfterwards) {
  EXPECT_EQ(second(300ms, true), 3);
  EXPECT_EQ(second(400ms, true), 6);
  EXPECT_EQ(second(500ms, true), std::nullopt) << "there is no higher one";
  EXPECT_EQ(second(700ms, true), std::nullopt) << "neither idle nor saturated";
  EXPECT_EQ(second(300ms, false), 3);
  EXPECT_EQ(second(300ms, false), 1);
  EXPECT_EQ(second(300ms, false), std::nullopt);
}

TEST_F(LevelControlTest, GoesDownWhileTheThreadHasNoTime) {
  EXPECT_EQ(second(950ms, true), -1);
  EXPECT_EQ(second(990ms, false), std::nullopt) << "there is no lower one";
  EXPECT_EQ(second(500ms, false), 1);
}

TEST_F(LevelControlTest, LooksOnceInAnInterval) {
  now_ += 500ms;
  control_.note_blocked();
  EXPECT_FALSE(control_.is_due(now_));
  EXPECT_EQ(control_.update(now_, cpu_), std::nullopt);
  now_ += 500ms;
  EXPECT_TRUE(control_.is_due(now_));
  EXPECT_EQ(control_.update(now_, cpu_), 3) << "it was blocked in between";
}

}  // namespace
}  // namespace httpteleport::teleport::v2
