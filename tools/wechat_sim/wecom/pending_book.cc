#include "tools/wechat_sim/wecom/pending_book.h"

#include "absl/strings/str_cat.h"
#include "tools/wechat_sim/wecom/id_book.h"

namespace datong::wechat_sim::wecom {
namespace {

constexpr int64_t kLifetime = 90 * 86400;

}  // namespace

std::string PendingBook::Issue(const std::string& asker, const std::string& corpid,
                               const std::string& person, bool replace, int64_t now) {
  Pending& pending = pendings_[{asker, corpid, person}];
  if (pending.id.empty() || now >= pending.expires || replace) {
    pending.id = Derive("p", absl::StrCat(asker, "|", corpid, "|", person, "|", now));
  }
  pending.expires = now + kLifetime;
  return pending.id;
}

std::string PendingBook::Find(const std::string& asker, const std::string& corpid,
                              const std::string& person, int64_t now) const {
  const auto it = pendings_.find({asker, corpid, person});
  return it == pendings_.end() || now >= it->second.expires ? "" : it->second.id;
}

}  // namespace datong::wechat_sim::wecom
