#pragma once

#include <optional>
#include <string>

#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/peers.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// Brings evidence to identity at once if it can be reached, and makes the job that brings it later
// otherwise. Thread-safe; blocks up to `timeout`.
class EvidenceSender {
 public:
  EvidenceSender(absl::Duration timeout, IdentityPeer& identity)
      : timeout_(timeout), identity_(identity) {}

  struct Sent {
    std::string person;         // name of the openid's person
    std::optional<NewJob> job;  // to be stored: identity did not answer
  };
  Sent Send(const std::string& project, const Evidence& evidence, Deadline deadline);

 private:
  const absl::Duration timeout_;
  IdentityPeer& identity_;
};

// The job that brings evidence to identity.
NewJob EvidenceJob(const std::string& project, const Evidence& evidence);
// Tells one use of a single-use code, or one answer, from another without telling it.
std::string RequestIdOf(const std::string& text);

}  // namespace datong::broker
