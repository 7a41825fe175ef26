#include "services/broker/store/file_audit_spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/status/macros.h"
#include "common/wechat/answer.h"
#include "common/wechat/lenient_json.h"

namespace datong::broker {
namespace {

constexpr size_t kRowsAtOnce = 500;

std::string ToLine(const AccessRow& row) {
  const nlohmann::json json = {{"id", row.id},
                               {"second", absl::ToUnixSeconds(row.second)},
                               {"caller", row.caller},
                               {"project", row.project},
                               {"appid", row.appid},
                               {"kind", static_cast<int>(row.kind)},
                               {"action", row.action},
                               {"allowed", row.allowed ? 1 : 0},
                               {"reason", row.reason},
                               {"count", row.count},
                               {"fingerprint", row.fingerprint},
                               {"request_id", row.request_id},
                               {"trace_id", row.trace_id},
                               {"peer", row.peer}};
  return absl::StrCat(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), "\n");
}

AccessRow FromJson(const nlohmann::json& json) {
  AccessRow row;
  row.id = wechat::TextField(json, "id");
  row.second = absl::FromUnixSeconds(wechat::NumberField(json, "second").value_or(0));
  row.caller = wechat::TextField(json, "caller");
  row.project = wechat::TextField(json, "project");
  row.appid = wechat::TextField(json, "appid");
  row.kind = static_cast<AppKind>(wechat::NumberField(json, "kind").value_or(0));
  row.action = wechat::TextField(json, "action");
  row.allowed = wechat::NumberField(json, "allowed").value_or(0) != 0;
  row.reason = wechat::TextField(json, "reason");
  row.count = wechat::NumberField(json, "count").value_or(1);
  row.fingerprint = wechat::TextField(json, "fingerprint");
  row.request_id = wechat::TextField(json, "request_id");
  row.trace_id = wechat::TextField(json, "trace_id");
  row.peer = wechat::TextField(json, "peer");
  return row;
}

}  // namespace

absl::Status FileAuditSpool::Append(const std::vector<AccessRow>& rows) {
  std::string lines;
  for (const AccessRow& row : rows) lines += ToLine(row);
  MutexLock lock(&mutex_);
  const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return absl::UnavailableError("The audit spool cannot be opened.");
  struct stat info {};
  absl::Status status = absl::OkStatus();
  if (::fstat(file, &info) != 0 ||
      info.st_size + static_cast<int64_t>(lines.size()) > most_bytes_) {
    status = absl::ResourceExhaustedError("The audit spool is full.");
  } else if (::write(file, lines.data(), lines.size()) != static_cast<ssize_t>(lines.size()) ||
             ::fsync(file) != 0) {
    // What was written of it goes again; a line cut short would spoil the next one.
    const bool is_whole = ::ftruncate(file, info.st_size) == 0;
    status = is_whole ? absl::UnavailableError("The audit spool cannot be written.")
                      : absl::DataLossError("The audit spool ends with part of a row.");
  }
  ::close(file);
  return status;
}

absl::Status FileAuditSpool::MoveTo(AuditStore& store, Deadline deadline) {
  MutexLock lock(&mutex_);
  std::ifstream file(path_);
  if (!file) return absl::OkStatus();
  std::vector<AccessRow> rows;
  std::string line;
  bool any = false;
  while (std::getline(file, line)) {
    const std::optional<nlohmann::json> json = wechat::ParseLenientJson(line);
    if (json.has_value() && json->is_object()) rows.push_back(FromJson(*json));
    if (rows.size() < kRowsAtOnce) continue;
    DATONG_RETURN_IF_ERROR(store.Append(rows, deadline));
    rows.clear();
    any = true;
  }
  if (!rows.empty()) DATONG_RETURN_IF_ERROR(store.Append(rows, deadline));
  if (rows.empty() && !any) return absl::OkStatus();
  return ::truncate(path_.c_str(), 0) == 0
             ? absl::OkStatus()
             : absl::UnavailableError("The audit spool cannot be emptied.");
}

}  // namespace datong::broker
