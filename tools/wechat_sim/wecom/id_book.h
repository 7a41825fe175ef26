#pragma once

#include <map>
#include <string>

namespace datong::wechat_sim::wecom {

// Whose eyes an id is seen with; ids of different views cannot be told from one another's.
using View = std::string;
View CorpView(const std::string& corpid);
View ProviderView(const std::string& provider, const std::string& corpid);
// One value per provider: chat_ids, and external_userids before the upgrade of 2022.
View ProviderWideView(const std::string& provider);
// Upstream corps see contacts of a downstream corp by a value of their own.
View ChainView(const std::string& upstream, const std::string& downstream);

// A random-looking text that is always the same for the same key: keyed, so that no client could
// make it.
std::string Derive(const std::string& prefix, const std::string& key, size_t length = 32);

// Case-sensitive.
std::string OpenCorpid(const std::string& provider, const std::string& corpid);
std::string OpenUserid(const std::string& provider, const std::string& corpid,
                       const std::string& userid);
std::string ChatId(const View& view, const std::string& corpid, const std::string& chat);

// The external_userids that were ever given out, with whom they stand for. Not thread-safe.
class IdBook {
 public:
  // "wm…" of a WeChat user, "wo…" of a WeCom user.
  std::string External(const View& view, const std::string& person, bool is_wechat);
  // The person, or "" for an id that is unknown or of another view.
  std::string PersonOf(const View& view, const std::string& external_userid) const;

 private:
  struct Known {
    View view;
    std::string person;
  };
  std::map<std::string, Known> external_;
};

}  // namespace datong::wechat_sim::wecom
