#include "services/insight/rpc/insight_handlers.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/macros.h"
#include "services/insight/core/errors.h"
#include "services/insight/rpc/conversions.h"

namespace datong::insight {
namespace {

constexpr absl::Duration kLongestWindow = absl::Hours(24 * 400);
constexpr int kMostAlternatives = 20;

Granularity ReadGranularity(v1::Granularity granularity) {
  switch (granularity) {
    case v1::GRANULARITY_WEEK:
      return Granularity::kWeek;
    case v1::GRANULARITY_MONTH:
      return Granularity::kMonth;
    case v1::GRANULARITY_TOTAL:
      return Granularity::kTotal;
    default:
      return Granularity::kDay;
  }
}

void WriteTraffic(const DayRange& period, const std::string& surface, const TrafficFigures& figures,
                  v1::TrafficRow* row) {
  row->set_begin_day(FormatDay(period.begin));
  row->set_end_day(FormatDay(period.end));
  row->set_surface(surface);
  row->set_visitors(figures.visitors);
  row->set_page_views(figures.page_views);
  row->set_opens(figures.opens);
  row->set_new_visitors(figures.new_visitors);
  row->set_returning_visitors(figures.Returning());
  row->set_events(figures.events);
  row->set_visitors_sum(figures.visitors_sum);
}

absl::StatusOr<std::vector<std::vector<EventSelector>>> ReadSteps(
    const v1::QueryFunnelRequest& request) {
  if (request.steps_size() < 2 || request.steps_size() > kMostFunnelSteps) {
    return Invalid("STEPS_INVALID",
                   absl::StrCat("A funnel has 2 to ", kMostFunnelSteps, " steps."));
  }
  std::vector<std::vector<EventSelector>> steps;
  for (const v1::FunnelStep& step : request.steps()) {
    if (step.any_of_size() < 1 || step.any_of_size() > kMostAlternatives) {
      return Invalid("STEPS_INVALID", absl::StrCat("Step ", steps.size() + 1, " needs 1 to ",
                                                   kMostAlternatives, " alternatives in any_of."));
    }
    std::vector<EventSelector>& alternatives = steps.emplace_back();
    for (const v1::EventSelector& selector : step.any_of()) {
      absl::StatusOr<EventSelector> read = ReadSelector(selector);
      if (!read.ok()) return Invalid("STEPS_INVALID", read.status().message());
      if (read->surfaces.empty() && !read->event_type.has_value() && read->event_name.empty()) {
        return Invalid("STEPS_INVALID",
                       absl::StrCat("An alternative of step ", steps.size(),
                                    " picks every event; set surfaces, event_type or event_name."));
      }
      alternatives.push_back(*std::move(read));
    }
  }
  return steps;
}

absl::StatusOr<absl::Duration> ReadWindow(const google::protobuf::Duration& window) {
  const absl::Duration duration =
      absl::Seconds(window.seconds()) + absl::Nanoseconds(window.nanos());
  if (duration <= absl::ZeroDuration() || duration > kLongestWindow) {
    return Invalid("WINDOW_INVALID", "window must be above 0 and at most 400 days.");
  }
  return duration;
}

}  // namespace

absl::StatusOr<v1::QueryTrafficResponse> InsightHandlers::Traffic(
    const rpc::CallContext& call, const v1::QueryTrafficRequest& request) {
  DATONG_ASSIGN_OR_RETURN(
      const Question question,
      ReadQuestion(request.project(), request.min_position(), request.min_identity_version()));
  DATONG_ASSIGN_OR_RETURN(const DayRange range, ReadRange(request.begin_day(), request.end_day()));
  DATONG_ASSIGN_OR_RETURN(
      const Dated<TrafficAnswer> answer,
      analyst_.Traffic({call.deadline, call}, question, range,
                       ReadGranularity(request.granularity()), ReadStrings(request.surfaces())));
  v1::QueryTrafficResponse response;
  for (size_t i = 0; i < answer.value.periods.size(); ++i) {
    const DayRange& period = answer.value.periods[i];
    const PeriodTraffic& figures = answer.value.figures[i];
    WriteTraffic(period, "", figures.all, response.add_rows());
    for (size_t surface = 0; surface < figures.surfaces.size(); ++surface) {
      WriteTraffic(period, answer.value.surfaces[surface], figures.surfaces[surface],
                   response.add_rows());
    }
  }
  WriteAsOf(answer.as_of, analyst_.Now(), response.mutable_as_of());
  return response;
}

absl::StatusOr<v1::QueryOverlapResponse> InsightHandlers::Overlap(
    const rpc::CallContext& call, const v1::QueryOverlapRequest& request) {
  DATONG_ASSIGN_OR_RETURN(
      const Question question,
      ReadQuestion(request.project(), request.min_position(), request.min_identity_version()));
  DATONG_ASSIGN_OR_RETURN(const DayRange range, ReadRange(request.begin_day(), request.end_day()));
  DATONG_ASSIGN_OR_RETURN(
      const Dated<OverlapAnswer> answer,
      analyst_.Overlap({call.deadline, call}, question, range, ReadStrings(request.surfaces())));
  v1::QueryOverlapResponse response;
  const std::vector<std::string>& surfaces = answer.value.surfaces;
  const OverlapTable& table = answer.value.table;
  for (const OverlapCount& count : table.cells) {
    v1::OverlapCell* cell = response.add_cells();
    for (size_t i = 0; i < surfaces.size(); ++i) {
      if ((count.surfaces >> i & 1) != 0) cell->add_surfaces(surfaces[i]);
    }
    cell->set_persons(count.persons);
  }
  for (size_t a = 0; a < surfaces.size(); ++a) {
    response.add_surfaces(surfaces[a]);
    for (size_t b = a; b < surfaces.size(); ++b) {
      v1::OverlapPair* pair = response.add_pairs();
      pair->set_surface(surfaces[a]);
      pair->set_other_surface(surfaces[b]);
      pair->set_persons(table.matrix[a][b]);
    }
  }
  response.set_persons(table.persons);
  WriteAsOf(answer.as_of, analyst_.Now(), response.mutable_as_of());
  return response;
}

absl::StatusOr<v1::QueryFunnelResponse> InsightHandlers::Funnel(
    const rpc::CallContext& call, const v1::QueryFunnelRequest& request) {
  DATONG_ASSIGN_OR_RETURN(
      const Question question,
      ReadQuestion(request.project(), request.min_position(), request.min_identity_version()));
  DATONG_ASSIGN_OR_RETURN(const DayRange range, ReadRange(request.begin_day(), request.end_day()));
  DATONG_ASSIGN_OR_RETURN(const auto steps, ReadSteps(request));
  DATONG_ASSIGN_OR_RETURN(const absl::Duration window, ReadWindow(request.window()));
  DATONG_ASSIGN_OR_RETURN(const Dated<std::vector<int64_t>> answer,
                          analyst_.Funnel({call.deadline, call}, question, range, steps, window));
  v1::QueryFunnelResponse response;
  const std::vector<int64_t>& persons = answer.value;
  for (size_t i = 0; i < persons.size(); ++i) {
    v1::FunnelStepResult* step = response.add_steps();
    const int64_t before = persons[i == 0 ? 0 : i - 1];
    step->set_display_name(request.steps(static_cast<int>(i)).display_name());
    step->set_persons(persons[i]);
    step->set_rate_of_previous(Rate(persons[i], before));
    step->set_rate_of_first(Rate(persons[i], persons[0]));
    step->set_lost(before - persons[i]);
  }
  WriteAsOf(answer.as_of, analyst_.Now(), response.mutable_as_of());
  return response;
}

absl::StatusOr<v1::QueryRetentionResponse> InsightHandlers::Retention(
    const rpc::CallContext& call, const v1::QueryRetentionRequest& request) {
  DATONG_ASSIGN_OR_RETURN(
      const Question question,
      ReadQuestion(request.project(), request.min_position(), request.min_identity_version()));
  DATONG_ASSIGN_OR_RETURN(const DayRange range, ReadRange(request.begin_day(), request.end_day()));
  if (request.cohort() != v1::COHORT_KIND_NEW && request.cohort() != v1::COHORT_KIND_ACTIVE) {
    return Invalid("COHORT_REQUIRED", "cohort must be COHORT_KIND_NEW or COHORT_KIND_ACTIVE.");
  }
  if (request.periods() < 0 || request.periods() > kMostRetentionPeriods) {
    return Invalid("PERIODS_INVALID",
                   absl::StrCat("periods must be 1 to ", kMostRetentionPeriods, "."));
  }
  const int periods = request.periods() == 0 ? 30 : request.periods();
  DATONG_ASSIGN_OR_RETURN(const EventSelector start, ReadSelector(request.start_event()));
  DATONG_ASSIGN_OR_RETURN(const EventSelector come_back, ReadSelector(request.return_event()));
  DATONG_ASSIGN_OR_RETURN(
      const Dated<RetentionTable> answer,
      analyst_.Retention({call.deadline, call}, question, range,
                         request.cohort() == v1::COHORT_KIND_NEW, start, come_back, periods));
  v1::QueryRetentionResponse response;
  const auto write_cell = [](size_t period, int64_t persons, int64_t size,
                             v1::RetentionCell* cell) {
    cell->set_period(static_cast<int32_t>(period));
    cell->set_persons(persons);
    cell->set_rate(Rate(persons, size));
  };
  for (const RetentionCohort& cohort : answer.value.cohorts) {
    v1::RetentionRow* row = response.add_rows();
    row->set_day(FormatDay(DayFromNumber(cohort.day)));
    row->set_size(cohort.size);
    for (size_t period = 0; period < cohort.retained.size(); ++period) {
      write_cell(period, cohort.retained[period], cohort.size, row->add_cells());
    }
  }
  for (size_t period = 0; period < answer.value.summed.size(); ++period) {
    const RetentionSum& sum = answer.value.summed[period];
    write_cell(period, sum.persons, sum.size, response.add_summed());
  }
  WriteAsOf(answer.as_of, analyst_.Now(), response.mutable_as_of());
  return response;
}

}  // namespace datong::insight
