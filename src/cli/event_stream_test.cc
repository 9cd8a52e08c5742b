#include "cli/event_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace httpteleport::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// "ID TYPE DATA" of each event of `pieces`.
std::vector<std::string> read(EventStream& stream, const std::vector<std::string>& pieces) {
  std::vector<std::string> events;
  for (const std::string& piece : pieces) {
    stream.feed(piece, [&events](const EventStream::Event& event) {
      events.push_back(event.id + " " + event.type + " " + event.data);
    });
  }
  return events;
}

TEST(EventStream, ReadsTheSameWhereverItIsCut) {
  const std::string text =
      ": comment\nid: 1\nevent: up\ndata: a\n\nid:2\r\ndata: b\r\ndata: c\r\n\r\ndata:d\r\r";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    EventStream stream;
    EXPECT_THAT(read(stream, {text.substr(0, cut), text.substr(cut)}),
                ElementsAre("1 up a", "2 message b\nc", "2 message d"))
        << cut;
    EXPECT_EQ(stream.last_id(), "2");
  }
}

TEST(EventStream, WithoutDataThereIsNoEventButItsIdCounts) {
  EventStream stream;
  EXPECT_THAT(read(stream, {"id: 7\nevent: x\n\n", "data\n\n"}), ElementsAre("7 message "));
}

TEST(EventStream, HalfAnEventIsForgottenWithItsConnection) {
  EventStream stream;
  EXPECT_THAT(read(stream, {"id: 1\ndata: a\n\nid: 2\ndata: b\nda"}), ElementsAre("1 message a"));
  stream.restart();
  EXPECT_EQ(stream.last_id(), "1");
  EXPECT_THAT(read(stream, {"data: c\n\n"}), ElementsAre("1 message c"));
}

TEST(EventStream, LeavesAnEventOutThatIsTooLong) {
  EventStream stream;
  const std::string half(EventStream::kEventBytesMax / 2 + 1, 'x');
  EXPECT_THAT(read(stream, {"data: ", half, half, "\n\n"}), IsEmpty());
  EXPECT_THAT(read(stream, {"data: " + half + "\ndata: " + half + "\n\n"}), IsEmpty());
  EXPECT_THAT(read(stream, {"data: a\n\n"}), ElementsAre(" message a"));
}

}  // namespace
}  // namespace httpteleport::cli
