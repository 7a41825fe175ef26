#include "common/wechat/error_codes.h"

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/error.h"

namespace datong::wechat {
namespace {

constexpr char kRetry[] = "WeChat is busy; the call is repeated by itself";
constexpr char kRefresh[] = "the token is refreshed and the call repeated once";
constexpr char kTicket[] = "wait for the next component_verify_ticket; check the event URL";
constexpr char kMidnight[] = "wait for 00:00 Asia/Shanghai, or clear the quota";
constexpr char kIpList[] = "add the address of this installation to the IP allow-list";
constexpr char kSecret[] = "correct the app secret";
constexpr char kBug[] = "report this: the request was built wrongly";
constexpr char kLogin[] = "let the user log in again";

using C = ErrorClass;

const std::vector<ErrorCode>& Table() {
  static const auto& table = *new std::vector<ErrorCode>{
      {-10094011, C::kRateLimited, "rate limit", "wait a minute"},
      {-1, C::kTransient, "system error", kRetry},
      {0, C::kOk, "ok", ""},
      {40001, C::kTokenInvalid, "invalid credential, access_token is invalid or not latest",
       kRefresh},
      {40002, C::kBadRequest, "invalid grant_type", kBug},
      {40003, C::kLoginAgain, "invalid openid", "the openid belongs to another app"},
      {40013, C::kConfiguration, "invalid appid", "correct the appid"},
      {40014, C::kTokenInvalid, "invalid access_token", kRefresh},
      {40029, C::kLoginAgain, "invalid code", kLogin},
      {40030, C::kLoginAgain, "invalid refresh_token", kLogin},
      {40031, C::kBadRequest, "invalid openid list", kBug},
      {40032, C::kBadRequest, "invalid openid list size", kBug},
      {40033, C::kBadRequest, "invalid charset", kBug},
      {40035, C::kBadRequest, "invalid parameter", kBug},
      {40066, C::kBadRequest, "invalid url", kBug},
      {40091, C::kTicketInvalid, "invalid component ticket", kTicket},
      {40097, C::kBadRequest, "invalid args", kBug},
      {40125, C::kConfiguration, "invalid appsecret", kSecret},
      {40163, C::kLoginAgain, "code been used", kLogin},
      {40164, C::kConfiguration, "invalid ip, not in whitelist", kIpList},
      {40170, C::kBadRequest, "args count exceed count limit", kBug},
      {40226, C::kUserDenied, "code blocked", "refuse the login of this user"},
      {40243, C::kConfiguration, "AppSecret frozen", "unfreeze the secret in the console"},
      {41001, C::kBadRequest, "access_token missing", kBug},
      {41002, C::kBadRequest, "appid missing", kBug},
      {41003, C::kLoginAgain, "refresh_token missing", kLogin},
      {41004, C::kBadRequest, "appsecret missing", kBug},
      {41008, C::kLoginAgain, "missing code", kLogin},
      {41009, C::kBadRequest, "missing openid", kBug},
      {41018, C::kBadRequest, "missing component_appid", kBug},
      {41021, C::kBadRequest, "missing component_access_token", kBug},
      {42001, C::kTokenInvalid, "access_token expired", kRefresh},
      {42002, C::kLoginAgain, "refresh_token expired", kLogin},
      {42003, C::kLoginAgain, "code expired", kLogin},
      {42006, C::kTokenInvalid, "component_access_token expired", kRefresh},
      {42007, C::kLoginAgain, "user changed password", kLogin},
      {43001, C::kBadRequest, "require GET method", kBug},
      {43002, C::kBadRequest, "require POST method", kBug},
      {43003, C::kBadRequest, "require https", kBug},
      {43004, C::kInformation, "require subscribe", "the user does not follow the account"},
      {43016, C::kPermission, "mini program not verified", "verify the mini program"},
      {44002, C::kBadRequest, "empty post data", kBug},
      {45002, C::kBadRequest, "content size out of limit", kBug},
      {45009, C::kQuota, "reach max api daily quota limit", kMidnight},
      {45011, C::kRateLimited, "api minute-quota reach limit", "wait for the next minute"},
      {45040, C::kQuota, "monthly limit", "wait for the next month"},
      {45102, C::kQuota, "calls blocked for some hours", "wait some hours"},
      {45104, C::kQuota, "daily limit", kMidnight},
      {45501, C::kQuota, "calls blocked for some hours", "wait some hours"},
      {46004, C::kInformation, "user does not exist", "the user is not known to the account"},
      {46007, C::kTransient, "being transcoded", kRetry},
      {47001, C::kBadRequest, "data format error", kBug},
      {47002, C::kBadRequest, "invalid charset", kBug},
      {47009, C::kPermission, "this api is offline", "the interface was switched off by WeChat"},
      {48001, C::kPermission, "api unauthorized", "verify the account, or grant the permission"},
      {48004, C::kPermission, "api forbidden", "WeChat has barred the account from this interface"},
      {48006, C::kQuota, "forbid to clear quota because of reaching the limit", kMidnight},
      {50001, C::kPermission, "user unauthorized", "the user has not agreed"},
      {50002, C::kPermission, "user limited", "the account is limited; look into its console"},
      {50004, C::kConfiguration, "token api forbidden", "the account may not fetch tokens"},
      {50005, C::kInformation, "user unsubscribed", "the user does not follow the account"},
      {50007, C::kConfiguration, "account frozen", "the account is frozen; look into its console"},
      {61003, C::kRevoked, "component is not authorized by this account",
       "let the administrator scan the authorisation code again"},
      {61004, C::kConfiguration, "access clientip is not registered", kIpList},
      {61005, C::kTicketInvalid, "component ticket is expired", kTicket},
      {61006, C::kTicketInvalid, "component ticket is invalid", kTicket},
      {61007, C::kPermission, "api is unauthorized to component",
       "the administrator must grant the permission set when scanning again"},
      {61009, C::kLoginAgain, "code is invalid", "begin the authorisation again"},
      {61010, C::kLoginAgain, "code is expired", "begin the authorisation again"},
      {61011, C::kConfiguration, "invalid component", "correct the component's appid"},
      {61012, C::kBadRequest, "invalid option name", kBug},
      {61013, C::kBadRequest, "invalid option value", kBug},
      {61014, C::kBadRequest, "must use component token for component api", kBug},
      {61015, C::kPermission, "must not use component token", kBug},
      {61016, C::kPermission, "function category of API need be confirmed by component",
       "the administrator must confirm the permission set"},
      {61017, C::kPermission, "function category of API not authorized",
       "the administrator must grant the permission set"},
      {61023, C::kNeedsReauth, "refresh_token is invalid",
       "let the administrator scan the authorisation code again"},
      {61024, C::kConfiguration, "must use api_component_token to get token for component acct",
       "the appid is a component's: register it as such"},
      {61025, C::kBadRequest, "read-only option", kBug},
      {61028, C::kConfiguration, "component is unpublished",
       "publish the component, or put the account into its test list"},
      {61451, C::kBadRequest, "invalid parameter", kBug},
      {61500, C::kBadRequest, "date format error", kBug},
      {61501, C::kBadRequest, "date range error", kBug},
      {61502, C::kPermission, "mini game has no statistics", "the account has no such statistics"},
      {61503, C::kNotReady, "data not ready, please try later", "it is asked again by itself"},
      {63178, C::kBadRequest, "appid wrong", "there is no such migration"},
      {63179, C::kBadRequest, "too many openids", kBug},
      {63182, C::kBadRequest, "openid_list empty", kBug},
      {63183, C::kBadRequest, "appid error", "there is no such migration"},
      {76001, C::kBadRequest, "rid not found", kBug},
      {76002, C::kBadRequest, "rid is error", kBug},
      {76003, C::kBadRequest, "could not query this rid,no permission", kBug},
      {76004, C::kBadRequest, "rid time is error", kBug},
      {76021, C::kBadRequest, "cgi_path not found, please check", kBug},
      {76022, C::kBadRequest, "could not use this cgi_path,no permission", kBug},
      {87009, C::kLoginAgain, "invalid signature", kLogin},
      {89000, C::kInformation, "account has bound open",
       "already bound to an Open Platform account"},
      {89001, C::kBadRequest, "not same contractor",
       "the account belongs to another entity than the Open Platform account"},
      {89002, C::kInformation, "open not exists", "bind the account to an Open Platform account"},
      {89003, C::kBadRequest, "the Open Platform account was not created by API", kBug},
      {89004, C::kBadRequest, "limit of bound accounts reached", "unbind another account first"},
      {89036, C::kBadRequest, "open is not created by api or not verified", kBug},
      {89300, C::kInformation, "invalid trade", "the order is not usable, or not yet"},
      {89501, C::kConfiguration, "unhandled confirmation pending",
       "the administrator must confirm the address"},
      {89503, C::kConfiguration, "this ip needs confirmation of the admin",
       "the administrator must confirm the address"},
      {89506, C::kQuota, "ip refused by admin", "wait 24 hours"},
      {89507, C::kQuota, "ip refused by admin", "wait one hour"},
      {9001002, C::kTransient, "remote service unavailable", kRetry},
  };
  return table;
}

}  // namespace

absl::StatusCode StatusCodeOf(ErrorClass error_class) {
  switch (error_class) {
    case C::kOk:
      return absl::StatusCode::kOk;
    case C::kTransient:
    case C::kNotReady:
      return absl::StatusCode::kUnavailable;
    case C::kRateLimited:
    case C::kQuota:
      return absl::StatusCode::kResourceExhausted;
    case C::kPermission:
    case C::kUserDenied:
      return absl::StatusCode::kPermissionDenied;
    case C::kLoginAgain:
    case C::kBadRequest:
      return absl::StatusCode::kInvalidArgument;
    case C::kTokenInvalid:
    case C::kTicketInvalid:
    case C::kNeedsReauth:
    case C::kRevoked:
    case C::kConfiguration:
    case C::kInformation:
      return absl::StatusCode::kFailedPrecondition;
    case C::kUnknown:
      break;
  }
  return absl::StatusCode::kUnknown;
}

absl::string_view ErrorClassName(ErrorClass error_class) {
  switch (error_class) {
    case C::kOk:
      return "ok";
    case C::kTransient:
      return "transient";
    case C::kRateLimited:
      return "rate_limited";
    case C::kTokenInvalid:
      return "token_invalid";
    case C::kTicketInvalid:
      return "ticket_invalid";
    case C::kNeedsReauth:
      return "needs_reauth";
    case C::kRevoked:
      return "revoked";
    case C::kQuota:
      return "quota";
    case C::kNotReady:
      return "not_ready";
    case C::kConfiguration:
      return "configuration";
    case C::kPermission:
      return "permission";
    case C::kLoginAgain:
      return "login_again";
    case C::kUserDenied:
      return "user_denied";
    case C::kInformation:
      return "information";
    case C::kBadRequest:
      return "bad_request";
    case C::kUnknown:
      break;
  }
  return "unknown";
}

const std::vector<ErrorCode>& AllErrorCodes() { return Table(); }

ErrorCode ExplainErrorCode(int64_t code) {
  const std::vector<ErrorCode>& table = Table();
  const auto it =
      std::lower_bound(table.begin(), table.end(), code,
                       [](const ErrorCode& entry, int64_t wanted) { return entry.code < wanted; });
  if (it != table.end() && it->code == code) return *it;
  return {code, C::kUnknown, "unknown errcode", "look it up in WeChat's documents, with its rid"};
}

absl::string_view RidOf(absl::string_view errmsg) {
  const size_t at = errmsg.rfind("rid: ");
  if (at == absl::string_view::npos) return "";
  const absl::string_view rest = errmsg.substr(at + 5);
  return rest.substr(0, std::min(rest.size(), rest.find_first_of(" ,]\n")));
}

absl::Status ErrorCodeStatus(int64_t code, absl::string_view errmsg, absl::string_view app) {
  const ErrorCode entry = ExplainErrorCode(code);
  if (entry.error_class == C::kOk) return absl::OkStatus();
  std::map<std::string, std::string> metadata = {{"errcode", absl::StrCat(code)},
                                                 {"errmsg", std::string(errmsg)},
                                                 {"hint", std::string(entry.hint)}};
  if (!RidOf(errmsg).empty()) metadata["rid"] = std::string(RidOf(errmsg));
  if (!app.empty()) metadata["app"] = std::string(app);
  return MakeError(
      StatusCodeOf(entry.error_class),
      absl::StrCat("WeChat answered ", code, " (", errmsg, "); ", entry.hint, "."),
      {"wechat.datong",
       absl::StrCat("WECHAT_", absl::AsciiStrToUpper(ErrorClassName(entry.error_class))),
       std::move(metadata)});
}

}  // namespace datong::wechat
