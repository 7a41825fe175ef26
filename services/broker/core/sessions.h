#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/app_cache.h"
#include "services/broker/core/evidence_sender.h"
#include "services/broker/core/known_user.h"
#include "services/broker/core/login_platform.h"
#include "services/broker/core/login_store.h"
#include "services/broker/core/phone_ids.h"
#include "services/broker/core/token_broker.h"

namespace datong::broker {

struct KnownPhone {
  std::string phone_number;
  std::string pure_phone_number;
  std::string country_code;
  std::string identifier;
};

struct DecryptedData {
  std::string json;
  KnownUser user;
  std::optional<KnownPhone> phone;
  absl::Time time;  // of the watermark
};

// What is proven with the session keys of mini programs' users. Thread-safe; blocks on the store,
// the platform and identity. Errors: as of SessionService.
class Sessions {
 public:
  Sessions(LoginStore& store, TokenBroker& tokens, LoginPlatform& platform, EvidenceSender& sender,
           PhoneIds& phones, const Clock& clock)
      : store_(store),
        tokens_(tokens),
        platform_(platform),
        sender_(sender),
        phones_(phones),
        clock_(clock) {}

  struct Check {
    bool valid = false;
    absl::Time login_time;
  };
  absl::StatusOr<Check> CheckSession(const App& app, const std::string& openid, Deadline deadline);
  absl::Status ResetKey(const App& app, const std::string& openid, Deadline deadline);
  absl::StatusOr<bool> VerifyRawData(const App& app, const std::string& openid,
                                     const std::string& raw_data, const std::string& signature,
                                     Deadline deadline);
  absl::StatusOr<DecryptedData> Decrypt(const App& app, const std::string& openid,
                                        const std::string& encrypted_data, const std::string& iv,
                                        Deadline deadline);

  struct Phone {
    KnownPhone phone;
    std::string person;
  };
  // `openid` may be empty.
  absl::StatusOr<Phone> GetPhone(const App& app, const std::string& code, const std::string& openid,
                                 Deadline deadline);

 private:
  absl::StatusOr<KnownPhone> Name(const App& app, KnownPhone phone, Deadline deadline);
  // Sends evidence, and stores what could not be sent.
  absl::StatusOr<std::string> Tell(const App& app, const Evidence& evidence, Deadline deadline);
  bool IsFresh(absl::Time watermark) const;

  LoginStore& store_;
  TokenBroker& tokens_;
  LoginPlatform& platform_;
  EvidenceSender& sender_;
  PhoneIds& phones_;
  const Clock& clock_;
};

}  // namespace datong::broker
