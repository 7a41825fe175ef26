#include "services/broker/store/job_writer.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/crypto/hash.h"
#include "common/status/macros.h"

namespace datong::broker {

const char* JobKindName(JobKind kind) {
  switch (kind) {
    case JobKind::kPush:
      return "push";
    case JobKind::kAnnounceProject:
      return "announce_project";
    case JobKind::kAnnounceApp:
      return "announce_app";
    case JobKind::kEvidence:
      return "evidence";
    case JobKind::kAuthorizerDetails:
      return "authorizer_details";
    case JobKind::kStartTickets:
      return "start_tickets";
    case JobKind::kReleaseCheck:
      return "release_check";
    case JobKind::kMigrateOpenids:
      return "migrate_openids";
    case JobKind::kWecomPush:
      return "wecom_push";
    case JobKind::kWecomDetails:
      return "wecom_details";
    case JobKind::kWecomForget:
      return "wecom_forget";
    case JobKind::kWecomRoster:
      return "wecom_roster";
    case JobKind::kWecomContact:
      return "wecom_contact";
    case JobKind::kWecomGroup:
      return "wecom_group";
  }
  return "";
}

absl::Status JobWriter::Write(pqxx::work& work, const NewJob& job, absl::Duration delay) const {
  DATONG_ASSIGN_OR_RETURN(std::string sealed,
                          sealer_.Seal(Secret(job.payload), "jobs.payload", job.key));
  queue_.Enqueue(work, JobKindName(job.kind), job.key,
                 absl::StrCat(job.project, "\n", job.appid, "\n", crypto::Base64Encode(sealed)),
                 clock_.Now() + delay);
  return absl::OkStatus();
}

absl::StatusOr<Job> JobWriter::Read(JobKind kind, const postgres::Job& queued) const {
  const std::vector<std::string> parts = absl::StrSplit(queued.payload, '\n');
  std::string sealed;
  if (parts.size() != 3 || !crypto::Base64Decode(parts[2], &sealed)) {
    return absl::DataLossError("The payload of a job is broken.");
  }
  Job job;
  job.kind = kind;
  job.key = queued.key;
  job.project = parts[0];
  job.appid = parts[1];
  job.id = queued.id;
  job.claim = queued.claim;
  job.revision = queued.revision;
  job.attempts = queued.attempts;
  DATONG_ASSIGN_OR_RETURN(Secret payload, sealer_.Open(sealed, "jobs.payload", queued.key));
  job.payload = payload.Expose();
  return job;
}

postgres::Job JobWriter::ToQueued(const Job& job) {
  postgres::Job queued;
  queued.id = job.id;
  queued.kind = JobKindName(job.kind);
  queued.key = job.key;
  queued.claim = job.claim;
  queued.revision = job.revision;
  queued.attempts = job.attempts;
  return queued;
}

void TellAccountFeed(pqxx::work& work, const std::string& project, const std::string& appid,
                     absl::Time now) {
  work.exec_params(
      "INSERT INTO broker.account_changes (project, appid, changed_at) "
      "VALUES ($1, $2, to_timestamp($3::bigint / 1e6))",
      project, appid, ToMicros(now));
}

}  // namespace datong::broker
