#include "services/datacube/core/erasures.h"

#include <set>

#include "common/status/error.h"
#include "common/status/macros.h"

namespace datong::datacube {
namespace {

// Finding followers by their node reads the whole roster.
constexpr absl::Duration kStoreTimeout = absl::Minutes(1);

Deadline StoreDeadline() { return Deadline::After(kStoreTimeout); }

}  // namespace

absl::Status Erasures::Follow() {
  DATONG_ASSIGN_OR_RETURN(const std::vector<std::string> projects,
                          accounts_.ListProjects(Deadline::After(call_timeout_)));
  absl::Status first_error;
  for (const std::string& project : projects) {
    // A project that identity does not know yet must not hold back the others.
    first_error.Update(FollowProject(project));
  }
  return first_error;
}

absl::Status Erasures::FollowProject(const std::string& project) {
  DATONG_ASSIGN_OR_RETURN(std::string cursor, store_.LoadErasureCursor(project, StoreDeadline()));
  for (;;) {
    absl::StatusOr<ErasureFeed::Page> page =
        feed_.ReadErasures(project, cursor, Deadline::After(call_timeout_));
    if (!page.ok() && GetReason(page.status()) == "CURSOR_STALE" && !cursor.empty()) {
      cursor.clear();  // identity's database was restored: from the beginning
      continue;
    }
    if (!page.ok()) return page.status();
    if (page->nodes.empty()) return absl::OkStatus();
    DATONG_RETURN_IF_ERROR(store_.Erase(project, *page, StoreDeadline()));
    cursor = page->cursor;
  }
}

absl::StatusOr<std::vector<std::string>> Erasures::Admit(const AppKey& app,
                                                         std::vector<std::string> openids) {
  DATONG_ASSIGN_OR_RETURN(const std::vector<std::string> erased,
                          store_.FindErased(app, openids, StoreDeadline()));
  if (erased.empty()) return openids;
  std::set<std::string> out(erased.begin(), erased.end());
  const absl::StatusOr<std::vector<std::string>> known =
      feed_.FindKnown(app, erased, Deadline::After(call_timeout_));
  if (known.ok() && !known->empty()) {
    DATONG_RETURN_IF_ERROR(store_.Readmit(app, *known, StoreDeadline()));
    for (const std::string& openid : *known) out.erase(openid);
  }
  std::erase_if(openids, [&](const std::string& openid) { return out.contains(openid); });
  return openids;
}

}  // namespace datong::datacube
