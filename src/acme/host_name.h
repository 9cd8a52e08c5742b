// Which server names a certificate may be asked for.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace httpteleport::acme {

// The name as certificates bear it: lower case, without the dot at its end. Empty value: not a host
// name of the public DNS. Accepted: two or more labels of letters, digits and inner hyphens, 63
// bytes each, 253 together, the last one not a number. So no addresses, wildcards, underscores.
std::optional<std::string> canonical_host_name(std::string_view name);

// The operator's rule, an RE2 expression. Immutable; any thread.
class HostPattern {
 public:
  // Null: `expression` is not one; `error` says why.
  static std::unique_ptr<const HostPattern> compile(const std::string& expression,
                                                    std::string& error);
  ~HostPattern();

  // Whether it matches anywhere in `name`, which is canonical.
  bool admits(const std::string& name) const;
  // Whether it lets through a name that nobody has thought of.
  bool admits_anything() const;

 private:
  explicit HostPattern(std::unique_ptr<re2::RE2> expression);

  std::unique_ptr<re2::RE2> expression_;
};

}  // namespace httpteleport::acme
