#include "services/datacube/core/accounts.h"

#include <algorithm>

namespace datong::datacube {

std::vector<Piece> BackfillPieces(const AppKey& app, absl::CivilDay begin, absl::Time now) {
  std::vector<Piece> pieces = {RosterPiece(app, now)};
  const std::vector<DaySpan> spans = CutSpan({begin, NewestPublishedDay(now)});
  for (const Api api : kStatisticsApis) {
    for (Piece& piece : StatisticsPieces(app, api, spans, now)) pieces.push_back(std::move(piece));
  }
  return pieces;
}

AccountDecision DecideAccount(const SyncPolicy& policy, const std::string& project,
                              const std::optional<Account>& before, const AccountUpdate& update,
                              absl::Time now) {
  AccountDecision decision;
  Account& after = decision.after;
  after.app = {project, update.appid};
  after.kind = update.kind;
  after.connected = update.connected;
  after.detail = update.detail;
  after.authorize_time = update.authorize_time;
  const absl::CivilDay begin = BackfillBegin(policy, now);
  after.wanted_begin = before.has_value() ? std::min(before->wanted_begin, begin) : begin;
  after.next_night = before.has_value() ? before->next_night : NextNight(policy, update.appid, now);

  const bool was_active =
      before.has_value() && before->connected && before->kind == kOfficialAccount;
  const bool is_active = update.connected && update.kind == kOfficialAccount;
  if (was_active && !is_active) decision.abandons_work = true;
  if (!is_active) return decision;
  const bool authorised_anew =
      was_active && before->any_refused && update.authorize_time != before->authorize_time;
  if (was_active && !authorised_anew) return decision;
  after.next_night = NextNight(policy, update.appid, now);
  decision.clears_refusals = true;
  decision.pieces = BackfillPieces(after.app, after.wanted_begin, now);
  return decision;
}

}  // namespace datong::datacube
