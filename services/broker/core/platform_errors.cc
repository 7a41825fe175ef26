#include "services/broker/core/platform_errors.h"

#include "common/status/error.h"
#include "services/broker/core/errors.h"
#include "services/broker/core/platform_client.h"

namespace datong::broker {

using wechat::ErrorClass;

absl::Status ExplainRefusal(const App& app, const std::string& api, const absl::Status& cause) {
  if (const auto info = GetErrorInfo(cause); info && info->domain == kErrorDomain) return cause;
  if (ErrcodeOf(cause) == 40163) return LoginCodeUsed();
  switch (ErrorClassOf(cause)) {
    case ErrorClass::kLoginAgain:
      return LoginCodeInvalid();
    case ErrorClass::kUserDenied:
      return UserBlocked();
    case ErrorClass::kRateLimited:
    case ErrorClass::kQuota:
      return WithRetryDelay(ApiRateLimited(app.appid, api), absl::Minutes(1));
    case ErrorClass::kTransient:
      return PlatformUnreachable(app.name());
    case ErrorClass::kConfiguration:
    case ErrorClass::kPermission:
    case ErrorClass::kTokenInvalid:  // of a self-managed app: the secret
      return AppBadConfig(app.name(), ErrmsgOf(cause));
    case ErrorClass::kRevoked:
      return AppNeedsReauth(app.name());
    default:
      break;
  }
  return ErrcodeOf(cause) == 0 ? PlatformUnreachable(app.name()) : cause;
}

}  // namespace datong::broker
