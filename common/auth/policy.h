#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace datong::auth {

// The one permission that is granted by path, too: `path` of a request that needs it.
inline constexpr absl::string_view kApiCall = "api.call";

// What an RPC is about. Empty parts: it names none, which only the pattern "*" lets through.
struct Resource {
  absl::string_view project;   // the id alone
  absl::string_view app;       // the appid
  absl::string_view api_path;  // of the platform's API, for kApiCall
};

// Some callers may do something with some resources. Each text is a pattern in which '*' stands for
// any characters.
struct Grant {
  std::vector<std::string> callers;
  std::vector<std::string> permissions;
  std::vector<std::string> projects;
  std::vector<std::string> apps = {"*"};
  std::vector<std::string> app_kinds;  // none: of any kind
  std::vector<std::string> api_paths;  // none: no path of "api.call"
};

// Who may do what; what nothing grants is denied. Immutable.
//
//   [[grants]]
//   callers = ["key:shop", "spiffe://cluster.local/ns/shop/sa/*"]
//   permissions = ["tokens.read", "api.call"]
//   projects = ["shop"]
//   app_kinds = ["mini_program"]
//   api_paths = ["/wxa/*"]
class Policy {
 public:
  Policy() = default;
  explicit Policy(std::vector<Grant> grants) : grants_(std::move(grants)) {}
  // Errors: INVALID_ARGUMENT/POLICY_INVALID: no TOML, unknown keys, or a grant that grants nothing.
  static absl::StatusOr<Policy> Parse(absl::string_view toml);

  // `kind_of_app` is asked at most once, and only when a grant depends on it.
  bool Allows(absl::string_view caller, absl::string_view permission, const Resource& resource,
              absl::FunctionRef<std::string()> kind_of_app) const;
  // Whether any grant is for apps of some kinds only.
  bool depends_on_kinds() const;

 private:
  std::vector<Grant> grants_;
};

// Whether `text` fits `pattern`, in which '*' stands for any characters.
bool FitsPattern(absl::string_view text, absl::string_view pattern);

}  // namespace datong::auth
