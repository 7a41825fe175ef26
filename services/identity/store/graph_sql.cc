#include "services/identity/store/graph_sql.h"

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/secret.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "services/identity/core/errors.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {

const char kEvidenceColumns[] = "kind, array_to_string(ids, E'\\n'), " DATONG_SQL_MICROS(
    "observed_at") ", appid, request_id, obtained_by, snapshot, watermark ";

std::vector<std::string> SplitIds(const std::string& lines) {
  if (lines.empty()) return {};
  return absl::StrSplit(lines, '\n');
}

Reason ReasonOf(absl::string_view name) {
  for (int i = 0; i <= static_cast<int>(kLastReason); ++i) {
    if (name == NameOf(static_cast<Reason>(i))) return static_cast<Reason>(i);
  }
  return Reason::kBadFormat;
}

int64_t ReadVersion(pqxx::transaction_base& work, const Project& project) {
  return work
      .exec_params1("SELECT version FROM identity.projects WHERE project_number = $1",
                    project.number)[0]
      .as<int64_t>();
}

Evidence EvidenceOf(const pqxx::row& row, int first) {
  Evidence record;
  record.kind = row[first].as<std::string>();
  record.ids = SplitIds(row[first + 1].as<std::string>());
  record.observed = TimeOf(row[first + 2]);
  record.appid = row[first + 3].as<std::string>();
  record.request_id = row[first + 4].as<std::string>();
  record.obtained_by = row[first + 5].as<std::string>();
  record.snapshot = row[first + 6].as<bool>();
  record.watermark = static_cast<Watermark>(row[first + 7].as<int>());
  return record;
}

std::vector<Evidence> ReadEvidence(pqxx::transaction_base& work, const Project& project,
                                   const std::string& nodes) {
  std::vector<Evidence> records;
  const pqxx::result rows = work.exec_params(
      absl::StrCat("SELECT ", kEvidenceColumns,
                   "FROM identity.evidence WHERE project_number = $1 AND node = ANY($2::bigint[])"),
      project.number, nodes);
  for (const auto& row : rows) records.push_back(EvidenceOf(row, 0));
  return records;
}

std::vector<Decision> ReadDecisions(pqxx::transaction_base& work, const Project& project,
                                    const std::string& nodes) {
  std::vector<Decision> decisions;
  for (const auto& row :
       work.exec_params("SELECT kind, a, b, " DATONG_SQL_MICROS(
                            "decided_for") ", actor, reason FROM identity.decisions "
                                           "WHERE project_number = $1 AND node = ANY($2::bigint[]) "
                                           "ORDER BY decided_at DESC, decision_id",
                        project.number, nodes)) {
    decisions.push_back({static_cast<DecisionKind>(row[0].as<int>()), row[1].as<std::string>(),
                         row[2].as<std::string>(), TimeOf(row[3]), row[4].as<std::string>(),
                         row[5].as<std::string>()});
  }
  return decisions;
}

std::map<std::string, absl::Time> ReadErased(pqxx::transaction_base& work, const Project& project,
                                             absl::Span<const std::string> identifiers) {
  std::map<std::string, absl::Time> erased;
  const Secret key(work.exec_params1("SELECT coalesce(encode(erase_key, 'hex'), '') FROM "
                                     "identity.projects WHERE project_number = $1 FOR SHARE",
                                     project.number)[0]
                       .as<std::string>());
  if (key.Expose().empty()) return erased;
  std::map<std::string, std::string> id_of;
  TextArray buried;
  for (const std::string& id : identifiers) {
    const std::string as = BytesToHex(crypto::HmacSha256(key, id));
    buried.Add(as);
    id_of[as] = id;
  }
  for (const auto& row : work.exec_params(
           "SELECT encode(tombstone, 'hex'), " DATONG_SQL_MICROS(
               "erased_at") " FROM identity.tombstones WHERE project_number = $1 AND "
                            "tombstone IN (SELECT decode(x, 'hex') FROM unnest($2::text[]) AS x)",
           project.number, buried.Take())) {
    erased[id_of[row[0].as<std::string>()]] = TimeOf(row[1]);
  }
  return erased;
}

std::string MakeCursor(const std::string& epoch, int64_t version) {
  return absl::WebSafeBase64Escape(absl::StrCat(version, "@", epoch));
}

absl::StatusOr<int64_t> ParseCursor(const std::string& cursor, const std::string& epoch) {
  if (cursor.empty()) return 0;
  std::string text;
  int64_t version = 0;
  const bool decoded = absl::WebSafeBase64Unescape(cursor, &text);
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits('@', 1));
  if (!decoded || parts.size() != 2 || !absl::SimpleAtoi(parts[0], &version) || version < 0) {
    return FieldInvalid("CURSOR_INVALID", "The cursor is none that this feed gave out");
  }
  if (parts[1] != epoch) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        "The database was restored since this cursor was made; drop what was read from "
        "the feed and start again without a cursor.",
        {kErrorDomain, "CURSOR_STALE", {}});
  }
  return version;
}

}  // namespace datong::identity
