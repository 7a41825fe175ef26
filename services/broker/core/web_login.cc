#include "services/broker/core/web_login.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/log/log.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "services/broker/core/login_errors.h"
#include "services/broker/core/platform_errors.h"

namespace datong::broker {
namespace {

using wechat::ErrorClass;

constexpr absl::Duration kStateLifetime = absl::Minutes(10);
constexpr absl::Duration kRefreshLifetime = absl::Hours(30 * 24);
// A user's token with less left than this is refreshed first.
constexpr absl::Duration kTokenMargin = absl::Minutes(1);

const char* ScopeName(WebScope scope) {
  switch (scope) {
    case WebScope::kUserinfo:
      return "snsapi_userinfo";
    case WebScope::kLogin:
      return "snsapi_login";
    default:
      return "snsapi_base";
  }
}

absl::Status CheckKind(const App& app) {
  if (app.kind != AppKind::kOfficialAccount && app.kind != AppKind::kWebApp) {
    return AppKindUnsupported(app.appid, "an official account or a web app");
  }
  return app.state == AppState::kRevoked ? AppRevoked(app.name()) : absl::OkStatus();
}

absl::Status CheckOrder(const App& app, const WebLoginOrder& order) {
  const std::string& url = order.redirect_url;
  if (!absl::StartsWith(url, "https://") && !absl::StartsWith(url, "http://")) {
    return WebLoginInvalid("redirect_url", "must begin with https:// or http://");
  }
  const bool has_strange = std::any_of(url.begin(), url.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f;
  });
  if (url.size() > 1024 || has_strange) {
    return WebLoginInvalid("redirect_url", "must be at most 1024 bytes of ASCII without blanks");
  }
  if (order.browser_session.size() < 16 || order.browser_session.size() > 512) {
    return WebLoginInvalid("browser_session", "must have 16 to 512 bytes");
  }
  if (order.return_to.size() > 1024 || !IsUtf8(order.return_to)) {
    return WebLoginInvalid("return_to", "must be at most 1024 bytes of UTF-8");
  }
  const bool is_login = order.scope == WebScope::kLogin;
  if (order.scope != WebScope::kUnspecified && is_login != (app.kind == AppKind::kWebApp)) {
    return WebLoginInvalid("scope", "must be LOGIN for web apps, BASE or USERINFO for accounts");
  }
  return absl::OkStatus();
}

bool HasProfile(absl::string_view scopes) {
  for (const absl::string_view scope : absl::StrSplit(scopes, ',')) {
    if (scope == "snsapi_userinfo" || scope == "snsapi_login") return true;
  }
  return false;
}

WebTokens TokensOf(const WebAnswer& answer, absl::Time now) {
  WebTokens tokens;
  tokens.access_token = answer.access_token;
  tokens.refresh_token = answer.refresh_token;
  tokens.scope = answer.scope;
  tokens.unionid = answer.unionid;
  tokens.expires = now + answer.lifetime;
  tokens.refresh_expires = now + kRefreshLifetime;
  return tokens;
}

// The user's token or refresh token is dead: 40001, 40014, 40030, 42001, 42002, 42007, 41003.
bool IsUserTokenRefused(const absl::Status& status) {
  const ErrorClass error = ErrorClassOf(status);
  return error == ErrorClass::kTokenInvalid || error == ErrorClass::kLoginAgain;
}

}  // namespace

absl::StatusOr<WebLoginLink> WebLogin::BuildUrl(const App& app, const WebLoginOrder& order,
                                                Deadline deadline) {
  DATONG_RETURN_IF_ERROR(CheckKind(app));
  DATONG_RETURN_IF_ERROR(CheckOrder(app, order));
  WebLoginState login;
  login.state = BytesToHex(crypto::RandomBytes(20));
  login.project = app.project;
  login.appid = app.appid;
  login.browser_session = order.browser_session;
  login.return_to = order.return_to;
  login.expires = clock_.Now() + kStateLifetime;
  DATONG_RETURN_IF_ERROR(store_.CreateWebLogin(login, deadline));
  WebLoginPage page;
  page.appid = app.appid;
  page.component = app.component;
  page.redirect_url = order.redirect_url;
  page.scope = app.kind == AppKind::kWebApp ? "snsapi_login" : ScopeName(order.scope);
  page.state = login.state;
  page.force_popup = order.force_popup;
  page.force_snapshot = order.force_snapshot;
  return WebLoginLink{platform_.WebLoginUrl(page), login.state, login.expires};
}

absl::StatusOr<WebAnswer> WebLogin::Exchange(const AppEntry& entry, const std::string& code,
                                             Deadline deadline) {
  const App& app = entry.app;
  if (app.component.empty()) {
    return platform_.ExchangeWebCode({app.appid, entry.credentials.app_secret, "", Secret()}, code,
                                     deadline);
  }
  return tokens_.WithToken<WebAnswer>(app.component, deadline, [&](const Secret& token) {
    return platform_.ExchangeWebCode({app.appid, Secret(), app.component, token}, code, deadline);
  });
}

absl::StatusOr<WebUser> WebLogin::LogIn(const AppEntry& entry, const WebReturn& back,
                                        Deadline deadline) {
  const App& app = entry.app;
  DATONG_RETURN_IF_ERROR(CheckKind(app));
  DATONG_ASSIGN_OR_RETURN(
      std::optional<WebLoginState> login,
      store_.FindWebLogin(app.appid, back.state, back.browser_session, deadline));
  if (!login.has_value()) return LoginStateInvalid();
  if (login->is_used) return LoginCodeUsed();
  if (clock_.Now() >= login->expires) return LoginStateInvalid();
  if (back.code.empty()) {
    DATONG_RETURN_IF_ERROR(
        store_.FinishWebLogin(back.state, UserKey{}, WebTokens{}, std::nullopt, deadline));
    return UserDeclined();
  }
  absl::StatusOr<WebAnswer> answer = Exchange(entry, back.code, deadline);
  if (!answer.ok()) return ExplainRefusal(app, "sns/oauth2", answer.status());

  WebUser result;
  result.scopes = absl::StrSplit(answer->scope, ',', absl::SkipEmpty());
  result.return_to = login->return_to;
  const bool has_profile = HasProfile(answer->scope);
  if (has_profile && !answer->is_snapshot && (back.with_profile || answer->unionid.empty())) {
    absl::StatusOr<WebProfileAnswer> profile =
        platform_.GetWebProfile(answer->access_token, answer->openid, "zh_CN", deadline);
    // The login stands without its profile: the code is spent.
    if (!profile.ok()) {
      LogWarn("web login without its profile",
              {{"app", app.appid}, {"errcode", ErrcodeOf(profile.status())}});
    } else {
      if (answer->unionid.empty()) answer->unionid = profile->unionid;
      if (back.with_profile) result.profile = *std::move(profile);
    }
  }
  Evidence evidence;
  evidence.kind = has_profile ? "oauth.userinfo" : "oauth.base";
  evidence.appid = app.appid;
  evidence.openid = answer->openid;
  evidence.unionid = answer->unionid;
  evidence.observed = clock_.Now();
  evidence.request_id = RequestIdOf(back.code);
  evidence.snapshot = answer->is_snapshot;
  EvidenceSender::Sent sent = sender_.Send(app.project, evidence, deadline);
  if (answer->is_snapshot) {
    DATONG_RETURN_IF_ERROR(
        store_.FinishWebLogin(back.state, UserKey{}, WebTokens{}, sent.job, deadline));
    result.user = SnapshotUser();
    return result;
  }
  result.user = JudgeUser(app, has_profile ? AskedBy::kWebUserinfo : AskedBy::kWebBase,
                          answer->openid, answer->unionid);
  result.user.person = std::move(sent.person);
  DATONG_RETURN_IF_ERROR(store_.FinishWebLogin(
      back.state, {app.project, app.appid, answer->openid, result.user.person},
      TokensOf(*answer, clock_.Now()), sent.job, deadline));
  return result;
}

absl::StatusOr<WebTokens> WebLogin::LiveTokens(const AppEntry& entry, const std::string& openid,
                                               bool refused, Deadline deadline) {
  const App& app = entry.app;
  DATONG_ASSIGN_OR_RETURN(WebTokens held, store_.GetWebTokens(app.appid, openid, deadline));
  const absl::Time now = clock_.Now();
  if (!refused && now < held.expires - kTokenMargin) return held;
  if (now >= held.refresh_expires || held.refresh_token.empty()) return WebLoginExpired();
  absl::StatusOr<WebAnswer> answer;
  if (app.component.empty()) {
    answer = platform_.RefreshWebToken({app.appid, Secret(), "", Secret()}, held.refresh_token,
                                       deadline);
  } else {
    answer = tokens_.WithToken<WebAnswer>(app.component, deadline, [&](const Secret& token) {
      return platform_.RefreshWebToken({app.appid, Secret(), app.component, token},
                                       held.refresh_token, deadline);
    });
  }
  if (IsUserTokenRefused(answer.status())) return WebLoginExpired();
  if (!answer.ok()) return ExplainRefusal(app, "sns/oauth2", answer.status());
  WebTokens fresh = TokensOf(*answer, now);
  // The refresh token keeps its 30 days, however often it is used.
  fresh.refresh_expires = held.refresh_expires;
  if (fresh.refresh_token.empty()) fresh.refresh_token = held.refresh_token;
  if (fresh.scope.empty()) fresh.scope = held.scope;
  if (fresh.unionid.empty()) fresh.unionid = held.unionid;
  DATONG_RETURN_IF_ERROR(store_.UpdateWebTokens(app.appid, openid, fresh, deadline));
  return fresh;
}

absl::StatusOr<WebUser> WebLogin::GetUser(const AppEntry& entry, const std::string& openid,
                                          const std::string& language, Deadline deadline) {
  const App& app = entry.app;
  DATONG_RETURN_IF_ERROR(CheckKind(app));
  DATONG_ASSIGN_OR_RETURN(WebTokens tokens, LiveTokens(entry, openid, false, deadline));
  if (!HasProfile(tokens.scope)) return ScopeMissing();
  absl::StatusOr<WebProfileAnswer> profile =
      platform_.GetWebProfile(tokens.access_token, openid, language, deadline);
  if (IsUserTokenRefused(profile.status())) {
    DATONG_ASSIGN_OR_RETURN(tokens, LiveTokens(entry, openid, true, deadline));
    profile = platform_.GetWebProfile(tokens.access_token, openid, language, deadline);
  }
  if (IsUserTokenRefused(profile.status())) return WebLoginExpired();
  if (!profile.ok()) return ExplainRefusal(app, "sns/userinfo", profile.status());
  WebUser result;
  result.scopes = absl::StrSplit(tokens.scope, ',', absl::SkipEmpty());
  Evidence evidence;
  evidence.kind = "oauth.userinfo";
  evidence.appid = app.appid;
  evidence.openid = openid;
  evidence.unionid = profile->unionid;
  evidence.observed = clock_.Now();
  EvidenceSender::Sent sent = sender_.Send(app.project, evidence, deadline);
  if (sent.job.has_value()) DATONG_RETURN_IF_ERROR(store_.SaveJob(*sent.job, deadline));
  result.user = JudgeUser(app, AskedBy::kWebUserinfo, openid, profile->unionid);
  result.user.person = std::move(sent.person);
  result.profile = *std::move(profile);
  return result;
}

absl::StatusOr<bool> WebLogin::Check(const AppEntry& entry, const std::string& openid,
                                     Deadline deadline) {
  const App& app = entry.app;
  DATONG_RETURN_IF_ERROR(CheckKind(app));
  absl::StatusOr<WebTokens> tokens = LiveTokens(entry, openid, false, deadline);
  if (GetReason(tokens.status()) == "WEB_LOGIN_EXPIRED") return false;
  if (!tokens.ok()) return tokens.status();
  const absl::Status asked = platform_.CheckWebToken(tokens->access_token, openid, deadline);
  if (asked.ok()) return true;
  if (IsUserTokenRefused(asked)) return false;
  return ExplainRefusal(app, "sns/auth", asked);
}

}  // namespace datong::broker
