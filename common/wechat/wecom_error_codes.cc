#include "common/wechat/wecom_error_codes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status/error.h"

namespace datong::wechat {
namespace {

constexpr char kRetry[] = "WeCom is busy; the call is repeated by itself";
constexpr char kRefresh[] = "the token is refreshed and the call repeated once";
constexpr char kTicket[] = "wait for the next suite_ticket; check the instruction callback URL";
constexpr char kSecret[] = "correct the corpid or the secret";
constexpr char kSuite[] = "correct the suite_id or the suite_secret";
constexpr char kGone[] = "the corp took the authorisation back; it must install the suite again";
constexpr char kBug[] = "report this: the request was built wrongly";
constexpr char kLogin[] = "let the user log in again";
constexpr char kWait[] = "wait: the block lasts a minute, an hour, a day or a month";
constexpr char kRange[] = "widen the app's visible range in WeCom's console";
constexpr char kIpList[] = "add the address of this installation to the trusted addresses";

using C = ErrorClass;

const std::vector<ErrorCode>& Table() {
  static const auto& table = *new std::vector<ErrorCode>{
      {-1, C::kTransient, "system busy", kRetry},
      {0, C::kOk, "ok", ""},
      {40001, C::kConfiguration, "invalid credential", kSecret},
      {40003, C::kBadRequest, "invalid userid", "the member is not known to the corp"},
      {40013, C::kConfiguration, "invalid corpid", kSecret},
      {40014, C::kTokenInvalid, "invalid access_token", kRefresh},
      {40029, C::kLoginAgain, "invalid code", kLogin},
      {40056, C::kConfiguration, "invalid agentid", "correct the agentid"},
      {40058, C::kBadRequest, "parameter out of contract", kBug},
      {40063, C::kBadRequest, "parameter is empty", kBug},
      {40068, C::kBadRequest, "invalid tagid", "the tag is not known to the corp"},
      {40073, C::kBadRequest, "invalid openid", "the openid belongs to another scope"},
      {40077, C::kLoginAgain, "invalid pre_auth_code", "begin the installation again"},
      {40078, C::kLoginAgain, "invalid auth_code", "begin the installation again"},
      {40080, C::kConfiguration, "invalid suite_secret", kSuite},
      {40082, C::kTokenInvalid, "invalid suite_access_token", kRefresh},
      {40083, C::kConfiguration, "invalid suite_id", kSuite},
      {40084, C::kRevoked, "invalid permanent_code", kGone},
      {40085, C::kTicketInvalid, "invalid suite_ticket", kTicket},
      {40091, C::kConfiguration, "secret is of another corp", kSecret},
      {40096, C::kBadRequest, "invalid external_userid", "the id is of another view or malformed"},
      {41001, C::kBadRequest, "access_token missing", kBug},
      {41002, C::kBadRequest, "corpid missing", kBug},
      {41004, C::kBadRequest, "corpsecret missing", kBug},
      {41021, C::kBadRequest, "suite_id missing", kBug},
      {41022, C::kBadRequest, "suite_access_token missing", kBug},
      {41023, C::kBadRequest, "suite_ticket missing", kBug},
      {41024, C::kBadRequest, "suite_secret missing", kBug},
      {41025, C::kBadRequest, "permanent_code missing", kBug},
      {41051, C::kInformation, "contact already started chatting", "a welcome code works once"},
      {42001, C::kTokenInvalid, "access_token expired", kRefresh},
      {42007, C::kLoginAgain, "pre_auth_code expired", "begin the installation again"},
      {42009, C::kTokenInvalid, "suite_access_token expired", kRefresh},
      {43004, C::kInformation, "no binding with WeChat", "the member has not bound WeChat"},
      {45009, C::kRateLimited, "api freq out of limit", kWait},
      {45033, C::kRateLimited, "api concurrent out of limit", kWait},
      {47001, C::kBadRequest, "data format error", kBug},
      {48002, C::kPermission, "api forbidden", "grant the app this permission in WeCom's console"},
      {48003, C::kPermission, "token of another suite", "use the app of that suite"},
      {48004, C::kRevoked, "invalid auth relation", kGone},
      {50001, C::kConfiguration, "redirect domain not trusted",
       "add the domain in WeCom's console"},
      {50002, C::kPermission, "member out of range", kRange},
      {50003, C::kPermission, "app is disabled", "the corp must enable the app"},
      {60011, C::kPermission, "no privilege", kRange},
      {60020, C::kConfiguration, "ip not allowed", kIpList},
      {60111, C::kBadRequest, "userid not found", "the member is not known to the corp"},
      {84014, C::kLoginAgain, "user_ticket expired", kLogin},
      {84015, C::kLoginAgain, "invalid user_ticket", kLogin},
      {84061, C::kInformation, "not external contact", "no member in range follows the contact"},
      {84074, C::kPermission, "no external contact permission",
       "give the app the customer-contact permission in WeCom's console"},
      {84090, C::kBadRequest, "user_ticket missing", kBug},
      {301002, C::kPermission, "app not operable by this token", "use the app's own credentials"},
      {2000002, C::kConfiguration, "corpid does not exist", kSecret},
  };
  return table;
}

}  // namespace

ErrorCode ExplainWecomErrorCode(int64_t code) {
  const std::vector<ErrorCode>& table = Table();
  const auto it =
      std::lower_bound(table.begin(), table.end(), code,
                       [](const ErrorCode& entry, int64_t wanted) { return entry.code < wanted; });
  if (it != table.end() && it->code == code) return *it;
  return {code, C::kUnknown, "unknown errcode", "look it up in WeCom's error query tool"};
}

absl::Status WecomErrorCodeStatus(int64_t code, absl::string_view errmsg, absl::string_view app) {
  const ErrorCode entry = ExplainWecomErrorCode(code);
  if (entry.error_class == C::kOk) return absl::OkStatus();
  std::map<std::string, std::string> metadata = {{"errcode", absl::StrCat(code)},
                                                 {"errmsg", std::string(errmsg)},
                                                 {"hint", std::string(entry.hint)},
                                                 {"platform", "wecom"}};
  if (!app.empty()) metadata["app"] = std::string(app);
  return MakeError(
      StatusCodeOf(entry.error_class),
      absl::StrCat("WeCom answered ", code, " (", errmsg, "); ", entry.hint, "."),
      {"wecom.datong",
       absl::StrCat("WECOM_", absl::AsciiStrToUpper(ErrorClassName(entry.error_class))),
       std::move(metadata)});
}

ErrorClass ErrorClassOfStatus(const absl::Status& status) {
  const std::optional<ErrorInfo> info = GetErrorInfo(status);
  if (!info.has_value()) return ErrorClass::kOk;
  const auto errcode = info->metadata.find("errcode");
  int64_t code = 0;
  if (errcode == info->metadata.end() || !absl::SimpleAtoi(errcode->second, &code)) {
    return ErrorClass::kOk;
  }
  const auto platform = info->metadata.find("platform");
  const bool is_wecom = platform != info->metadata.end() && platform->second == "wecom";
  return (is_wecom ? ExplainWecomErrorCode(code) : ExplainErrorCode(code)).error_class;
}

}  // namespace datong::wechat
