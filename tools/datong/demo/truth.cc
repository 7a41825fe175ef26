#include "tools/datong/demo/truth.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/time/shanghai.h"
#include "tools/datong/demo/cases.h"

namespace datong::demo {
namespace {

std::string Openid(const char* appid, const std::string& value) {
  return absl::StrCat("openid:", appid, ":", value);
}
std::string Unionid(const Person& person) {
  return absl::StrCat("unionid:", kOpenPlatform, ":", person.unionid);
}
std::string Device(Surface surface, const std::string& value) {
  const char* scope = surface == Surface::kShop   ? kShopAppid
                      : surface == Surface::kClub ? kClubAppid
                                                  : kH5Scope;
  return absl::StrCat("device:", scope, ":", value);
}
std::string Login(const Person& person) { return absl::StrCat("login:main:", person.login); }

}  // namespace

Truth::Truth(const Estate& estate, const std::map<int, absl::Time>& follow_times)
    : estate_(estate) {
  AddPersons();
  int session = 0;
  for (const Day& day : estate.days) {
    for (const Visit& visit : day.visits) {
      ++session;
      for (const Happening& happening : visit.happenings) {
        AddEvent(Device(visit.surface, visit.device),
                 visit.start + absl::Milliseconds(happening.offset_ms), session, visit.surface,
                 happening.action);
      }
    }
    for (const Payment& payment : day.payments) {
      const Person& buyer = estate.persons[static_cast<size_t>(payment.person)];
      Join(Login(buyer), Openid(kShopAppid, buyer.shop_openid));
      AddEvent(Login(buyer), payment.at, -1, Surface::kServer, Action::kOrderPaid);
    }
    const auto pushed = [&](const std::vector<int>& people, Action action) {
      for (const int id : people) {
        const std::string openid =
            Openid(kAccountAppid, estate.persons[static_cast<size_t>(id)].account_openid);
        const auto stamped = follow_times.find(id);
        const absl::Time at =
            action == Action::kFollow && stamped != follow_times.end()
                ? stamped->second
                : ShanghaiMidnight(day.date) + absl::Minutes(kFollowStartMinute + 15);
        AddEvent(openid, at, -1, Surface::kAccount, action);
      }
    };
    pushed(day.follows, Action::kFollow);
    pushed(day.unfollows, Action::kClose);
  }
  AddCases();
  std::stable_sort(events_.begin(), events_.end(),
                   [](const Event& a, const Event& b) { return a.ms < b.ms; });
}

void Truth::AddPersons() {
  for (const Person& person : estate_.persons) {
    const std::string account = Openid(kAccountAppid, person.account_openid);
    const std::string shop = Openid(kShopAppid, person.shop_openid);
    const std::string club = Openid(kClubAppid, person.club_openid);
    if (person.follow_day < estate_.options.days) Join(account, Unionid(person));
    if (person.signs_in_shop) Join(shop, Unionid(person));
    if (person.signs_in_club) Join(club, Unionid(person));
    if (person.claims_shop) Join(Device(Surface::kShop, person.shop_device), shop);
    if (person.claims_club) Join(Device(Surface::kClub, person.club_device), club);
    if (person.h5 == H5Group::kClaimsOpenid) Join(Device(Surface::kH5, person.h5_device), account);
    if (person.h5 == H5Group::kLogsIn) Join(Device(Surface::kH5, person.h5_device), Login(person));
  }
}

void Truth::AddCases() {
  for (const Case& constructed : ConstructedCases()) {
    for (const std::vector<std::string>& person : constructed.persons) {
      for (const std::string& identifier : person) Join(identifier, person.front());
    }
    for (const CaseStep& step : constructed.steps) {
      if (step.kind != "sdk" || step.day >= estate_.options.days) continue;
      AddEvent(step.ids.front(), ShanghaiMidnight(estate_.first_day + step.day) + absl::Hours(22),
               -1, Surface::kShop, Action::kAttributes);
    }
  }
}

void Truth::AddEvent(const std::string& identifier, absl::Time at, int session, Surface surface,
                     Action action) {
  events_.push_back({Id(identifier), static_cast<int>(ShanghaiDay(at) - estate_.first_day),
                     absl::ToUnixMillis(at), session, surface, action});
}

int Truth::Id(const std::string& identifier) {
  const auto [at, is_new] = ids_.emplace(identifier, static_cast<int>(parent_.size()));
  if (is_new) parent_.push_back(at->second);
  return at->second;
}

int Truth::Root(int id) const {
  auto& parent = parent_;
  while (parent[static_cast<size_t>(id)] != id) {
    int& up = parent[static_cast<size_t>(id)];
    up = parent[static_cast<size_t>(up)];
    id = up;
  }
  return id;
}

int64_t Truth::persons() const {
  int64_t roots = 0;
  for (size_t id = 0; id < parent_.size(); ++id)
    roots += parent_[id] == static_cast<int>(id) ? 1 : 0;
  return roots;
}

bool Truth::SamePerson(const std::string& a, const std::string& b) const {
  const auto first = ids_.find(a), second = ids_.find(b);
  return first != ids_.end() && second != ids_.end() && Root(first->second) == Root(second->second);
}

Truth::Figures Truth::Traffic(const Surface* surface, int first, int last) const {
  Figures figures;
  // Persons: 0 not seen yet, 1 seen before the range, 2 seen in it.
  std::vector<char> seen(parent_.size(), 0);
  std::set<int> sessions;
  for (const Event& event : events_) {
    if (event.day > last) break;
    if (surface != nullptr && event.surface != *surface) continue;
    char& state = seen[static_cast<size_t>(Root(event.id))];
    if (event.day < first) {
      state = 1;
      continue;
    }
    if (state == 0) ++figures.new_users;
    if (state != 2) ++figures.users;
    state = 2;
    if (event.action == Action::kPage) ++figures.page_views;
    if (event.session >= 0) sessions.insert(event.session);
  }
  figures.opens = static_cast<int64_t>(sessions.size());
  return figures;
}

std::map<uint32_t, int64_t> Truth::Overlap() const {
  std::map<int, uint32_t> surfaces;
  for (const Event& event : events_) {
    surfaces[Root(event.id)] |= 1U << static_cast<int>(event.surface);
  }
  std::map<uint32_t, int64_t> cells;
  for (const auto& [person, mask] : surfaces) ++cells[mask];
  return cells;
}

std::vector<int64_t> Truth::Funnel(absl::Duration window) const {
  std::map<int, std::vector<const Event*>> histories;
  for (const Event& event : events_) histories[Root(event.id)].push_back(&event);
  const int64_t window_ms = absl::ToInt64Milliseconds(window);
  std::vector<int64_t> reached(4, 0);
  for (const auto& [person, history] : histories) {
    size_t best = 0;
    for (size_t start = 0; start < history.size(); ++start) {
      if (history[start]->action != Action::kFollow) continue;
      size_t steps = 1;
      for (size_t next = start + 1; next < history.size() && steps < 4; ++next) {
        if (history[next]->ms - history[start]->ms > window_ms) break;
        const Action wanted = steps == 1   ? Action::kVisit
                              : steps == 2 ? Action::kOrderSubmit
                                           : Action::kOrderPaid;
        const bool here = steps != 1 || history[next]->surface == Surface::kShop ||
                          history[next]->surface == Surface::kClub;
        if (history[next]->action == wanted && here) ++steps;
      }
      best = std::max(best, steps);
    }
    for (size_t step = 0; step < best; ++step) ++reached[step];
  }
  return reached;
}

std::vector<std::vector<int64_t>> Truth::Retention(int cohorts, int periods) const {
  std::map<int, std::set<int>> days;
  for (const Event& event : events_) days[Root(event.id)].insert(event.day);
  std::vector<std::vector<int64_t>> matrix(
      static_cast<size_t>(cohorts), std::vector<int64_t>(static_cast<size_t>(periods) + 1, 0));
  for (const auto& [person, active] : days) {
    const int first = *active.begin();
    if (first >= cohorts) continue;
    for (const int day : active) {
      if (day - first > periods) break;
      ++matrix[static_cast<size_t>(first)][static_cast<size_t>(day - first)];
    }
  }
  return matrix;
}

Truth::Followers Truth::FollowersOn(int day) const {
  Followers followers;
  for (const Person& person : estate_.persons) {
    if (person.follow_day == day) ++followers.gained;
    if (person.unfollow_day == day) ++followers.lost;
    if (person.follow_day <= day && person.unfollow_day > day) ++followers.total;
  }
  return followers;
}

}  // namespace datong::demo
