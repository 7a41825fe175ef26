#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/wechat/error_codes.h"
#include "services/broker/core/login_platform.h"
#include "services/broker/core/person_peer.h"

namespace datong::broker {

// Answers what it is told to; each call named in `errcodes` fails with that code.
class FakeLoginPlatform : public LoginPlatform {
 public:
  std::map<std::string, int> errcodes;
  std::map<std::string, int> calls;
  WebAnswer web;
  WebProfileAnswer profile;
  PhoneAnswer phone;
  std::string paid_unionid = "unionid-paid";
  std::map<std::string, FollowerInfo> followers;
  std::vector<ChangedOpenid> changed;
  std::vector<std::string> changed_from;  // the names that were tried
  WebLoginPage page;
  std::string signature;

  FakeLoginPlatform() {
    web.access_token = Secret("user-token-1");
    web.refresh_token = Secret("user-refresh-1");
    web.lifetime = absl::Seconds(7200);
    web.openid = "openid-web";
    web.scope = "snsapi_base";
  }

  std::string WebLoginUrl(const WebLoginPage& asked) override {
    page = asked;
    return absl::StrCat("https://open.example/", asked.scope, "?state=", asked.state);
  }
  absl::StatusOr<WebAnswer> ExchangeWebCode(const WebCaller&, const std::string&,
                                            Deadline) override {
    if (absl::Status status = Begin("ExchangeWebCode"); !status.ok()) return status;
    return web;
  }
  absl::StatusOr<WebAnswer> RefreshWebToken(const WebCaller&, const Secret& token,
                                            Deadline) override {
    if (absl::Status status = Begin("RefreshWebToken"); !status.ok()) return status;
    WebAnswer fresh = web;
    fresh.access_token = Secret("user-token-2");
    fresh.refresh_token = token;
    return fresh;
  }
  absl::StatusOr<WebProfileAnswer> GetWebProfile(const Secret& token, const std::string&,
                                                 const std::string&, Deadline) override {
    user_token = token.Expose();
    if (absl::Status status = Begin("GetWebProfile"); !status.ok()) return status;
    return profile;
  }
  absl::Status CheckWebToken(const Secret&, const std::string&, Deadline) override {
    return Begin("CheckWebToken");
  }
  absl::Status CheckSession(const Secret&, const std::string&, const std::string& signed_with,
                            Deadline) override {
    signature = signed_with;
    return Begin("CheckSession");
  }
  absl::StatusOr<Secret> ResetSessionKey(const Secret&, const std::string&, const std::string&,
                                         Deadline) override {
    if (absl::Status status = Begin("ResetSessionKey"); !status.ok()) return status;
    return Secret("bmV3LXNlc3Npb24ta2V5IQ==");
  }
  absl::StatusOr<PhoneAnswer> GetPhoneNumber(const Secret&, const std::string&, const std::string&,
                                             Deadline) override {
    if (absl::Status status = Begin("GetPhoneNumber"); !status.ok()) return status;
    return phone;
  }
  absl::StatusOr<std::string> GetPaidUnionid(const Secret&, const std::string&, const Payment&,
                                             Deadline) override {
    if (absl::Status status = Begin("GetPaidUnionid"); !status.ok()) return status;
    return paid_unionid;
  }
  absl::StatusOr<FollowerInfo> GetFollower(const Secret&, const std::string& openid,
                                           Deadline) override {
    if (absl::Status status = Begin("GetFollower"); !status.ok()) return status;
    const auto found = followers.find(openid);
    if (found == followers.end()) return wechat::ErrorCodeStatus(40003, "invalid openid");
    return found->second;
  }
  absl::StatusOr<std::vector<FollowerInfo>> GetFollowers(const Secret&,
                                                         const std::vector<std::string>& openids,
                                                         Deadline) override {
    if (absl::Status status = Begin("GetFollowers"); !status.ok()) return status;
    std::vector<FollowerInfo> infos;
    for (const std::string& openid : openids) {
      const auto found = followers.find(openid);
      if (found == followers.end()) return wechat::ErrorCodeStatus(40003, "invalid openid");
      infos.push_back(found->second);
    }
    return infos;
  }
  absl::StatusOr<std::vector<ChangedOpenid>> ChangeOpenids(const Secret&, const std::string& from,
                                                           const std::vector<std::string>&,
                                                           Deadline) override {
    changed_from.push_back(from);
    if (absl::Status status = Begin("ChangeOpenids:" + from); !status.ok()) return status;
    return changed;
  }

  std::string user_token;  // with which a profile was asked last

 private:
  absl::Status Begin(const std::string& function) {
    ++calls[function];
    const auto found = errcodes.find(function);
    if (found == errcodes.end()) return absl::OkStatus();
    return wechat::ErrorCodeStatus(found->second, "no");
  }
};

class FakePersonPeer : public PersonPeer {
 public:
  absl::Status status;
  std::vector<OpenidMove> moves;
  std::string moved_from;
  std::map<std::string, GraphChanges> pages;  // by cursor

  absl::StatusOr<std::vector<std::string>> FindPersons(const std::string& project,
                                                       const std::vector<std::string>& identifiers,
                                                       Deadline) override {
    if (!status.ok()) return status;
    std::vector<std::string> persons;
    for (const std::string& identifier : identifiers) {
      persons.push_back(absl::StrCat("projects/", project, "/persons/of-",
                                     identifier.substr(identifier.rfind(':') + 1)));
    }
    return persons;
  }
  absl::Status MigrateOpenids(const std::string&, const std::string& old_appid, const std::string&,
                              const std::vector<OpenidMove>& some, absl::Time, Deadline) override {
    if (!status.ok()) return status;
    moved_from = old_appid;
    moves.insert(moves.end(), some.begin(), some.end());
    return absl::OkStatus();
  }
  absl::StatusOr<GraphChanges> ReadChanges(const std::string&, const std::string& cursor,
                                           Deadline) override {
    if (!status.ok()) return status;
    const auto found = pages.find(cursor);
    if (found == pages.end()) return GraphChanges{{}, cursor, true};
    return found->second;
  }
};

}  // namespace datong::broker
