#include "tools/wechat_sim/wecom/id_book.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/hash.h"

namespace datong::wechat_sim::wecom {

View CorpView(const std::string& corpid) { return absl::StrCat("corp|", corpid); }
View ProviderView(const std::string& provider, const std::string& corpid) {
  return absl::StrCat("provider|", provider, "|", corpid);
}
View ProviderWideView(const std::string& provider) { return absl::StrCat("wide|", provider); }
View ChainView(const std::string& upstream, const std::string& downstream) {
  return absl::StrCat("chain|", upstream, "|", downstream);
}

std::string Derive(const std::string& prefix, const std::string& key, size_t length) {
  static const Secret& secret = *new Secret("the simulated WeCom");
  std::string text = absl::WebSafeBase64Escape(crypto::HmacSha256(secret, prefix + "|" + key));
  text.insert(0, prefix);
  text.resize(length, 'A');
  return text;
}

std::string OpenCorpid(const std::string& provider, const std::string& corpid) {
  return Derive("wp", absl::StrCat("corp|", provider, "|", corpid));
}

std::string OpenUserid(const std::string& provider, const std::string& corpid,
                       const std::string& userid) {
  return Derive("wo", absl::StrCat("member|", provider, "|", corpid, "|", userid));
}

std::string ChatId(const View& view, const std::string& corpid, const std::string& chat) {
  return Derive("wr", absl::StrCat("chat|", view, "|", corpid, "|", chat));
}

std::string IdBook::External(const View& view, const std::string& person, bool is_wechat) {
  std::string id = Derive(is_wechat ? "wm" : "wo", absl::StrCat("person|", view, "|", person));
  external_.emplace(id, Known{view, person});
  return id;
}

std::string IdBook::PersonOf(const View& view, const std::string& external_userid) const {
  const auto it = external_.find(external_userid);
  return it == external_.end() || it->second.view != view ? "" : it->second.person;
}

}  // namespace datong::wechat_sim::wecom
