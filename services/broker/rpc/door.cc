#include "services/broker/rpc/door.h"

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "common/log/log.h"
#include "datong/broker/v1/project.pb.h"
#include "services/broker/rpc/convert.h"

namespace datong::broker {
namespace {

constexpr absl::Duration kLookupTime = absl::Seconds(2);
// Names come unchecked from whoever was refused.
constexpr size_t kLongestName = 128;

}  // namespace

std::string Door::KindOfApp(absl::string_view project, absl::string_view app) const {
  const absl::StatusOr<App> found = apps_.GetApp(std::string(app), Deadline::After(kLookupTime));
  if (!found.ok() || found->project != project) return "";
  std::string kind = absl::AsciiStrToLower(v1::AppKind_Name(static_cast<v1::AppKind>(found->kind)));
  return std::string(absl::StripPrefix(kind, "app_kind_"));
}

void Door::Record(const rpc::Denial& denial) {
  Access access = AccessBy(denial.call);
  access.caller = access.caller.substr(0, kLongestName);
  access.project = denial.project.substr(0, kLongestName);
  access.appid = denial.app.substr(0, kLongestName);
  access.action = denial.permission;
  access.allowed = false;
  access.reason = denial.reason;
  if (!audit_.Count(access))
    LogWarn("a refused call is in no audit", {{"caller", denial.call.caller.name}});
}

}  // namespace datong::broker
