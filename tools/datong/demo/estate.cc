#include "tools/datong/demo/estate.h"

#include <algorithm>
#include <random>

#include "absl/strings/str_format.h"
#include "common/time/shanghai.h"

namespace datong::demo {
namespace {

// Draws that are the same with every standard library.
class Dice {
 public:
  explicit Dice(uint32_t seed) : engine_(seed) {}
  int Below(int limit) { return static_cast<int>(engine_() % static_cast<uint32_t>(limit)); }
  bool Chance(int percent) { return Below(100) < percent; }

 private:
  std::mt19937 engine_;
};

// The scenes that lead to the account, most usual first.
constexpr const char* kScenes[] = {
    "ADD_SCENE_QR_CODE", "ADD_SCENE_SEARCH",       "ADD_SCENE_QR_CODE",  "ADD_SCENE_PROFILE_LINK",
    "ADD_SCENE_WXA",     "ADD_SCENE_PROFILE_CARD", "ADD_SCENE_CHANNELS", "ADD_SCENE_OTHERS"};

std::string Openid(char app, int id) { return absl::StrFormat("o%cDemo%022d", app, id); }

std::string Uuid(Dice& dice) {
  return absl::StrFormat("%08x-%04x-4%03x-a%03x-%06x%06x", dice.Below(0x7fffffff),
                         dice.Below(0x10000), dice.Below(0x1000), dice.Below(0x1000),
                         dice.Below(0x1000000), dice.Below(0x1000000));
}

Person MakePerson(int id, int days, Dice& dice) {
  Person person;
  person.id = id;
  person.unionid = absl::StrFormat("oUDemo%022d", id);
  person.account_openid = Openid('A', id);
  person.shop_openid = Openid('S', id);
  person.club_openid = Openid('C', id);
  person.shop_device = Uuid(dice);
  person.club_device = Uuid(dice);
  person.h5_device = Uuid(dice);
  person.login = absl::StrFormat("m-%06d", id);
  const int follower = dice.Below(100);
  if (follower < 35) {
    // A third of the old followers came within the 90 days that the backfill covers.
    person.follow_day = dice.Chance(33) ? -1 - dice.Below(90) : -91 - dice.Below(700);
    if (dice.Chance(6)) person.unfollow_day = 1 + dice.Below(days - 1);
  } else if (follower < 45) {
    person.follow_day = dice.Below(days);
    if (dice.Chance(5) && person.follow_day + 3 < days) person.unfollow_day = person.follow_day + 3;
  }
  person.subscribe_scene = kScenes[dice.Below(static_cast<int>(std::size(kScenes)))];
  person.uses_shop = dice.Chance(60);
  person.uses_club = dice.Chance(person.uses_shop ? 25 : 35);
  person.signs_in_shop = person.uses_shop && dice.Chance(85);
  person.signs_in_club = person.uses_club && dice.Chance(75);
  person.claims_shop = person.uses_shop && dice.Chance(95);
  person.claims_club = person.uses_club && dice.Chance(95);
  if (dice.Chance(22)) {
    constexpr H5Group kGroups[] = {H5Group::kClaimsOpenid, H5Group::kLogsIn, H5Group::kEmbedded,
                                   H5Group::kAnonymous};
    person.h5 = kGroups[dice.Below(4)];
    // An embedded page is shown by the mini program, to someone who uses it.
    if (person.h5 == H5Group::kEmbedded && !person.uses_shop) person.h5 = H5Group::kAnonymous;
  }
  person.buys = person.uses_shop && dice.Chance(35);
  return person;
}

absl::Time At(absl::CivilDay date, int minute, int second) {
  return ShanghaiMidnight(date) + absl::Minutes(minute) + absl::Seconds(second);
}

class Generator {
 public:
  explicit Generator(const EstateOptions& options) : dice_(options.seed) {
    estate_.options = options;
    estate_.first_day = absl::CivilDay(2026, 8, 3);
    for (int day = 0; day < options.days; ++day) {
      estate_.days.push_back({estate_.first_day + day, {}, {}, {}, {}});
    }
    for (int id = 0; id < options.persons; ++id) {
      estate_.persons.push_back(MakePerson(id, options.days, dice_));
    }
  }

  Estate Make() {
    for (const Person& person : estate_.persons) {
      if (person.follow_day >= 0 && person.follow_day < days()) {
        DayAt(person.follow_day).follows.push_back(person.id);
      }
      if (person.unfollow_day < days()) DayAt(person.unfollow_day).unfollows.push_back(person.id);
    }
    for (const Person& person : estate_.persons) FirstVisits(person);
    while (estate_.sdk_events < estate_.options.events) ReturnVisit();
    SortVisits();
    return std::move(estate_);
  }

 private:
  int days() const { return estate_.options.days; }
  Day& DayAt(int day) { return estate_.days[static_cast<size_t>(day)]; }

  // More people come to know the shop as the weeks pass; followers come soon after they followed.
  void FirstVisits(const Person& person) {
    const bool follows_in_story = person.follow_day >= 0 && person.follow_day < days();
    const auto day_of_first = [&] {
      if (follows_in_story && dice_.Chance(70)) {
        return std::min(days() - 1, person.follow_day + dice_.Below(9));
      }
      return dice_.Below(days());
    };
    if (person.uses_shop) AddVisit(Surface::kShop, person, day_of_first(), false);
    if (person.uses_club) AddVisit(Surface::kClub, person, day_of_first(), false);
    if (person.h5 != H5Group::kNone) AddVisit(Surface::kH5, person, day_of_first(), false);
  }

  // Somebody who was there before comes back, more often soon than late.
  void ReturnVisit() {
    const Person& person =
        estate_.persons[static_cast<size_t>(dice_.Below(static_cast<int>(estate_.persons.size())))];
    const int pick = dice_.Below(10);
    Surface surface = pick < 6 ? Surface::kShop : pick < 9 ? Surface::kClub : Surface::kH5;
    const bool known = surface == Surface::kShop   ? person.uses_shop
                       : surface == Surface::kClub ? person.uses_club
                                                   : person.h5 != H5Group::kNone;
    if (!known) return;
    const int first = first_day_[Key(surface, person.id)];
    const int later = dice_.Chance(60) ? 1 + dice_.Below(7) : 1 + dice_.Below(days());
    if (first + later < days()) AddVisit(surface, person, first + later, true);
  }

  size_t Key(Surface surface, int person) const {
    return static_cast<size_t>(person) * kSurfaces + static_cast<size_t>(surface);
  }

  void AddVisit(Surface surface, const Person& person, int day, bool returning) {
    if (first_day_.empty()) first_day_.assign(estate_.persons.size() * kSurfaces, 0);
    if (!returning) first_day_[Key(surface, person.id)] = day;
    const bool evening = dice_.Chance(55);
    // A visit takes at most ten minutes.
    const int minute = evening ? kFollowEndMinute + dice_.Below(23 * 60 + 30 - kFollowEndMinute)
                               : 10 + dice_.Below(kFollowStartMinute - 20);
    Visit visit;
    visit.surface = surface;
    visit.person = person.id;
    visit.start =
        At(DayAt(day).date, minute, dice_.Below(60)) + absl::Milliseconds(dice_.Below(1000));
    visit.first = !returning;
    visit.session = Uuid(dice_);
    visit.device = surface == Surface::kShop   ? person.shop_device
                   : surface == Surface::kClub ? person.club_device
                                               : person.h5_device;
    if (surface == Surface::kH5 && person.h5 == H5Group::kEmbedded) {
      // On the wire it is the mini program, without a VISIT of its own.
      visit.embedded = true;
      visit.surface = Surface::kShop;
      visit.device = person.shop_device;
    }
    int64_t at = 0;
    const auto add = [&](Action action) {
      visit.happenings.push_back({action, at});
      at += 400 + dice_.Below(20'000);
    };
    if (!visit.embedded) add(Action::kVisit);
    if (visit.first && Claims(surface, person)) add(Action::kAttributes);
    const int pages = 2 + dice_.Below(surface == Surface::kH5 ? 2 : 6);
    for (int page = 0; page < pages; ++page) {
      add(Action::kPage);
      if (dice_.Chance(60)) add(Action::kClick);
    }
    if (surface == Surface::kShop && person.buys && dice_.Chance(30))
      Order(person, visit, day, add);
    if (surface != Surface::kH5) add(Action::kClose);
    estate_.sdk_events += static_cast<int64_t>(visit.happenings.size());
    DayAt(day).visits.push_back(std::move(visit));
  }

  template <typename Add>
  void Order(const Person& person, const Visit& visit, int day, const Add& add) {
    add(Action::kOrderSubmit);
    if (!dice_.Chance(70)) return;
    const int64_t paid_after_ms = visit.happenings.back().offset_ms + 5'000 + dice_.Below(120'000);
    DayAt(day).payments.push_back({person.id, visit.start + absl::Milliseconds(paid_after_ms),
                                   absl::StrFormat("order-%07d", ++orders_)});
  }

  static bool Claims(Surface surface, const Person& person) {
    if (surface == Surface::kShop) return person.claims_shop;
    if (surface == Surface::kClub) return person.claims_club;
    return person.h5 == H5Group::kClaimsOpenid;
  }

  void SortVisits() {
    for (Day& day : estate_.days) {
      std::sort(day.visits.begin(), day.visits.end(), [](const Visit& a, const Visit& b) {
        return a.start != b.start ? a.start < b.start : a.session < b.session;
      });
    }
  }

  Dice dice_;
  Estate estate_;
  std::vector<int> first_day_;
  int orders_ = 0;
};

}  // namespace

const char* SurfaceName(Surface surface) {
  switch (surface) {
    case Surface::kAccount:
      return "official-account";
    case Surface::kShop:
      return "shop";
    case Surface::kClub:
      return "club";
    case Surface::kH5:
      return "h5";
    case Surface::kServer:
      return "shop-server";
  }
  return "";
}

const char* EventName(Action action) {
  switch (action) {
    case Action::kOrderSubmit:
      return "order_submit";
    case Action::kOrderPaid:
      return "order_paid";
    case Action::kFollow:
      return "subscribe";
    default:
      return "";
  }
}

Estate MakeEstate(const EstateOptions& options) { return Generator(options).Make(); }

}  // namespace datong::demo
