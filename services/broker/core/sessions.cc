#include "services/broker/core/sessions.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "common/wechat/answer.h"
#include "common/wechat/lenient_json.h"
#include "common/wechat/push_crypto.h"
#include "services/broker/core/login_errors.h"
#include "services/broker/core/platform_errors.h"

namespace datong::broker {
namespace {

using wechat::NumberField;
using wechat::ObjectField;
using wechat::TextField;

// How old a watermark may be, and how far ahead its clock.
constexpr absl::Duration kWatermarkAge = absl::Minutes(10);

constexpr int kSignatureInvalid = 87009;

absl::Status CheckKind(const App& app) {
  if (app.kind != AppKind::kMiniProgram) return AppKindUnsupported(app.appid, "a mini program");
  if (app.state == AppState::kRevoked) return AppRevoked(app.name());
  return absl::OkStatus();
}

// As /wxa/checksession wants it: the base64 text of the key signs nothing.
std::string EmptySignature(const Secret& session_key) {
  return BytesToHex(crypto::HmacSha256(session_key, ""));
}

}  // namespace

bool Sessions::IsFresh(absl::Time watermark) const {
  return absl::AbsDuration(clock_.Now() - watermark) <= kWatermarkAge;
}

absl::StatusOr<std::string> Sessions::Tell(const App& app, const Evidence& evidence,
                                           Deadline deadline) {
  EvidenceSender::Sent sent = sender_.Send(app.project, evidence, deadline);
  if (sent.job.has_value()) DATONG_RETURN_IF_ERROR(store_.SaveJob(*sent.job, deadline));
  return std::move(sent.person);
}

absl::StatusOr<Sessions::Check> Sessions::CheckSession(const App& app, const std::string& openid,
                                                       Deadline deadline) {
  DATONG_RETURN_IF_ERROR(CheckKind(app));
  DATONG_ASSIGN_OR_RETURN(SessionKeys keys, store_.GetSession(app.appid, openid, deadline));
  const std::string signature = EmptySignature(keys.current);
  const absl::StatusOr<bool> asked = tokens_.WithToken<bool>(
      app.appid, deadline, [&](const Secret& token) -> absl::StatusOr<bool> {
        DATONG_RETURN_IF_ERROR(platform_.CheckSession(token, openid, signature, deadline));
        return true;
      });
  if (asked.ok()) return Check{true, keys.updated};
  if (ErrcodeOf(asked.status()) == kSignatureInvalid) return Check{false, keys.updated};
  return ExplainRefusal(app, "checksession", asked.status());
}

absl::Status Sessions::ResetKey(const App& app, const std::string& openid, Deadline deadline) {
  DATONG_RETURN_IF_ERROR(CheckKind(app));
  DATONG_ASSIGN_OR_RETURN(SessionKeys keys, store_.GetSession(app.appid, openid, deadline));
  const std::string signature = EmptySignature(keys.current);
  absl::StatusOr<Secret> fresh =
      tokens_.WithToken<Secret>(app.appid, deadline, [&](const Secret& token) {
        return platform_.ResetSessionKey(token, openid, signature, deadline);
      });
  if (ErrcodeOf(fresh.status()) == kSignatureInvalid) return SessionExpired();
  if (!fresh.ok()) return ExplainRefusal(app, "resetusersessionkey", fresh.status());
  return store_.SaveSession({app.project, app.appid, openid, ""}, *fresh, std::nullopt, deadline);
}

absl::StatusOr<bool> Sessions::VerifyRawData(const App& app, const std::string& openid,
                                             const std::string& raw_data,
                                             const std::string& signature, Deadline deadline) {
  DATONG_RETURN_IF_ERROR(CheckKind(app));
  DATONG_ASSIGN_OR_RETURN(SessionKeys keys, store_.GetSession(app.appid, openid, deadline));
  for (const Secret* key : {&keys.current, &keys.previous}) {
    if (key->empty()) continue;
    const std::string expected = BytesToHex(crypto::Sha1(absl::StrCat(raw_data, key->Expose())));
    if (ConstantTimeEquals(expected, signature)) return true;
  }
  return false;
}

absl::StatusOr<KnownPhone> Sessions::Name(const App& app, KnownPhone phone, Deadline deadline) {
  const std::string country = phone.country_code.empty() ? "86" : phone.country_code;
  const std::string normalised = NormalisePhone(
      phone.pure_phone_number.empty() ? phone.phone_number : phone.pure_phone_number, country);
  if (normalised.empty()) return phone;
  DATONG_ASSIGN_OR_RETURN(phone.identifier,
                          phones_.IdentifierOf(app.project, normalised, deadline));
  return phone;
}

absl::StatusOr<DecryptedData> Sessions::Decrypt(const App& app, const std::string& openid,
                                                const std::string& encrypted_data,
                                                const std::string& iv, Deadline deadline) {
  DATONG_RETURN_IF_ERROR(CheckKind(app));
  DATONG_ASSIGN_OR_RETURN(SessionKeys keys, store_.GetSession(app.appid, openid, deadline));
  absl::StatusOr<std::string> plain =
      wechat::DecryptOpenData(keys.current, iv, encrypted_data, app.appid);
  // Data that was made just before the last wx.login.
  if (!plain.ok() && !keys.previous.empty() && GetReason(plain.status()) == "OPEN_DATA_BROKEN") {
    plain = wechat::DecryptOpenData(keys.previous, iv, encrypted_data, app.appid);
  }
  if (!plain.ok()) {
    return GetReason(plain.status()) == "OPEN_DATA_OF_ANOTHER_APP" ? OpenDataOfAnotherApp()
                                                                   : OpenDataBroken();
  }
  const std::optional<nlohmann::json> json = wechat::ParseLenientJson(*plain);
  if (!json.has_value()) return OpenDataBroken();
  const std::string own = TextField(*json, "openId");
  if (!own.empty() && own != openid) return OpenDataOfAnotherUser();

  DecryptedData data;
  data.time =
      absl::FromUnixSeconds(NumberField(ObjectField(*json, "watermark"), "timestamp").value_or(0));
  Evidence evidence;
  evidence.appid = app.appid;
  evidence.openid = openid;
  evidence.unionid = TextField(*json, "unionId");
  evidence.observed = clock_.Now();
  evidence.request_id = RequestIdOf(absl::StrCat(iv, encrypted_data));
  evidence.watermark = IsFresh(data.time) ? Watermark::kValid : Watermark::kStale;
  if (json->contains("phoneNumber")) {
    evidence.kind = "mp.phone_number";
    KnownPhone phone;
    phone.phone_number = TextField(*json, "phoneNumber");
    phone.pure_phone_number = TextField(*json, "purePhoneNumber");
    phone.country_code = TextField(*json, "countryCode");
    DATONG_ASSIGN_OR_RETURN(data.phone, Name(app, std::move(phone), deadline));
    if (!data.phone->identifier.empty()) evidence.other_ids.push_back(data.phone->identifier);
  } else {
    evidence.kind = "mp.encrypted_userinfo";
  }
  // Stale evidence too: identity keeps the refusal where an operator can see it.
  DATONG_ASSIGN_OR_RETURN(std::string person, Tell(app, evidence, deadline));
  if (evidence.watermark == Watermark::kStale) return OpenDataStale();
  data.user = JudgeUser(app, AskedBy::kMiniProgram, openid, evidence.unionid);
  data.user.person = std::move(person);
  data.json = *std::move(plain);
  return data;
}

absl::StatusOr<Sessions::Phone> Sessions::GetPhone(const App& app, const std::string& code,
                                                   const std::string& openid, Deadline deadline) {
  DATONG_RETURN_IF_ERROR(CheckKind(app));
  if (code.empty()) return PhoneCodeInvalid();
  absl::StatusOr<PhoneAnswer> answer = tokens_.WithToken<PhoneAnswer>(
      app.appid, deadline,
      [&](const Secret& token) { return platform_.GetPhoneNumber(token, code, openid, deadline); });
  if (!answer.ok()) {
    const absl::Status told = ExplainRefusal(app, "getuserphonenumber", answer.status());
    const std::string reason = GetReason(told);
    const bool is_code = reason == "LOGIN_CODE_INVALID" || reason == "LOGIN_CODE_USED";
    return is_code ? PhoneCodeInvalid() : told;
  }
  if (answer->watermark_appid != app.appid) return OpenDataOfAnotherApp();
  KnownPhone told;
  told.phone_number = answer->phone_number;
  told.pure_phone_number = answer->pure_phone_number;
  told.country_code = answer->country_code;
  Phone phone;
  DATONG_ASSIGN_OR_RETURN(phone.phone, Name(app, std::move(told), deadline));
  if (openid.empty() || phone.phone.identifier.empty()) return phone;
  Evidence evidence;
  evidence.kind = "mp.phone_number";
  evidence.appid = app.appid;
  evidence.openid = openid;
  evidence.observed = clock_.Now();
  evidence.request_id = RequestIdOf(code);
  evidence.other_ids = {phone.phone.identifier};
  evidence.watermark = IsFresh(answer->watermark_time) ? Watermark::kValid : Watermark::kStale;
  DATONG_ASSIGN_OR_RETURN(phone.person, Tell(app, evidence, deadline));
  return phone;
}

}  // namespace datong::broker
