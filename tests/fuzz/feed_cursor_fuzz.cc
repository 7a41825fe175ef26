// What readers of identity's feed and senders of evidence give us: cursors, and identifiers.
#include "common/status/error.h"
#include "services/identity/core/evidence.h"
#include "services/identity/core/linker.h"
#include "services/identity/core/scoping.h"
#include "services/identity/store/graph_sql.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace datong;
  using namespace datong::identity;
  const std::string text(fuzz::Text(data, size));

  // A cursor is none that another epoch gave, and never one of the past or the negative.
  const absl::StatusOr<int64_t> place = ParseCursor(text, "epoch");
  fuzz::Require(!place.ok() || *place >= 0);
  if (place.ok() && !text.empty()) {
    fuzz::Require(ParseCursor(MakeCursor("epoch", *place), "epoch").value() == *place);
    fuzz::Require(!ParseCursor(text, "other").ok());
  }

  Evidence record;
  record.kind = "tenant.login";
  record.ids = {text, "openid:wx1:a"};
  record.observed = absl::FromUnixSeconds(1'772'000'000);
  if (!Normalise(record).empty()) return 0;
  // Its stored form is its own, and cleaning it makes it neither more nor another kind.
  Evidence again = record;
  fuzz::Require(Normalise(again).empty() && again.ids == record.ids);
  std::vector<Refusal> refusals;
  const Evidence clean = Clean(record, {}, refusals);
  fuzz::Require(clean.ids.size() <= record.ids.size());
  for (const std::string& id : clean.ids) {
    fuzz::Require(KindOf(id) != IdKind::kUnknown && KindOf(id) != IdKind::kForbidden);
    fuzz::Require(!FaultOf(id, {}).has_value());
  }
  const Scoped scoped = ScopeUnionids(record, {});
  fuzz::Require(scoped.record.ids.size() + scoped.unknown.size() == record.ids.size());
  return 0;
}
