#include "live/make_plan.h"

#include <gtest/gtest.h>

namespace httpteleport::live {
namespace {

std::string problem_with(const service::ServiceConfig& config) {
  const auto checked = check_plan({}, config);
  std::shared_ptr<ServicePlan> plan;
  const auto made =
      make_plan({}, std::make_shared<const service::ServiceConfig>(config), nullptr, {}, plan);
  EXPECT_EQ(checked ? checked->text : "", made ? made->text : "");
  EXPECT_EQ(made ? made->service : config.name, config.name);
  return made ? made->text : "";
}

TEST(MakePlan, RefusesPagesThatCannotBeFetched) {
  service::ServiceConfig config;
  config.name = "web";
  for (const char* page : {"http://[::1", "https://:80/", "text:"}) {
    config.error_pages = {{page, {502}}};
    EXPECT_EQ(problem_with(config).find("error_pages=\"" + std::string(page) + "\": "), 0u) << page;
  }
  config.error_pages = {{"text:sorry", {502}}, {"http://127.0.0.1:1/page", {503}}};
  EXPECT_EQ(problem_with(config), "");
}

// Whoever tells the problem has its service's name beside the text.
TEST(MakePlan, DoesNotNameTheServiceInTheText) {
  service::ServiceConfig config;
  config.name = "web";
  config.backends.emplace_back();
  config.backends.back().name = "a";
  config.backends.back().address = "nowhere";
  EXPECT_EQ(problem_with(config).find("backends.a.address=\"nowhere\": "), 0u);
}

TEST(MakePlan, KeepsBodiesOfAllPathsPlainOnlyWhereAServiceSaysSo) {
  for (const bool plain : {false, true}) {
    service::ServiceConfig config;
    config.name = "web";
    config.link_plain_bodies = plain;
    std::shared_ptr<ServicePlan> plan;
    ASSERT_FALSE(
        make_plan({}, std::make_shared<const service::ServiceConfig>(config), nullptr, {}, plan));
    EXPECT_EQ(plan->exchanges.plain_body_paths, std::vector<std::string>(plain ? 1 : 0));
  }
}

}  // namespace
}  // namespace httpteleport::live
