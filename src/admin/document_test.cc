// docs/admin-api.md names what is served, and nothing else.
#include <regex>
#include <set>

#include "admin/test_service_api.h"
#include "support/paths.h"
#include "support/temporary_folder.h"

namespace httpteleport::admin {
namespace {

using Names = std::set<std::string>;

std::string document() {
  return test::read_file(test::source_dir() + "/docs/admin-api.md");
}

// What the first group of `pattern` finds.
Names found(const std::string& text, const char* pattern) {
  Names names;
  const std::regex regex(pattern);
  for (auto it = std::sregex_iterator(text.begin(), text.end(), regex);
       it != std::sregex_iterator(); ++it)
    names.insert((*it)[1]);
  return names;
}

// As the document writes it. HEAD is described in words, POST where it is no PUT.
Names described_routes() {
  Names names;
  for (const RouteInfo& route : ServiceApi::routes()) {
    std::string path(route.path);
    path = std::regex_replace(path, std::regex("\\{service\\}"), "S");
    path = std::regex_replace(path, std::regex("\\{backend\\}"), "B");
    path = std::regex_replace(path, std::regex("\\{version\\}"), "VERSION");
    for (const std::string_view method : pieces_of(route.methods, ", ")) {
      const bool is_implied =
          method == "HEAD" || (method == "POST" && has_method(route.methods, "PUT"));
      if (!is_implied) names.insert(std::string(method) + " " + path);
    }
  }
  return names;
}

TEST(AdminApiDocument, NamesEveryRoute) {
  const std::string text = document();
  const std::string table = text.substr(0, text.find("## Changes"));
  EXPECT_EQ(found(table, "`((GET|PUT|POST|DELETE) /[^`]*)`"), described_routes());
}

TEST_F(ServiceApiTest, HasTheMetricsThatItsDocumentNames) {
  put_web();
  const std::string text = document();
  EXPECT_EQ(found(get("/_metrics").body, "# TYPE (shuttle_[a-z_]+) "),
            found(text.substr(text.find("## Metrics")), "`(shuttle_[a-z_]+)"));
}

}  // namespace
}  // namespace httpteleport::admin
