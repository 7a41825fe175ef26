#include "services/insight/core/analyst.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status/macros.h"
#include "services/insight/core/errors.h"
#include "services/insight/core/surfaces.h"

namespace datong::insight {
namespace {

absl::StatusOr<EventMatch> Resolve(const ProjectSources& sources, const EventSelector& selector) {
  EventMatch match;
  match.event_type = selector.event_type;
  match.event_name = selector.event_name;
  if (!selector.surfaces.empty()) {
    DATONG_ASSIGN_OR_RETURN(const std::vector<Surface> surfaces,
                            SurfacesOf(sources, selector.surfaces));
    match.sources = SourceNumbers(surfaces);
  }
  return match;
}

// Person and surfaces of their sources, each once, by name.
Person WithSurfaces(const EventStore::FoundPerson& found, const ProjectSources& sources) {
  Person person = found.person;
  for (const Source& source : sources.sources) {
    if (std::find(found.sources.begin(), found.sources.end(), source.number) !=
        found.sources.end()) {
      person.surfaces.push_back(source.surface);
    }
  }
  std::sort(person.surfaces.begin(), person.surfaces.end());
  person.surfaces.erase(std::unique(person.surfaces.begin(), person.surfaces.end()),
                        person.surfaces.end());
  return person;
}

// When a page begins: its cursor's time, as ReadTimeline writes it.
absl::Time TimeOfCursor(const std::string& cursor) {
  int64_t micros = 0;
  return absl::SimpleAtoi(cursor.substr(0, cursor.find('/')), &micros)
             ? absl::FromUnixMicros(micros)
             : absl::InfiniteFuture();
}

// What came to the person by merges from `oldest` on and before `newest`.
std::vector<TimelineMerge> MergesBetween(const Person& person, absl::Time oldest,
                                         absl::Time newest) {
  std::map<std::pair<absl::Time, std::string>, TimelineMerge> merges;
  for (const PersonIdentifier& identifier : person.identifiers) {
    if (identifier.previous_person.empty() || identifier.link_time < oldest ||
        identifier.link_time >= newest) {
      continue;
    }
    TimelineMerge& merge = merges[{identifier.link_time, identifier.previous_person}];
    merge.merge_time = identifier.link_time;
    merge.previous_person = identifier.previous_person;
    merge.identifiers.push_back(identifier.identifier);
  }
  std::vector<TimelineMerge> result;
  for (auto& [key, merge] : merges) result.push_back(std::move(merge));
  std::reverse(result.begin(), result.end());
  return result;
}

}  // namespace

bool Analyst::Pause(Deadline deadline) {
  const absl::Duration left = deadline.Remaining() - absl::Milliseconds(50);
  if (left <= absl::ZeroDuration()) return false;
  Mutex mutex;
  MutexLock lock(&mutex);
  absl::CondVar never;
  never.WaitWithTimeout(&mutex, std::min(left, absl::Milliseconds(25)));
  return true;
}

absl::StatusOr<ProjectSources> Analyst::ListSources(const Asker& asker,
                                                    const std::string& project) {
  absl::StatusOr<ProjectSources> sources = sources_.List(asker, project);
  MutexLock lock(&mutex_);
  if (sources.ok()) {
    known_sources_[project] = *sources;
  } else if (absl::IsUnavailable(sources.status())) {
    const auto it = known_sources_.find(project);
    if (it != known_sources_.end()) return it->second;
  }
  return sources;
}

absl::Status Analyst::AwaitPersons(const Asker& asker, const Question& question) {
  for (;;) {
    absl::StatusOr<int64_t> version = persons_.CatchUp(asker, question.project);
    if (!version.ok()) {
      // Identity away, or not told of the project yet: the copy as it is still answers.
      const bool away = absl::IsUnavailable(version.status()) &&
                        GetReason(version.status()) != "NOT_CAUGHT_UP" &&
                        GetReason(version.status()) != "DATABASE_UNAVAILABLE";
      if (!away && GetReason(version.status()) != "PROJECT_UNKNOWN") return version.status();
      version = persons_.GetVersion(question.project, asker.deadline);
      if (!version.ok()) return version.status();
    }
    if (*version >= question.freshness.min_identity_version) return absl::OkStatus();
    if (!Pause(asker.deadline)) {
      return NotCaughtUp("identity version", question.freshness.min_identity_version, *version);
    }
  }
}

absl::Status Analyst::AwaitPosition(const Asker& asker, int64_t position) {
  if (position <= 0) return absl::OkStatus();
  for (;;) {
    DATONG_ASSIGN_OR_RETURN(const EventStore::Progress progress,
                            events_.GetProgress(position, asker.deadline));
    if (progress.reached) return absl::OkStatus();
    if (!Pause(asker.deadline)) {
      return NotCaughtUp("event stream", position, progress.newest);
    }
  }
}

absl::StatusOr<ProjectSources> Analyst::Prepare(const Asker& asker, const Question& question) {
  DATONG_RETURN_IF_ERROR(AwaitPosition(asker, question.freshness.min_position));
  DATONG_ASSIGN_OR_RETURN(ProjectSources sources, ListSources(asker, question.project));
  DATONG_RETURN_IF_ERROR(AwaitPersons(asker, question));
  return sources;
}

absl::StatusOr<Dated<TrafficAnswer>> Analyst::Traffic(const Asker& asker, const Question& question,
                                                      const DayRange& range,
                                                      Granularity granularity,
                                                      const std::vector<std::string>& surfaces) {
  DATONG_ASSIGN_OR_RETURN(const ProjectSources sources, Prepare(asker, question));
  DATONG_ASSIGN_OR_RETURN(const std::vector<Surface> chosen, SurfacesOf(sources, surfaces));
  TrafficAnswer answer{NamesOf(chosen), PeriodsOf(range, granularity), {}};
  DATONG_ASSIGN_OR_RETURN(
      Dated<TrafficFacts> facts,
      events_.ReadTraffic(sources.project_number, chosen, range, answer.periods, asker.deadline));
  answer.figures =
      CountTraffic(std::move(facts.value), range, answer.periods, static_cast<int>(chosen.size()));
  return Dated<TrafficAnswer>{std::move(answer), facts.as_of};
}

absl::StatusOr<Dated<OverlapAnswer>> Analyst::Overlap(const Asker& asker, const Question& question,
                                                      const DayRange& range,
                                                      const std::vector<std::string>& surfaces) {
  DATONG_ASSIGN_OR_RETURN(const ProjectSources sources, Prepare(asker, question));
  DATONG_ASSIGN_OR_RETURN(const std::vector<Surface> chosen, SurfacesOf(sources, surfaces));
  if (chosen.size() > static_cast<size_t>(kMostOverlapSurfaces)) {
    return Invalid("TOO_MANY_SURFACES",
                   absl::StrCat("At most ", kMostOverlapSurfaces,
                                " surfaces can be compared; name those you want."));
  }
  DATONG_ASSIGN_OR_RETURN(
      Dated<std::vector<OverlapCount>> counts,
      events_.ReadOverlap(sources.project_number, chosen, range, asker.deadline));
  return Dated<OverlapAnswer>{
      {NamesOf(chosen), BuildOverlap(std::move(counts.value), static_cast<int>(chosen.size()))},
      counts.as_of};
}

absl::StatusOr<Dated<std::vector<int64_t>>> Analyst::Funnel(
    const Asker& asker, const Question& question, const DayRange& range,
    const std::vector<std::vector<EventSelector>>& steps, absl::Duration window) {
  DATONG_ASSIGN_OR_RETURN(const ProjectSources sources, Prepare(asker, question));
  std::vector<std::vector<EventMatch>> matches;
  for (const std::vector<EventSelector>& step : steps) {
    std::vector<EventMatch>& alternatives = matches.emplace_back();
    for (const EventSelector& selector : step) {
      DATONG_ASSIGN_OR_RETURN(EventMatch match, Resolve(sources, selector));
      alternatives.push_back(std::move(match));
    }
  }
  DATONG_ASSIGN_OR_RETURN(
      Dated<std::vector<StepEvent>> events,
      events_.ReadSteps(sources.project_number, matches, range, window, asker.deadline));
  return Dated<std::vector<int64_t>>{
      CountFunnel(std::move(events.value), static_cast<int>(steps.size()),
                  absl::ToInt64Microseconds(window)),
      events.as_of};
}

absl::StatusOr<Dated<RetentionTable>> Analyst::Retention(
    const Asker& asker, const Question& question, const DayRange& range, bool only_new,
    const EventSelector& start, const EventSelector& come_back, int periods) {
  DATONG_ASSIGN_OR_RETURN(const ProjectSources sources, Prepare(asker, question));
  DATONG_ASSIGN_OR_RETURN(const EventMatch start_match, Resolve(sources, start));
  DATONG_ASSIGN_OR_RETURN(const EventMatch return_match, Resolve(sources, come_back));
  DATONG_ASSIGN_OR_RETURN(Dated<EventStore::RetentionFacts> facts,
                          events_.ReadRetention(sources.project_number, start_match, return_match,
                                                only_new, range, periods, asker.deadline));
  // The day under way has not ended.
  const int32_t last_day = DayNumber(ShanghaiDay(clock_.Now())) - 1;
  return Dated<RetentionTable>{
      BuildRetention(std::move(facts.value.members), std::move(facts.value.returns), range, periods,
                     last_day),
      facts.as_of};
}

absl::StatusOr<Dated<std::vector<Person>>> Analyst::FindPersons(
    const Asker& asker, const Question& question, const EventStore::PersonQuery& query) {
  DATONG_ASSIGN_OR_RETURN(const ProjectSources sources, Prepare(asker, question));
  DATONG_ASSIGN_OR_RETURN(const Dated<std::vector<EventStore::FoundPerson>> found,
                          events_.FindPersons(sources.project_number, query, asker.deadline));
  Dated<std::vector<Person>> answer{{}, found.as_of};
  for (const EventStore::FoundPerson& one : found.value) {
    answer.value.push_back(WithSurfaces(one, sources));
  }
  return answer;
}

absl::StatusOr<Dated<TimelineAnswer>> Analyst::Timeline(const Asker& asker,
                                                        const Question& question,
                                                        const EventStore::PersonQuery& who,
                                                        const std::vector<std::string>& surfaces,
                                                        const std::string& cursor, int limit) {
  DATONG_ASSIGN_OR_RETURN(const ProjectSources sources, Prepare(asker, question));
  std::optional<std::vector<int32_t>> chosen;
  if (!surfaces.empty()) {
    DATONG_ASSIGN_OR_RETURN(const std::vector<Surface> found, SurfacesOf(sources, surfaces));
    chosen = SourceNumbers(found);
  }
  DATONG_ASSIGN_OR_RETURN(const Dated<std::vector<EventStore::FoundPerson>> found,
                          events_.FindPersons(sources.project_number, who, asker.deadline));
  if (found.value.empty()) return PersonUnknown(who.person.empty() ? who.query : who.person);
  TimelineAnswer answer;
  answer.person = WithSurfaces(found.value.front(), sources);
  answer.sources = sources.sources;
  DATONG_ASSIGN_OR_RETURN(Dated<EventStore::TimelinePage> page,
                          events_.ReadTimeline(sources.project_number, answer.person.index, chosen,
                                               cursor, limit, asker.deadline));
  answer.entries = std::move(page.value.entries);
  answer.next_cursor = std::move(page.value.next_cursor);
  answer.merges = MergesBetween(
      answer.person,
      answer.next_cursor.empty() ? absl::InfinitePast() : TimeOfCursor(answer.next_cursor),
      TimeOfCursor(cursor));
  return Dated<TimelineAnswer>{std::move(answer), page.as_of};
}

absl::StatusOr<Dated<FollowerGrowth>> Analyst::Followers(const Asker& asker,
                                                         const Question& question,
                                                         const DayRange& range,
                                                         const std::vector<std::string>& apps,
                                                         std::optional<absl::Time>* fetch_time) {
  // Knows whether there is such a project; datacube would answer with nothing.
  DATONG_RETURN_IF_ERROR(ListSources(asker, question.project).status());
  const absl::StatusOr<FollowerFacts> facts = followers_.Read(asker, question.project, apps, range);
  if (!facts.ok()) {
    if (absl::IsInvalidArgument(facts.status()) || absl::IsNotFound(facts.status())) {
      return facts.status();
    }
    return StatisticsUnavailable(facts.status().message());
  }
  *fetch_time = facts->fetch_time;
  return Dated<FollowerGrowth>{BuildFollowerGrowth(*facts, range, apps), AsOf{}};
}

}  // namespace datong::insight
