// The part of InsightHandlers that shows persons and followers, and what is common to all
// questions.

#include <chrono>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/rpc/names.h"
#include "common/rpc/paging.h"
#include "common/status/macros.h"
#include "services/insight/core/errors.h"
#include "services/insight/rpc/conversions.h"
#include "services/insight/rpc/insight_handlers.h"

namespace datong::insight {
namespace {

// The person that a request names.
absl::StatusOr<EventStore::PersonQuery> ReadPerson(const std::string& project,
                                                   const v1::GetTimelineRequest& request) {
  EventStore::PersonQuery who;
  who.limit = 1;
  if (request.person().empty()) {
    if (request.identifier().empty()) {
      return Invalid("PERSON_REQUIRED", "Set person or identifier.");
    }
    who.query = request.identifier();
    return who;
  }
  DATONG_ASSIGN_OR_RETURN(
      const std::vector<std::string> parts,
      rpc::ParseResourceName(request.person(), "projects/{}/persons/{}", "PERSON_REQUIRED"));
  if (parts[0] != project) return PersonUnknown(request.person());
  who.person = parts[1];
  return who;
}

void WriteEntry(const TimelineEntry& entry, const std::vector<Source>& sources,
                v1::TimelineEntry* out) {
  WriteTime(entry.event_time, out->mutable_event_time());
  out->set_day(FormatDay(ShanghaiDay(entry.event_time)));
  for (const Source& source : sources) {
    if (source.number != entry.source) continue;
    out->set_surface(source.surface);
    out->set_source(source.name);
  }
  out->set_event_type(ToEventType(entry.event_type));
  out->set_event_name(entry.event_name);
  out->set_identifier(entry.identifier);
  out->set_session_id(entry.session_id);
  out->set_path(entry.path);
  out->set_title(entry.title);
  out->set_referrer(entry.referrer);
  out->set_raw_json(entry.raw_json);
}

void WriteFollowerDay(const FollowerDay& day, v1::FollowerDay* out) {
  out->set_day(FormatDay(day.day));
  out->set_app(day.app);
  if (day.new_followers.has_value()) {
    out->set_new_followers(*day.new_followers);
    out->set_cancelled_followers(*day.cancelled);
    out->set_net_followers(*day.new_followers - *day.cancelled);
  }
  if (day.cumulative.has_value()) out->set_cumulative_followers(*day.cumulative);
}

void WriteFollowerSource(const FollowerSource& source, v1::FollowerSource* out) {
  out->set_user_source(source.user_source);
  out->set_new_followers(source.new_followers);
  out->set_cancelled_followers(source.cancelled);
  out->set_net_followers(source.new_followers - source.cancelled);
}

// Answers and counts.
template <typename Answer>
auto Counted(InsightMetrics& metrics, QueryKind kind, Answer answer) {
  const auto start = std::chrono::steady_clock::now();
  auto result = answer();
  metrics.Answered(kind, result.status(),
                   absl::FromChrono(std::chrono::steady_clock::now() - start));
  return result;
}

}  // namespace

absl::StatusOr<v1::GetTimelineResponse> InsightHandlers::Timeline(
    const rpc::CallContext& call, const v1::GetTimelineRequest& request) {
  DATONG_ASSIGN_OR_RETURN(
      const Question question,
      ReadQuestion(request.project(), request.min_position(), request.min_identity_version()));
  DATONG_ASSIGN_OR_RETURN(const EventStore::PersonQuery who, ReadPerson(question.project, request));
  DATONG_ASSIGN_OR_RETURN(const int32_t page_size, rpc::PageSize(request.page_size()));
  const std::string filter =
      absl::StrCat("timeline\n", request.project(), "\n", request.person(), "\n",
                   request.identifier(), "\n", absl::StrJoin(request.surfaces(), "\n"));
  DATONG_ASSIGN_OR_RETURN(const std::string cursor,
                          rpc::ReadPageToken(request.page_token(), filter));
  DATONG_ASSIGN_OR_RETURN(const Dated<TimelineAnswer> answer,
                          analyst_.Timeline({call.deadline, call}, question, who,
                                            ReadStrings(request.surfaces()), cursor, page_size));
  v1::GetTimelineResponse response;
  WritePerson(question.project, answer.value.person, response.mutable_person());
  for (const TimelineEntry& entry : answer.value.entries) {
    WriteEntry(entry, answer.value.sources, response.add_entries());
  }
  for (const TimelineMerge& merge : answer.value.merges) {
    v1::TimelineMerge* out = response.add_merges();
    WriteTime(merge.merge_time, out->mutable_merge_time());
    out->set_day(FormatDay(ShanghaiDay(merge.merge_time)));
    out->set_previous_person(
        absl::StrCat("projects/", question.project, "/persons/", merge.previous_person));
    for (const std::string& identifier : merge.identifiers) out->add_identifiers(identifier);
  }
  if (!answer.value.next_cursor.empty()) {
    response.set_next_page_token(rpc::MakePageToken(answer.value.next_cursor, filter));
  }
  WriteAsOf(answer.as_of, analyst_.Now(), response.mutable_as_of());
  return response;
}

absl::StatusOr<v1::SearchPersonsResponse> InsightHandlers::Persons(
    const rpc::CallContext& call, const v1::SearchPersonsRequest& request) {
  DATONG_ASSIGN_OR_RETURN(
      const Question question,
      ReadQuestion(request.project(), request.min_position(), request.min_identity_version()));
  DATONG_ASSIGN_OR_RETURN(const int32_t page_size, rpc::PageSize(request.page_size()));
  const std::string filter =
      absl::StrCat("persons\n", request.project(), "\n", request.query(), "\n", request.kind());
  DATONG_ASSIGN_OR_RETURN(const std::string after,
                          rpc::ReadPageToken(request.page_token(), filter));
  EventStore::PersonQuery query;
  query.query = request.query();
  query.kind = request.kind();
  query.limit = page_size + 1;
  if (!after.empty() && !absl::SimpleAtoi(after, &query.after_index)) {
    return Invalid("PAGE_TOKEN_INVALID", "The page token is not one of this list.");
  }
  DATONG_ASSIGN_OR_RETURN(Dated<std::vector<Person>> answer,
                          analyst_.FindPersons({call.deadline, call}, question, query));
  v1::SearchPersonsResponse response;
  if (answer.value.size() > static_cast<size_t>(page_size)) {
    answer.value.resize(static_cast<size_t>(page_size));
    response.set_next_page_token(
        rpc::MakePageToken(absl::StrCat(answer.value.back().index), filter));
  }
  for (const Person& person : answer.value) {
    WritePerson(question.project, person, response.add_persons());
  }
  WriteAsOf(answer.as_of, analyst_.Now(), response.mutable_as_of());
  return response;
}

absl::StatusOr<v1::QueryFollowerGrowthResponse> InsightHandlers::Followers(
    const rpc::CallContext& call, const v1::QueryFollowerGrowthRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const Question question, ReadQuestion(request.project(), 0, 0));
  DATONG_ASSIGN_OR_RETURN(const DayRange range, ReadRange(request.begin_day(), request.end_day()));
  std::optional<absl::Time> fetch_time;
  DATONG_ASSIGN_OR_RETURN(const Dated<FollowerGrowth> answer,
                          analyst_.Followers({call.deadline, call}, question, range,
                                             ReadStrings(request.apps()), &fetch_time));
  v1::QueryFollowerGrowthResponse response;
  for (const FollowerDay& day : answer.value.days) WriteFollowerDay(day, response.add_days());
  for (const FollowerSource& source : answer.value.sources) {
    v1::FollowerSource* out = response.add_sources();
    WriteFollowerSource(source, out);
    out->set_display_name(UserSourceName(source.user_source));
  }
  WriteFollowerSource(answer.value.total, response.mutable_total());
  WriteTime(analyst_.Now(), response.mutable_as_of()->mutable_answer_time());
  if (fetch_time.has_value()) WriteTime(*fetch_time, response.mutable_fetch_time());
  return response;
}

absl::StatusOr<v1::QueryTrafficResponse> InsightHandlers::QueryTraffic(
    const rpc::CallContext& call, const v1::QueryTrafficRequest& request) {
  return Counted(metrics_, QueryKind::kTraffic, [&] { return Traffic(call, request); });
}
absl::StatusOr<v1::QueryOverlapResponse> InsightHandlers::QueryOverlap(
    const rpc::CallContext& call, const v1::QueryOverlapRequest& request) {
  return Counted(metrics_, QueryKind::kOverlap, [&] { return Overlap(call, request); });
}
absl::StatusOr<v1::QueryFunnelResponse> InsightHandlers::QueryFunnel(
    const rpc::CallContext& call, const v1::QueryFunnelRequest& request) {
  return Counted(metrics_, QueryKind::kFunnel, [&] { return Funnel(call, request); });
}
absl::StatusOr<v1::QueryRetentionResponse> InsightHandlers::QueryRetention(
    const rpc::CallContext& call, const v1::QueryRetentionRequest& request) {
  return Counted(metrics_, QueryKind::kRetention, [&] { return Retention(call, request); });
}
absl::StatusOr<v1::GetTimelineResponse> InsightHandlers::GetTimeline(
    const rpc::CallContext& call, const v1::GetTimelineRequest& request) {
  return Counted(metrics_, QueryKind::kTimeline, [&] { return Timeline(call, request); });
}
absl::StatusOr<v1::SearchPersonsResponse> InsightHandlers::SearchPersons(
    const rpc::CallContext& call, const v1::SearchPersonsRequest& request) {
  return Counted(metrics_, QueryKind::kPersons, [&] { return Persons(call, request); });
}
absl::StatusOr<v1::QueryFollowerGrowthResponse> InsightHandlers::QueryFollowerGrowth(
    const rpc::CallContext& call, const v1::QueryFollowerGrowthRequest& request) {
  return Counted(metrics_, QueryKind::kFollowers, [&] { return Followers(call, request); });
}

}  // namespace datong::insight
