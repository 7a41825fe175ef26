#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/mutex.h"
#include "common/base/secret.h"
#include "services/broker/core/login_store.h"

namespace datong::broker {

// A phone number as E.164 has it: "+8613800000000". Blanks, dashes and brackets are passed over; a
// number without "+" or "00" is one of `country`. Nothing when it is no number.
std::string NormalisePhone(absl::string_view text, absl::string_view country = "86");

// The identifiers of phone numbers: digests under a key of their project, since the numbers
// themselves are few enough to be tried all. Thread-safe; blocks on the store at a project's first
// number.
class PhoneIds {
 public:
  explicit PhoneIds(LoginStore& store) : store_(store) {}

  // `phone:k1:{digest}` of a normalised number. Errors: those of LoginStore::GetPhoneKey.
  absl::StatusOr<std::string> IdentifierOf(const std::string& project,
                                           const std::string& normalised, Deadline deadline);
  // One for each. Errors: INVALID_ARGUMENT/PHONE_INVALID, BATCH_TOO_LARGE, and as above.
  absl::StatusOr<std::vector<std::string>> IdentifiersOf(const std::string& project,
                                                         const std::vector<std::string>& phones,
                                                         Deadline deadline);

 private:
  LoginStore& store_;
  Mutex mutex_;
  std::map<std::string, Secret> keys_ ABSL_GUARDED_BY(mutex_);  // by project
};

}  // namespace datong::broker
