#include "services/broker/core/evidence.h"

#include "common/base/strings.h"
#include "common/wechat/answer.h"
#include "common/wechat/lenient_json.h"

namespace datong::broker {

std::string EncodeEvidence(const Evidence& evidence) {
  return nlohmann::json{{"kind", evidence.kind},
                        {"appid", evidence.appid},
                        {"openid", evidence.openid},
                        {"unionid", evidence.unionid},
                        {"observed_ms", absl::ToUnixMillis(evidence.observed)},
                        {"request_id", evidence.request_id}}
      .dump();
}

absl::StatusOr<Evidence> DecodeEvidence(absl::string_view payload) {
  const std::optional<nlohmann::json> json = wechat::ParseLenientJson(payload);
  if (!json.has_value() || !json->is_object()) {
    return absl::InvalidArgumentError("The payload is no evidence.");
  }
  Evidence evidence;
  evidence.kind = wechat::TextField(*json, "kind");
  evidence.appid = wechat::TextField(*json, "appid");
  evidence.openid = wechat::TextField(*json, "openid");
  evidence.unionid = wechat::TextField(*json, "unionid");
  evidence.observed = absl::FromUnixMillis(wechat::NumberField(*json, "observed_ms").value_or(0));
  evidence.request_id = wechat::TextField(*json, "request_id");
  return evidence;
}

}  // namespace datong::broker
