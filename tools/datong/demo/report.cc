#include "tools/datong/demo/report.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/time/shanghai.h"
#include "tools/datong/table.h"

namespace datong::demo {
namespace {

using tools::Table;

std::string Count(int64_t number) {
  std::string digits = std::to_string(number);
  for (int at = static_cast<int>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  return digits;
}

std::string Percent(double rate) { return absl::StrFormat("%.1f%%", rate * 100); }

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

std::string Moment(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, ShanghaiTimeZone());
}

std::string LastPart(const std::string& name) { return name.substr(name.rfind('/') + 1); }

// "COMPLETE" of "FRESHNESS_STATE_COMPLETE", in words.
std::string Words(const std::string& enum_name, const std::string& prefix) {
  std::string text = enum_name.substr(enum_name.find(prefix) == 0 ? prefix.size() : 0);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c == '_' ? ' ' : static_cast<char>(std::tolower(c)); });
  return text;
}

// A section's heading, and in one sentence what it shows.
std::string Title(const std::string& title, const std::string& what) {
  return absl::StrCat("\n", title, "\n   ", what, "\n\n");
}

// Why identity does not join what it was told to join.
std::string RefusalInWords(const std::string& reason) {
  static const auto* words = new std::map<std::string, std::string>{
      {"login_conflict", "one openid, two member logins: the stronger evidence stays"},
      {"shared_device", "a device that several people used belongs to none of them"},
      {"snapshot_user", "WeChat's stand-in for somebody who has not signed in"},
      {"unionid_conflict", "one openid, two unionids: the stronger evidence stays"},
      {"openid_conflict", "one person would have two openids of one app"},
      {"scope_unknown", "waits until the app's Open Platform account is known"},
      {"client_claim_unverified", "only the client says so"},
      {"blocked_value", "a value that names nobody, as 0 or null"}};
  const auto found = words->find(reason);
  return found == words->end() ? "" : found->second;
}

// What an operator would mend first; `datong readiness` has all of it.
std::string Readiness(const broker::v1::CheckReadinessResponse& readiness) {
  std::string text =
      absl::StrCat("\n   Readiness · 就绪检查: ", readiness.passed(), " checks passed, ",
                   readiness.failed(), " failed, ", readiness.unknown(), " cannot be told.",
                   readiness.failed() > 0 ? " To be mended next:" : "", "\n");
  for (const broker::v1::AppReadiness& app : readiness.apps()) {
    for (const broker::v1::ReadinessCheck& check : app.checks()) {
      if (check.result() != broker::v1::READINESS_RESULT_FAIL) continue;
      absl::StrAppend(&text, "     ", LastPart(app.app()), ": ", check.reason().en(), "\n       → ",
                      check.next_step().en(), "\n");
    }
  }
  return text;
}

std::string Accounts(const Answers& answers) {
  std::string text = Title(
      "1. Accounts and how fresh their data is · 账号与数据新鲜度",
      "Connected by a scan of the authorisation page or by an own secret; WeChat's statistics are "
      "fetched every night.");
  Table accounts({"account", "kind", "connected by", "state", "holder", "certified"});
  for (const broker::v1::App& app : answers.apps) {
    std::string holder, certified;
    for (const broker::v1::Authorization& authorization : answers.authorizations) {
      if (authorization.app() != app.name()) continue;
      holder = authorization.principal_name();
      certified = authorization.verified() ? "yes" : "no";
    }
    accounts.Add({app.display_name().empty() ? app.appid() : app.display_name(),
                  Words(broker::v1::AppKind_Name(app.kind()), "APP_KIND_"),
                  app.component().empty() ? "own secret" : "scan",
                  Words(broker::v1::AppState_Name(app.state()), "APP_STATE_"), holder, certified});
  }
  text += accounts.ToString("   ");
  text += Readiness(answers.readiness);
  Table fresh({"statistics of", "interface", "state", "newest day", "days missing", "last sync"});
  for (const datacube::v1::ApiFreshness& freshness : answers.freshness) {
    const bool offered = freshness.state() != datacube::v1::FRESHNESS_STATE_NOT_OFFERED;
    fresh.Add(
        {LastPart(freshness.app()), freshness.api(),
         Words(datacube::v1::FreshnessState_Name(freshness.state()), "FRESHNESS_STATE_"),
         freshness.newest_day(), offered ? Count(freshness.days_missing()) : "",
         freshness.has_last_sync_time() ? Moment(FromProto(freshness.last_sync_time())) : ""});
  }
  return absl::StrCat(text, "\n", fresh.ToString("   "),
                      "   not offered: of accounts of this kind nothing is fetched.\n");
}

std::string Identity(const Answers& answers) {
  const identity::v1::GetGraphStatsResponse& graph = answers.graph;
  std::string text = Title("2. Identifiers → persons · 从标识到人",
                           "Devices, openids, unionids and logins that evidence joins are one "
                           "person; doubtful pairs stay apart.");
  absl::StrAppend(&text, "   ", Count(graph.identifier_count()), " identifiers are ",
                  Count(graph.person_count()), " persons: ", Count(graph.merge_count()),
                  " merges from ", Count(graph.evidence_count()), " facts.\n\n");
  Table kinds({"identifiers of kind", "count"});
  for (const auto& [kind, count] : std::map<std::string, int64_t>(
           graph.identifiers_by_kind().begin(), graph.identifiers_by_kind().end())) {
    kinds.Add({kind, Count(count)});
  }
  text += kinds.ToString("   ");
  Table refusals({"refused because", "pairs", "that is"});
  std::string examples;
  for (const auto& [reason, count] : std::map<std::string, int64_t>(
           graph.refusals_by_reason().begin(), graph.refusals_by_reason().end())) {
    const auto example =
        std::find_if(answers.refusals.begin(), answers.refusals.end(),
                     [&](const auto& refusal) { return refusal.reason() == reason; });
    refusals.Add({reason, Count(count), RefusalInWords(reason)});
    if (example != answers.refusals.end() && example->ids_size() == 2 && examples.empty()) {
      examples = absl::StrCat("\n   For example ", reason, ": ", example->ids(0), " ≠ ",
                              example->ids(1), "\n");
    }
  }
  return absl::StrCat(text, "\n", refusals.ToString("   "), examples);
}

std::string Traffic(const Answers& answers) {
  std::string text =
      Title("3. Traffic over the whole time, per surface and over all · 流量",
            "Visitors are persons, not devices: one person on three surfaces is one visitor of all "
            "surfaces. Opens are sessions.");
  Table table({"surface", "visitors", "new", "page views", "opens", "events"});
  const insight::v1::TrafficRow* all = nullptr;
  for (const insight::v1::TrafficRow& row : answers.traffic_total.rows()) {
    if (row.surface().empty()) all = &row;
    if (row.events() == 0) continue;
    table.Add({row.surface().empty() ? "all surfaces" : row.surface(), Count(row.visitors()),
               Count(row.new_visitors()), Count(row.page_views()), Count(row.opens()),
               Count(row.events())});
  }
  text += table.ToString("   ");
  if (all != nullptr) {
    absl::StrAppend(&text, "\n   The surfaces' visitors add up to ", Count(all->visitors_sum()),
                    "; as persons they are ", Count(all->visitors()), ".\n");
  }
  return text;
}

std::string Overlap(const Answers& answers) {
  std::string text = Title("4. Overlap: on exactly which surfaces persons were seen · 重合",
                           "Each person is counted in one line.");
  constexpr size_t kShown = 12;
  int64_t others = 0, other_persons = 0;
  Table table({"surfaces", "persons"});
  for (const insight::v1::OverlapCell& cell : answers.overlap.cells()) {
    if (table.size() == kShown) {
      ++others;
      other_persons += cell.persons();
      continue;
    }
    table.Add({cell.surfaces_size() == 1 ? absl::StrCat("only ", cell.surfaces(0))
                                         : absl::StrJoin(cell.surfaces(), " + "),
               Count(cell.persons())});
  }
  if (others > 0) {
    table.Add({absl::StrCat(others, " other combinations"), Count(other_persons)});
  }
  return text + table.ToString("   ");
}

std::string Funnel(const Answers& answers) {
  std::string text =
      Title("5. Funnel within 7 days, in this order, over all surfaces · 漏斗",
            "Followed the account, opened a mini program, ordered, paid: only joined "
            "identifiers show that it was one person.");
  Table table({"step", "persons", "of the step before", "of the first", ""});
  for (const insight::v1::FunnelStepResult& step : answers.funnel.steps()) {
    std::string bar;
    for (int i = 0; i < static_cast<int>(step.rate_of_first() * 40 + 0.5); ++i) bar += "█";
    table.Add({step.display_name(), Count(step.persons()), Percent(step.rate_of_previous()),
               Percent(step.rate_of_first()), bar});
  }
  return text + table.ToString("   ");
}

std::string Retention(const Answers& answers) {
  constexpr int kColumns = 8;
  std::string text = Title(
      "6. Retention: of the persons first seen on a day, how many came back k days later · 留存",
      "Exactly k days later, on any surface; the last ten days, and all days together.");
  std::vector<std::string> header = {"first seen", "persons"};
  for (int k = 1; k < kColumns; ++k) header.push_back(absl::StrCat("+", k));
  Table table(header);
  const auto add = [&](const std::string& name, const std::string& size, const auto& cells) {
    std::vector<std::string> row = {name, size};
    for (int k = 1; k < kColumns; ++k) {
      const auto cell =
          std::find_if(cells.begin(), cells.end(), [&](const auto& c) { return c.period() == k; });
      row.push_back(cell == cells.end() ? "" : Percent(cell->rate()));
    }
    table.Add(std::move(row));
  };
  const auto& rows = answers.retention.rows();
  for (int at = std::max(0, rows.size() - 10); at < rows.size(); ++at) {
    add(rows[at].day(), Count(rows[at].size()), rows[at].cells());
  }
  int64_t persons = 0;
  for (const insight::v1::RetentionRow& row : rows) persons += row.size();
  add("all cohorts", Count(persons), answers.retention.summed());
  return text + table.ToString("   ");
}

std::string Followers(const Answers& answers) {
  std::string text =
      Title("7. Followers of the official account, as the platform reports them · 粉丝",
            "From WeChat's own statistics, fetched by night and kept.");
  const insight::v1::FollowerSource& total = answers.followers.total();
  absl::StrAppend(&text, "   ", Count(total.new_followers()), " came, ",
                  Count(total.cancelled_followers()), " left, net ", Count(total.net_followers()),
                  " in the story's days and the 90 before them.\n\n");
  Table table({"came through", "code", "new", "left", "net"});
  for (const insight::v1::FollowerSource& source : answers.followers.sources()) {
    table.Add({source.display_name().empty() ? "–" : source.display_name(),
               std::to_string(source.user_source()), Count(source.new_followers()),
               Count(source.cancelled_followers()), Count(source.net_followers())});
  }
  text += table.ToString("   ");
  Table days({"day", "new", "left", "followers"});
  std::vector<const insight::v1::FollowerDay*> rows;
  for (const insight::v1::FollowerDay& day : answers.followers.days()) {
    if (day.app().empty()) rows.push_back(&day);
  }
  for (size_t at = rows.size() > 5 ? rows.size() - 5 : 0; at < rows.size(); ++at) {
    days.Add({rows[at]->day(), Count(rows[at]->new_followers()),
              Count(rows[at]->cancelled_followers()), Count(rows[at]->cumulative_followers())});
  }
  return absl::StrCat(text, "\n", days.ToString("   "));
}

std::string Timeline(const Answers& answers) {
  std::string text =
      Title("8. One person, over all surfaces, newest first · 一个人的时间线",
            "Somebody known by all of these identifiers; \"seen as\" is the kind that "
            "the event itself carried.");
  absl::StrAppend(&text, "   ", answers.timeline.person().name(), "\n");
  for (const insight::v1::PersonIdentifier& id : answers.timeline.person().identifiers()) {
    absl::StrAppend(&text, "     ", id.identifier(), "\n");
  }
  Table table({"time", "surface", "event", "seen as", "page"});
  constexpr int kShown = 18;
  for (const insight::v1::TimelineEntry& entry : answers.timeline.entries()) {
    if (entry.event_type() == ingest::v1::EVENT_TYPE_VIEW_CLICK) continue;
    table.Add({Moment(FromProto(entry.event_time())), entry.surface(),
               entry.event_name().empty()
                   ? Words(ingest::v1::EventType_Name(entry.event_type()), "EVENT_TYPE_")
                   : entry.event_name(),
               entry.identifier().substr(0, entry.identifier().find(':')), entry.path()});
  }
  const std::vector<std::string> lines = absl::StrSplit(table.ToString("   "), '\n');
  text += "\n";
  for (size_t at = 0; at < lines.size() && at < kShown + 2; ++at) text += lines[at] + "\n";
  absl::StrAppend(&text, "   … ", Count(answers.timeline.person().events()),
                  " events in all; clicks are left out here.\n");
  return text;
}

std::string Refused(const Answers& answers, const Experience& experience) {
  std::string text = Title("9. What was refused, and where it is kept · 拒收与隔离",
                           "SDKs are answered as if all were well, since they would only send it "
                           "again; what cannot be used waits in quarantine.");
  Table table({"what", "answer", "kept"});
  table.Add({"a batch sent twice", absl::StrCat("HTTP ", experience.duplicate_batch_answer),
             "once: its events were there already"});
  table.Add({"a batch cut in the middle", absl::StrCat("HTTP ", experience.malformed_batch_answer),
             "in quarantine, whole, for 30 days"});
  text += table.ToString("   ");
  Table quarantined({"quarantined at", "dialect", "reason", "bytes", "detail"});
  for (const ingest::v1::QuarantinedEvent& event : answers.quarantined) {
    quarantined.Add({Moment(FromProto(event.receive_time())), event.dialect(), event.reason(),
                     Count(event.raw_bytes()), event.detail()});
  }
  if (!quarantined.empty()) {
    absl::StrAppend(&text, "\n", quarantined.ToString("   "));
  } else {
    text += "\n   The quarantine is empty today: what was there is older than its 30 days.\n";
  }
  absl::StrAppend(&text, "\n   ", answers.refusals.size(),
                  " refused pairs of identifiers are kept as well (section 2): `datong identity "
                  "list-refusals`.\n");
  return text;
}

std::string Way(const Answers& answers, const Experience& experience, const Estate& estate) {
  std::string text = Title("10. On the way · 一路上", "What the story sent, and what it met.");
  Table table({"what", "how much"});
  table.Add({"days that passed", Count(estate.options.days)});
  table.Add({"requests to the collector", Count(experience.sdk_requests)});
  table.Add({"logins by wx.login", Count(experience.logins)});
  table.Add({"encrypted pushes taken", Count(experience.pushes)});
  table.Add({"requests of real SDKs replayed", Count(experience.captured_requests)});
  table.Add({"token reads while a token was taken back", Count(experience.token_reads_under_load)});
  table.Add({"… failed", Count(experience.failed_token_reads)});
  table.Add({"… different tokens seen: the old, the new", Count(experience.distinct_tokens_seen)});
  table.Add({"token reads in the audit", Count(answers.token_reads_audited)});
  table.Add({"slowest question", absl::StrCat(absl::FormatDuration(absl::Trunc(
                                                  answers.slowest_question, absl::Milliseconds(1))),
                                              " (", answers.slowest_name, ")")});
  return text + table.ToString("   ");
}

}  // namespace

std::string Report(const Answers& answers, const Experience& experience, const Estate& estate) {
  return absl::StrCat(
      "\n════ 大同 Datong: one company's WeChat estate, ", FormatDay(estate.first_day), " to ",
      FormatDay(estate.first_day + (estate.options.days - 1)),
      " ════\n\n"
      "   An official account, two mini programs (shop and club), an H5 site and the shop's "
      "server; ",
      Count(estate.options.persons), " simulated people, ", Count(estate.options.days),
      " days.\n   Every figure was asked of the public RPCs.\n", Accounts(answers),
      Identity(answers), Traffic(answers), Overlap(answers), Funnel(answers), Retention(answers),
      Followers(answers), Timeline(answers), Refused(answers, experience),
      Way(answers, experience, estate), "\n   As of event position ",
      answers.traffic_total.as_of().position(), ", identity version ",
      answers.traffic_total.as_of().identity_version(), ".\n");
}

}  // namespace datong::demo
