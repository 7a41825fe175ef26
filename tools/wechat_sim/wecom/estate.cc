#include "tools/wechat_sim/wecom/estate.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"

namespace datong::wechat_sim::wecom {

Corp* Estate::FindCorp(const std::string& corpid) {
  const auto it = corps.find(absl::AsciiStrToLower(corpid));
  return it == corps.end() ? nullptr : &it->second;
}

Suite* Estate::FindSuite(const std::string& suite_id) {
  const auto it = suites.find(suite_id);
  return it == suites.end() ? nullptr : &it->second;
}

void Estate::Remember(const Corp& corp, const std::string& person) {
  const bool is_wechat = IsWechatUser(corp, person);
  ids.External(CorpView(corp.spec.corpid), person, is_wechat);
  for (const auto& [key, install] : installs.installs()) {
    if (install.corpid != corp.spec.corpid) continue;
    const std::string& provider = ProviderOf(install);
    ids.External(ProviderView(provider, corp.spec.corpid), person, is_wechat);
    ids.External(ProviderWideView(provider), person, is_wechat);
  }
}

void Estate::PutContact(Corp& corp, ContactSpec contact, int64_t now) {
  for (FollowSpec& follow : contact.follows) {
    if (follow.createtime == 0) follow.createtime = now;
  }
  const std::string person = contact.person;
  corp.contacts[person] = std::move(contact);
  Remember(corp, person);
}

void Estate::PutGroup(Corp& corp, GroupSpec group, int64_t now) {
  if (group.create_time == 0) group.create_time = now;
  for (GroupMemberSpec& member : group.members) {
    if (member.join_time == 0) member.join_time = group.create_time;
    if (!member.person.empty()) Remember(corp, member.person);
  }
  const std::string chat = group.chat;
  corp.groups[chat].spec = std::move(group);
}

Install& Estate::PutInstall(const Suite& suite, const Corp& corp, std::vector<std::string> scope,
                            int64_t now) {
  Install& install = installs.PutInstall(suite.spec.suite_id, corp.spec.corpid, now);
  install.scope = std::move(scope);
  if (install.new_chats_from == 0 && suite.has_new_chats) install.new_chats_from = now;
  if (install.admin_userid.empty() && !corp.members.empty()) {
    install.admin_userid = corp.members.begin()->first;
  }
  for (const auto& [person, contact] : corp.contacts) Remember(corp, person);
  for (const auto& [chat, group] : corp.groups) {
    for (const GroupMemberSpec& member : group.spec.members) {
      if (!member.person.empty()) Remember(corp, member.person);
    }
  }
  return install;
}

const std::string& Estate::ProviderOf(const Install& install) const {
  return suites.at(install.suite_id).spec.provider;
}

std::string Estate::SeenCorpid(const Install& install) const {
  return install.has_new_ids ? OpenCorpid(ProviderOf(install), install.corpid) : install.corpid;
}

std::string Estate::SeenUserid(const Install& install, const std::string& userid) const {
  return install.has_new_ids ? OpenUserid(ProviderOf(install), install.corpid, userid) : userid;
}

View Estate::ExternalView(const Install& install) const {
  const SuiteSpec& suite = suites.at(install.suite_id).spec;
  if (install.has_new_external) return ProviderView(suite.provider, install.corpid);
  return suite.is_agency() ? CorpView(install.corpid) : ProviderWideView(suite.provider);
}

View Estate::ChatView(const Install& install, int64_t now) const {
  const SuiteSpec& suite = suites.at(install.suite_id).spec;
  const bool is_old =
      suite.is_agency() && (install.new_chats_from == 0 || now < install.new_chats_from);
  return is_old ? CorpView(install.corpid) : ProviderWideView(suite.provider);
}

std::string MemberVersion(const Group& group) {
  return BytesToHex(crypto::Sha256(absl::StrCat(group.spec.chat, "|", group.version)))
      .substr(0, 32);
}

bool IsWechatUser(const Corp& corp, const std::string& person) {
  const auto it = corp.contacts.find(person);
  return it == corp.contacts.end() || it->second.type == 1;
}

bool Holds(const std::vector<std::string>& scope, const std::string& userid) {
  return scope.empty() || std::find(scope.begin(), scope.end(), userid) != scope.end();
}

bool IsVisible(const FollowSpec& follow, int64_t now, int64_t delay) {
  return now >= follow.visible_from && (follow.until == 0 || now < follow.until + delay);
}

}  // namespace datong::wechat_sim::wecom
