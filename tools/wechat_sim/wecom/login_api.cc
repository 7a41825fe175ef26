#include "absl/strings/str_cat.h"
#include "common/crypto/hash.h"
#include "tools/wechat_sim/wecom/customers.h"
#include "tools/wechat_sim/wecom/logins.h"

// Logins of staff (and visits of customers) inside WeCom: web pages and mini programs.
namespace datong::wechat_sim::wecom {
namespace {

constexpr int64_t kCodeLifetime = 300;
constexpr int64_t kTicketLifetime = 1800;
constexpr int64_t kThirdPartyTicketLifetime = 7200;

// Takes the code of a login with that audience; an errcode when it is no good.
int64_t TakeCode(Call& call, const std::string& value, bool is_web, const std::string& audience,
                 LoginCode* taken) {
  const auto it = call.estate.login_codes.find(value);
  if (it == call.estate.login_codes.end()) return 40029;
  LoginCode& code = it->second;
  if (code.is_used || call.now() >= code.expires || code.is_web != is_web ||
      code.audience != audience) {
    return 40029;
  }
  code.is_used = true;
  *taken = code;
  return 0;
}

std::string MakeUserTicket(Call& call, const std::string& audience, const LoginCode& code,
                           int64_t lifetime) {
  const std::string ticket = RandomText(64);
  call.estate.user_tickets[ticket] = {audience, code.corpid, code.userid, call.now() + lifetime};
  return ticket;
}

const std::string& TrustedDomain(const Call& call) {
  return call.agent != nullptr ? call.agent->trusted_domain : call.suite->spec.trusted_domain;
}

// Who a visitor is that is no member of the corp.
json VisitorJson(Call& call, const LoginCode& code) {
  const std::string person =
      code.person.empty() ? absl::StrCat("staff|", code.corpid, "|", code.userid) : code.person;
  json answer = ApiOk();
  answer["openid"] = Derive("o", absl::StrCat("visitor|", call.corp->spec.corpid, "|", person), 28);
  if (IsContact(call.estate, *call.corp, person, call.scope(), call.now())) {
    answer["external_userid"] = call.SeenExternal(person);
  }
  return answer;
}

bool IsMember(const Corp& corp, const LoginCode& code) {
  return code.corpid == corp.spec.corpid && corp.members.count(code.userid) == 1;
}

json UserInfo(Call& call) {
  LoginCode code;
  const int64_t error = TakeCode(call, call.Query("code"), true, call.corp->spec.corpid, &code);
  if (error != 0) {
    // Valid codes alone cost nothing.
    const bool is_free = call.estate.frequency.Take(call.corp->spec.corpid, "getuserinfo bad code",
                                                    {{Period::kMinute, 10'000}}, call.now());
    return call.Refuse(is_free ? error : 45009);
  }
  const std::string& domain = TrustedDomain(call);
  if (!domain.empty() && code.domain != domain) return call.Refuse(50001);
  if (!IsMember(*call.corp, code)) return VisitorJson(call, code);
  json answer = ApiOk();
  answer["userid"] = call.SeenUserid(code.userid);
  if (code.is_private && Holds(call.scope(), code.userid)) {
    answer["user_ticket"] = MakeUserTicket(call, call.corp->spec.corpid, code, kTicketLifetime);
  }
  return answer;
}

// The old form of the same, with capitals.
json OldUserInfo(Call& call) {
  const json answer = UserInfo(call);
  if (answer["errcode"] != 0) return answer;
  json old = ApiOk();
  if (answer.contains("userid")) {
    old["UserId"] = answer["userid"];
    old["DeviceId"] = "";
  } else {
    old["OpenId"] = answer["openid"];
    if (answer.contains("external_userid")) old["external_userid"] = answer["external_userid"];
  }
  if (answer.contains("user_ticket")) old["user_ticket"] = answer["user_ticket"];
  return old;
}

json UserDetail(Call& call) {
  const std::string value = call.Body("user_ticket");
  if (value.empty()) return call.Refuse(84090);
  const auto it = call.estate.user_tickets.find(value);
  if (it == call.estate.user_tickets.end() || it->second.audience != call.corp->spec.corpid) {
    return call.Refuse(84015);
  }
  if (call.now() >= it->second.expires) return call.Refuse(84014);
  const auto member = call.corp->members.find(it->second.userid);
  if (member == call.corp->members.end() || !Holds(call.scope(), member->first)) {
    return call.Refuse(50002);
  }
  json answer = ApiOk();
  answer.update({{"userid", call.SeenUserid(member->first)},
                 {"gender", member->second.gender},
                 {"avatar", member->second.avatar},
                 {"qr_code", "https://open.work.weixin.qq.com/wwopen/userQRCode?vcode=vc0"},
                 {"mobile", member->second.mobile},
                 {"email", member->second.email},
                 {"biz_mail", member->second.biz_mail},
                 {"address", member->second.address}});
  return answer;
}

// How the provider of the suite sees the member; old ids where the corp's installation has them.
json ProvidersView(Call& call, const LoginCode& code) {
  const std::string& provider = call.suite->spec.provider;
  const std::string open_userid = OpenUserid(provider, code.corpid, code.userid);
  const Install* install = call.estate.installs.Find(call.suite->spec.suite_id, code.corpid);
  const bool has_old = install != nullptr && install->is_standing && !install->has_new_ids;
  return {{"corpid", has_old ? code.corpid : OpenCorpid(provider, code.corpid)},
          {"userid", has_old ? code.userid : open_userid},
          {"open_userid", open_userid}};
}

json ThirdPartyUserInfo(Call& call) {
  if (call.suite->spec.is_agency()) return call.Refuse(48002);
  LoginCode code;
  const int64_t error = TakeCode(call, call.Query("code"), true, call.suite->spec.suite_id, &code);
  if (error != 0) return call.Refuse(error);
  const std::string& domain = call.suite->spec.trusted_domain;
  if (!domain.empty() && code.domain != domain) return call.Refuse(50001);
  json answer = ApiOk();
  if (!code.person.empty()) {
    answer["openid"] =
        Derive("o", absl::StrCat("visitor|", call.suite->spec.provider, "|", code.person), 28);
    return answer;
  }
  answer.update(ProvidersView(call, code));
  if (code.is_private) {
    answer["user_ticket"] =
        MakeUserTicket(call, call.suite->spec.suite_id, code, kThirdPartyTicketLifetime);
    answer["expires_in"] = kThirdPartyTicketLifetime;
  }
  return answer;
}

json MiniProgramSession(Call& call) {
  if (call.Query("grant_type") != "authorization_code") return call.Refuse(40058);
  const bool by_suite = call.corp == nullptr;
  LoginCode code;
  const int64_t error =
      TakeCode(call, call.Query("js_code"), false,
               by_suite ? call.suite->spec.suite_id : call.corp->spec.corpid, &code);
  if (error != 0) return call.Refuse(error);
  json answer = ApiOk();
  answer["session_key"] = crypto::Base64Encode(crypto::RandomBytes(16));
  if (by_suite) {
    answer.update(ProvidersView(call, code));
  } else if (IsMember(*call.corp, code)) {
    answer["corpid"] = call.SeenCorpid();
    answer["userid"] = call.SeenUserid(code.userid);
  } else {
    // A member of a corp that has not installed the mini program.
    answer["corpid"] = code.corpid;
    answer["userid"] = Derive("wm", absl::StrCat("session|", code.corpid, "|", code.userid));
    call.estate.foreign_sessions[{answer["userid"], answer["session_key"]}] = {code.corpid,
                                                                               code.userid};
  }
  return answer;
}

// The plain pair, to the member's own corp.
json TransferSession(Call& call) {
  const auto it =
      call.estate.foreign_sessions.find({call.Body("userid"), call.Body("session_key")});
  if (it == call.estate.foreign_sessions.end()) return call.Refuse(40058);
  if (it->second.first != call.corp->spec.corpid) return call.Refuse(60011);
  json answer = ApiOk();
  answer["userid"] = call.SeenUserid(it->second.second);
  answer["session_key"] = crypto::Base64Encode(crypto::RandomBytes(16));
  return answer;
}

}  // namespace

std::string MintLoginCode(Estate& estate, LoginCode code, int64_t now) {
  const std::string value = RandomText(43);
  code.expires = now + kCodeLifetime;
  estate.login_codes[value] = std::move(code);
  return value;
}

std::string AudienceOf(Estate& estate, const std::string& appid) {
  if (estate.FindSuite(appid) != nullptr) return appid;
  if (const Corp* corp = estate.FindCorp(appid); corp != nullptr) return corp->spec.corpid;
  for (const auto& [key, install] : estate.installs.installs()) {
    if (install.is_standing && estate.SeenCorpid(install) == appid) return install.corpid;
  }
  return "";
}

void AddLoginApi(ApiTable& table) {
  const Endpoint own = {.auth = Auth::kApp, .developers = kSelfBuilt | kAgency};
  const auto of = [&own](json (*handle)(Call&), bool is_counted = true) {
    Endpoint endpoint = own;
    endpoint.handle = handle;
    endpoint.is_counted = is_counted;
    return endpoint;
  };
  Get(table, "/cgi-bin/auth/getuserinfo", of(UserInfo, false));
  Get(table, "/cgi-bin/user/getuserinfo", of(OldUserInfo));
  Post(table, "/cgi-bin/auth/getuserdetail", of(UserDetail));
  Get(table, "/cgi-bin/miniprogram/jscode2session", of(MiniProgramSession));
  Post(table, "/cgi-bin/miniprogram/transfer_session", of(TransferSession));
  Get(table, "/cgi-bin/service/auth/getuserinfo3rd", {Auth::kSuite, ThirdPartyUserInfo});
  Get(table, "/cgi-bin/service/miniprogram/jscode2session", {Auth::kSuite, MiniProgramSession});
}

}  // namespace datong::wechat_sim::wecom
