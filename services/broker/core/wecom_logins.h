#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/evidence_sender.h"
#include "services/broker/core/token_broker.h"
#include "services/broker/core/wecom_directory.h"
#include "services/broker/core/wecom_platform.h"
#include "services/broker/core/wecom_store.h"
#include "services/broker/core/work_store.h"

namespace datong::broker {

struct WecomLoggedIn {
  WecomVisitor visitor;
  std::string person;  // name; empty for staff, and when identity did not answer in time
  std::optional<WecomStaffDetails> details;  // of a member who let them be told
};

// Logs visitors of web pages and staff in mini programs in, through a self-built app or a suite,
// and tells identity of those who are no staff. Thread-safe; blocks on the platform, the database
// and identity. Everything that it is given must outlive it.
class WecomLogins {
 public:
  WecomLogins(WecomDirectory& directory, WecomStore& store, WorkStore& work, TokenBroker& tokens,
              WecomPlatform& pages, WecomIdPlatform& platform, EvidenceSender& sender,
              const Clock& clock)
      : directory_(directory),
        store_(store),
        work_(work),
        tokens_(tokens),
        pages_(pages),
        platform_(platform),
        sender_(sender),
        clock_(clock) {}

  // Errors: those of WecomDirectory::Find, INVALID_ARGUMENT/REDIRECT_INVALID.
  absl::StatusOr<std::string> MakeUrl(const std::string& project, const std::string& appid,
                                      const WecomLoginPage& page, Deadline deadline);
  // Errors: INVALID_ARGUMENT/LOGIN_CODE_INVALID, those of WecomDirectory::Find, ExplainWecom and
  // TokenBroker::Get.
  absl::StatusOr<WecomLoggedIn> LogInWeb(const std::string& project, const std::string& appid,
                                         const std::string& code, Deadline deadline);
  absl::StatusOr<WecomStaff> LogInMiniProgram(const std::string& project, const std::string& appid,
                                              const std::string& js_code, Deadline deadline);

  // Turns the encrypted userid and session key of a member who logged in through `login_appid` into
  // those that the member's own corp sees in its app `appid`. Answers the userid.
  // Errors: NOT_FOUND/SESSION_UNKNOWN, those of WecomDirectory::Find, ExplainWecom and
  // TokenBroker::Get.
  absl::StatusOr<std::string> TransferSession(const std::string& project, const std::string& appid,
                                              const std::string& login_appid,
                                              const WecomMember& member, Deadline deadline);

 private:
  absl::StatusOr<WecomDirectory::Entry> FindLoginApp(const std::string& project,
                                                     const std::string& appid, Deadline deadline);

  WecomDirectory& directory_;
  WecomStore& store_;
  WorkStore& work_;
  TokenBroker& tokens_;
  WecomPlatform& pages_;
  WecomIdPlatform& platform_;
  EvidenceSender& sender_;
  const Clock& clock_;
};

}  // namespace datong::broker
