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
                        {"request_id", evidence.request_id},
                        {"other_ids", evidence.other_ids},
                        {"snapshot", evidence.snapshot},
                        {"watermark", static_cast<int>(evidence.watermark)}}
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
  for (const nlohmann::json& id : wechat::ListField(*json, "other_ids")) {
    if (id.is_string()) evidence.other_ids.push_back(id.get<std::string>());
  }
  const auto snapshot = json->find("snapshot");
  evidence.snapshot = snapshot != json->end() && snapshot->is_boolean() && snapshot->get<bool>();
  evidence.watermark = static_cast<Watermark>(wechat::NumberField(*json, "watermark").value_or(0));
  return evidence;
}

}  // namespace datong::broker
