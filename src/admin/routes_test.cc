#include "admin/routes.h"

#include <gtest/gtest.h>

namespace httpteleport::admin {
namespace {

using Names = std::vector<std::string>;

// {"?"}: no match.
Names names_of(std::string_view path, const Names& segments) {
  Names names;
  if (!matches(path, segments, names)) return {"?"};
  return names;
}

TEST(Routes, MatchWholePaths) {
  EXPECT_EQ(names_of("/", {}), Names{});
  EXPECT_EQ(names_of("/_config", {"_config"}), Names{});
  EXPECT_EQ(names_of("/_config", {"_config", ""}), Names{"?"});
  EXPECT_EQ(names_of("/_config", {}), Names{"?"});
  EXPECT_EQ(names_of("/{a}/_state", {"x", "_state"}), Names{"x"});
  EXPECT_EQ(names_of("/{a}/{b}", {"x", "y"}), (Names{"x", "y"}));
  EXPECT_EQ(names_of("/{a}/{b}", {"x", "y", "z"}), Names{"?"});
}

TEST(Routes, GiveNoEmptyNames) {
  EXPECT_EQ(names_of("/{a}", {""}), Names{"?"});
  EXPECT_EQ(names_of("/{a}/{b}", {"x", ""}), Names{"?"});
}

TEST(Routes, HaveMethodsByTheirWholeNames) {
  EXPECT_TRUE(has_method("PUT, POST", "PUT"));
  EXPECT_TRUE(has_method("PUT, POST", "POST"));
  EXPECT_FALSE(has_method("PUT, POST", "OST"));
  EXPECT_FALSE(has_method("PUT, POST", "PUT, POST"));
  EXPECT_FALSE(has_method("PUT, POST", "put"));
  EXPECT_FALSE(has_method("PUT, POST", ""));
}

}  // namespace
}  // namespace httpteleport::admin
