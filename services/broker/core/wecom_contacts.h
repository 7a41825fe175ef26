#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/evidence_sender.h"
#include "services/broker/core/peers.h"
#include "services/broker/core/person_peer.h"
#include "services/broker/core/token_broker.h"
#include "services/broker/core/wecom_directory.h"
#include "services/broker/core/wecom_platform.h"
#include "services/broker/core/wecom_store.h"
#include "services/broker/core/work_store.h"

namespace datong::broker {

struct WecomKnownContact {
  WecomContact contact;
  std::string identifier;
  std::string person;
};

// What to look for, and with whose ids.
struct WecomSearch {
  std::string user_app = {};  // appid of the mini program or official account
  WecomUserIds user = {};
  bool app_of_provider = false;
  std::string corpid = {};
  std::string mass_call_ticket = {};
};

struct WecomFoundContacts {
  std::vector<WecomFound> contacts;
  std::vector<std::string> identifiers;  // one for each contact
  std::string pending_id;
  std::string person;
};

// Numbers as in datong.broker.v1.
enum class WecomConversion { kUpgrade = 1, kCorpToProvider = 2, kProviderToCorp = 3 };

struct WecomPairs {
  std::vector<WecomIdPair> pairs;
  WecomView to;  // of the translations
};

struct WecomConversionAsk {
  WecomConversion conversion = WecomConversion::kUpgrade;
  std::vector<std::string> external_userids = {};
  std::string other_app = {};  // appid, or empty
  std::string chat_id = {};
};

// Reads external contacts, groups and conversions of ids, and tells identity what they show.
// Thread-safe; blocks on the platform, the database and identity. Everything that it is given must
// outlive it. Errors of all: those of WecomDirectory::Find, ExplainWecom and TokenBroker::Get.
class WecomContacts {
 public:
  WecomContacts(AppStore& apps, WecomDirectory& directory, WecomStore& store, WorkStore& work,
                TokenBroker& tokens, WecomIdPlatform& platform, IdentityPeer& identity,
                PersonPeer& persons, EvidenceSender& sender, const Clock& clock);

  absl::StatusOr<WecomKnownContact> Get(const std::string& project, const std::string& appid,
                                        const std::string& external_userid, Deadline deadline);
  // Errors: INVALID_ARGUMENT/USER_IDS_MISSING.
  absl::StatusOr<WecomFoundContacts> Find(const std::string& project, const std::string& appid,
                                          const WecomSearch& search, Deadline deadline);
  absl::StatusOr<std::vector<WecomPendingMatch>> ResolvePending(
      const std::string& project, const std::string& appid,
      const std::vector<std::string>& external_userids, const std::string& chat_id,
      Deadline deadline);
  // Errors: INVALID_ARGUMENT/CONVERSION_INVALID.
  absl::StatusOr<WecomPairs> Convert(const std::string& project, const std::string& appid,
                                     const WecomConversionAsk& ask, Deadline deadline);
  // Errors: NOT_FOUND/GROUP_UNKNOWN.
  absl::StatusOr<WecomGroup> GetGroup(const WecomDirectory::Entry& entry,
                                      const std::string& chat_id, Deadline deadline);

  // The persons of at most 1,000 identifiers, in their order; "" where there is none, and when
  // identity does not answer in time.
  std::vector<std::string> PersonsOf(const std::string& project,
                                     const std::vector<std::string>& identifiers,
                                     Deadline deadline);

  // Jobs: a contact was added (payload: external_userid), a group changed (payload: chat_id).
  absl::Status OnContactAdded(const Job& job, Deadline deadline);
  absl::Status OnGroupChanged(const Job& job, Deadline deadline);
  // Asks for the pending ids of these contacts if any may have one, and tells identity.
  absl::StatusOr<std::vector<WecomPendingMatch>> MatchPending(
      const WecomDirectory::Entry& entry, const std::vector<std::string>& external_userids,
      const std::string& chat_id, Deadline deadline);

 private:
  absl::StatusOr<WecomContact> Read(const WecomDirectory::Entry& entry,
                                    const std::string& external_userid, Deadline deadline);
  absl::StatusOr<WecomFoundContacts> FindInSuite(const WecomDirectory::Entry& suite,
                                                 const WecomSearch& search, Deadline deadline);
  absl::StatusOr<WecomFoundContacts> FindInCorp(const WecomDirectory::Entry& corp,
                                                const WecomSearch& search, Deadline deadline);
  // One answer as evidence; "" when identity did not answer in time, and takes it later.
  absl::StatusOr<std::string> Tell(const std::string& project, const Evidence& evidence,
                                   Deadline deadline);
  absl::Status TellAll(const std::string& project, const std::vector<Evidence>& evidence,
                       Deadline deadline);
  Evidence NewEvidence(const char* kind, const std::string& appid) const;

  AppStore& apps_;
  WecomDirectory& directory_;
  WecomStore& store_;
  WorkStore& work_;
  TokenBroker& tokens_;
  WecomIdPlatform& platform_;
  IdentityPeer& identity_;
  PersonPeer& persons_;
  EvidenceSender& sender_;
  const Clock& clock_;
};

// What one contact of a corp shows.
Evidence ContactEvidence(const WecomDirectory::Entry& entry, const WecomContact& contact,
                         absl::Time now);

}  // namespace datong::broker
