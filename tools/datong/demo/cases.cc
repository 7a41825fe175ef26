#include "tools/datong/demo/cases.h"

#include "absl/strings/str_cat.h"
#include "tools/datong/demo/estate.h"

namespace datong::demo {
namespace {

std::string Unionid(const char* value) {
  return absl::StrCat("unionid:", kOpenPlatform, ":", value);
}
std::string Account(const char* value) {
  return absl::StrCat("openid:", kAccountAppid, ":", value);
}
std::string Shop(const char* value) { return absl::StrCat("openid:", kShopAppid, ":", value); }
std::string Club(const char* value) { return absl::StrCat("openid:", kClubAppid, ":", value); }
std::string Unbound(const char* value) {
  return absl::StrCat("openid:", kUnboundAppid, ":", value);
}
std::string Login(const char* value) { return absl::StrCat("login:main:", value); }
std::string ShopDevice(const char* value) {
  return absl::StrCat("device:", kShopAppid, ":", value);
}

}  // namespace

const std::vector<Case>& ConstructedCases() {
  static const auto& cases = *new std::vector<Case>{
      {"kiosk",
       "a device that several people use is nobody's",
       {{3, "mp.code2session", {Shop("oCaseKioskAnna1"), Unionid("uCaseKioskAnna1")}},
        {3, "mp.code2session", {Shop("oCaseKioskBert1"), Unionid("uCaseKioskBert1")}},
        {4, "sdk", {ShopDevice("case-kiosk-device"), Shop("oCaseKioskAnna1")}},
        {5, "sdk", {ShopDevice("case-kiosk-device"), Shop("oCaseKioskBert1")}}},
       {{Shop("oCaseKioskAnna1"), Unionid("uCaseKioskAnna1")},
        {Shop("oCaseKioskBert1"), Unionid("uCaseKioskBert1")},
        {ShopDevice("case-kiosk-device")}},
       {{{ShopDevice("case-kiosk-device"), Shop("oCaseKioskAnna1")}, "shared_device"},
        {{ShopDevice("case-kiosk-device"), Shop("oCaseKioskBert1")}, "shared_device"}}},
      {"false claim",
       "a page may claim any openid: it joins nothing to a proven person by force",
       {{6, "mp.code2session", {Shop("oCaseVictim0001"), Unionid("uCaseVictim0001")}},
        {6, "sdk", {ShopDevice("case-honest-device"), Shop("oCaseHonest0001")}},
        {7, "sdk", {ShopDevice("case-honest-device"), Shop("oCaseVictim0001")}}},
       {{Shop("oCaseVictim0001"), Unionid("uCaseVictim0001")},
        {Shop("oCaseHonest0001")},
        {ShopDevice("case-honest-device")}},
       {{{ShopDevice("case-honest-device"), Shop("oCaseHonest0001")}, "shared_device"},
        {{ShopDevice("case-honest-device"), Shop("oCaseVictim0001")}, "shared_device"}}},
      {"snapshot account",
       "a snapshot page's virtual ids are nobody; the real ones count later",
       {{8, "oauth.userinfo", {Account("oCaseVirtual001"), Unionid("uCaseVirtual001")}, true},
        {8, "oauth.userinfo", {Account("oCaseReal000001"), Unionid("uCaseReal000001")}}},
       {{Account("oCaseReal000001"), Unionid("uCaseReal000001")}},
       {{{Account("oCaseVirtual001")}, "snapshot_user"},
        {{Unionid("uCaseVirtual001")}, "snapshot_user"}}},
      {"two logins",
       "one login a person: the earlier one stays",
       {{10, "tenant.login", {Login("case-first"), Shop("oCaseTwoLogins1")}},
        {11, "tenant.login", {Login("case-second"), Shop("oCaseTwoLogins1")}}},
       {{Login("case-first"), Shop("oCaseTwoLogins1")}, {Login("case-second")}},
       {{{Login("case-second"), Shop("oCaseTwoLogins1")}, "login_conflict"}}},
      {"unbound app",
       "an app outside the Open Platform account yields another unionid: kept apart",
       {{12, "mp.code2session", {Shop("oCaseBound00001"), Unionid("uCaseBound00001")}},
        {12, "mp.code2session", {Unbound("oCaseUnbound001")}}},
       {{Shop("oCaseBound00001"), Unionid("uCaseBound00001")}, {Unbound("oCaseUnbound001")}},
       {}},
      {"late evidence",
       "proof that comes weeks later joins what was apart, with all its past events",
       {{14, "oa.user_info", {Account("oCaseLate000001"), Unionid("uCaseLate000001")}},
        {15, "sdk", {ShopDevice("case-late-device"), Shop("oCaseLate000001")}},
        {60, "mp.code2session", {Shop("oCaseLate000001"), Unionid("uCaseLate000001")}}},
       {{Account("oCaseLate000001"), Unionid("uCaseLate000001"), Shop("oCaseLate000001"),
         ShopDevice("case-late-device")}},
       {}},
      {"two unionids",
       "one openid cannot be two people: the earlier proof wins, the later is shown",
       {{20, "mp.code2session", {Club("oCaseClash00001"), Unionid("uCaseClash00001")}},
        {21, "mp.code2session", {Club("oCaseClash00001"), Unionid("uCaseClash00002")}}},
       {{Club("oCaseClash00001"), Unionid("uCaseClash00001")}, {Unionid("uCaseClash00002")}},
       {{{Club("oCaseClash00001"), Unionid("uCaseClash00002")}, "unionid_conflict"}}},
  };
  return cases;
}

}  // namespace datong::demo
