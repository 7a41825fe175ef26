#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace datong::demo {

// The simulated estate of one company, and what its people do: generated from a seed, the same
// every time. It knows nothing of the suite: the story sends it through real clients, and the truth
// is counted from it.

// Where something happens, and the name of its surface in the suite.
enum class Surface { kAccount, kShop, kClub, kH5, kServer };
constexpr int kSurfaces = 5;
// "official-account", "shop", "club", "h5", "shop-server".
const char* SurfaceName(Surface surface);

constexpr char kAccountAppid[] = "wx0a0fficialacc001";
constexpr char kShopAppid[] = "wx0b0shopminiprog1";
constexpr char kClubAppid[] = "wx0c0clubminiprog1";
constexpr char kUnboundAppid[] = "wx0d0unboundminip1";
constexpr char kComponentAppid[] = "wx0e0componentapp1";
constexpr char kOpenPlatform[] = "gh-open-demo";
constexpr char kH5Scope[] = "m.example.cn";

// What the SDK on a surface, or the shop's server, reports.
enum class Action { kVisit, kPage, kClick, kAttributes, kOrderSubmit, kClose, kOrderPaid, kFollow };

// How an H5 visitor can be recognised.
enum class H5Group { kNone, kClaimsOpenid, kLogsIn, kEmbedded, kAnonymous };

struct Person {
  int id = 0;
  std::string unionid;
  // The person's openid in each app; whether the suite ever hears of it is another matter.
  std::string account_openid, shop_openid, club_openid;
  std::string shop_device, club_device, h5_device;
  std::string login;  // member number
  // Day of the story on which the person follows the account; before the connection: negative.
  static constexpr int kNever = 1'000'000;
  int follow_day = kNever;
  int unfollow_day = kNever;
  const char* subscribe_scene = "ADD_SCENE_SEARCH";
  bool uses_shop = false, uses_club = false;
  bool signs_in_shop = false, signs_in_club = false;  // wx.login on the first visit
  bool claims_shop = false, claims_club = false;      // the SDK reports $wechat_openId
  H5Group h5 = H5Group::kNone;
  bool buys = false;
};

struct Happening {
  Action action;
  int64_t offset_ms;  // from the start of the visit
};

// One session of one person on one surface.
struct Visit {
  Surface surface;
  int person;
  absl::Time start;
  std::string device;
  std::string session;
  bool embedded = false;  // an H5 page inside the shop mini program
  bool first = false;     // the person's first on this surface
  std::vector<Happening> happenings;
};

// A payment that the shop's server reports with the buyer's login.
struct Payment {
  int person;
  absl::Time at;
  std::string order_id;
};

// One day of the story. Visits begin and end before kFollowStart or after kFollowEnd, so that a
// follow, which happens between them, is before or after each visit without doubt.
struct Day {
  absl::CivilDay date;
  std::vector<int> follows;
  std::vector<int> unfollows;
  std::vector<Visit> visits;
  std::vector<Payment> payments;
};
constexpr int kFollowStartMinute = 16 * 60 + 20;
constexpr int kFollowEndMinute = 17 * 60 + 10;

struct EstateOptions {
  int persons = 20'000;
  int days = 90;
  // Visits are added until the SDK events reach this number.
  int64_t events = 500'000;
  uint32_t seed = 20260803;
};

struct Estate {
  EstateOptions options;
  absl::CivilDay first_day;
  std::vector<Person> persons;
  std::vector<Day> days;
  int64_t sdk_events = 0;
};

// Errors: none; the same options give the same estate on every machine.
Estate MakeEstate(const EstateOptions& options);

// "order_submit", "order_paid", or "" where the event type says all.
const char* EventName(Action action);

}  // namespace datong::demo
