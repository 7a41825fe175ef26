#include "services/broker/core/evidence_sender.h"

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/log/log.h"
#include "common/status/error.h"
#include "services/broker/core/evidence.h"

namespace datong::broker {

std::string RequestIdOf(const std::string& text) {
  return BytesToHex(crypto::Sha256(text)).substr(0, 32);
}

NewJob EvidenceJob(const std::string& project, const Evidence& evidence) {
  NewJob job;
  job.kind = JobKind::kEvidence;
  job.project = project;
  job.appid = evidence.appid;
  job.payload = EncodeEvidence(evidence);
  job.key = absl::StrCat(evidence.appid, ":", RequestIdOf(job.payload));
  return job;
}

EvidenceSender::Sent EvidenceSender::Send(const std::string& project, const Evidence& evidence,
                                          Deadline deadline) {
  absl::StatusOr<std::string> person =
      identity_.LinkOne(project, evidence, deadline.AtMost(timeout_));
  if (person.ok()) return {*std::move(person), std::nullopt};
  LogWarn("answered without the person",
          {{"app", evidence.appid}, {"reason", GetReason(person.status())}});
  return {"", EvidenceJob(project, evidence)};
}

}  // namespace datong::broker
