#include "services/identity/testing/scenarios.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/identity/core/resolution.h"

namespace datong::identity {
namespace {

using nlohmann::json;

absl::Time TimeOf(const json& text) {
  absl::Time time;
  absl::ParseTime(absl::RFC3339_full, text.get<std::string>(), &time, nullptr);
  return time;
}

Picture PictureOf(const json& from) {
  Picture picture;
  for (const json& person : from["persons"]) {
    picture.persons.insert(person.get<std::vector<std::string>>());
  }
  for (const json& refusal : from["refused"]) {
    picture.refused.emplace(refusal["ids"].get<std::vector<std::string>>(),
                            refusal["reason"].get<std::string>());
  }
  return picture;
}

Policy PolicyOf(const json& from) {
  Policy policy;
  policy.hub_device_partners = from.value("hub_device_partners", policy.hub_device_partners);
  policy.hub_login_partners = from.value("hub_login_partners", policy.hub_login_partners);
  policy.max_ids = from.value("max_ids", policy.max_ids);
  policy.login_max = from.value("login_max", policy.login_max);
  policy.trust_client_claims = from.value("trust_client_claims", policy.trust_client_claims);
  return policy;
}

Watermark WatermarkOf(const std::string& text) {
  if (text.empty()) return Watermark::kNone;
  if (text == "ok") return Watermark::kValid;
  return text == "appid_mismatch" ? Watermark::kAppidMismatch : Watermark::kStale;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Picture& picture) {
  out << "\n persons:";
  for (const auto& person : picture.persons) out << "\n  " << absl::StrJoin(person, " ");
  out << "\n refused:";
  for (const auto& [ids, reason] : picture.refused) {
    out << "\n  " << absl::StrJoin(ids, " ") << " " << reason;
  }
  return out;
}

std::vector<Scenario> LoadScenarios(const std::string& path) {
  std::ifstream file(path);
  const json all = json::parse(file);
  std::vector<Scenario> scenarios;
  for (const json& from : all) {
    Scenario scenario;
    scenario.name = from["name"];
    scenario.permutable = from["permutable"];
    scenario.policy = PolicyOf(from.value("policy", json::object()));
    scenario.expect = PictureOf(from["expect"]);
    for (const json& given : from["steps"]) {
      ScenarioStep step;
      step.after = PictureOf(given["after"]);
      const std::string op = given["op"];
      if (op == "link") {
        Evidence evidence;
        evidence.kind = given["evidence"];
        evidence.ids = given["ids"].get<std::vector<std::string>>();
        evidence.observed = TimeOf(given["at"]);
        evidence.snapshot = given.value("snapshot", false);
        evidence.watermark = WatermarkOf(given.value("watermark", ""));
        evidence.consent_ref = given.value("consent", "");
        step.evidence.push_back(std::move(evidence));
      } else if (op == "migrate") {
        for (const json& pair : given["pairs"]) {
          Evidence evidence;
          evidence.kind = "wx.changeopenid";
          evidence.ids = pair.get<std::vector<std::string>>();
          evidence.observed = TimeOf(given["at"]);
          step.evidence.push_back(std::move(evidence));
        }
      } else if (op == "unlink") {
        std::string a = given["a"];
        std::string b = given["b"];
        if (b < a) std::swap(a, b);
        const bool retract = given["mode"] == "retract";
        step.decisions.push_back({retract ? DecisionKind::kRetract : DecisionKind::kCannotLink, a,
                                  b, TimeOf(given["at"]), "test", "test"});
      } else if (op == "rebind") {
        step.decisions.push_back(
            {DecisionKind::kRebind, given["login"], "", TimeOf(given["at"]), "test", "test"});
        Evidence evidence;
        evidence.kind = "tenant.login";
        evidence.ids = given["to"].get<std::vector<std::string>>();
        evidence.ids.push_back(given["login"]);
        evidence.observed = TimeOf(given["at"]);
        step.evidence.push_back(std::move(evidence));
      } else if (op == "revoke") {
        step.decisions.push_back(
            {DecisionKind::kRevokePhone, given["id"], "", TimeOf(given["at"]), "test", "test"});
      } else if (op == "erase") {
        step.erased = given["id"];
        step.erased_at = TimeOf(given["at"]);
      }
      // The others, "unsubscribe" and "end_contact", end a relation and never unlink (R5.9).
      scenario.steps.push_back(std::move(step));
    }
    scenarios.push_back(std::move(scenario));
  }
  return scenarios;
}

bool World::IsErased(const Evidence& record, absl::Time now) {
  const Scoped scoped = ScopeUnionids(record, bindings_);
  std::set<std::string> ids(record.ids.begin(), record.ids.end());
  ids.insert(scoped.record.ids.begin(), scoped.record.ids.end());
  std::vector<absl::Time> extended;
  std::vector<std::string> renewed;
  std::vector<std::string> wanting;
  bool agreed = false;
  bool dropped = false;
  for (const std::string& id : ids) {
    const auto tombstone = tombstones_.find(id);
    if (tombstone == tombstones_.end()) continue;
    const Admission admission = Admit(record, tombstone->second, policy_, now);
    agreed = agreed || admission == Admission::kAdmit;
    if (admission == Admission::kRenew) renewed.push_back(id);
    if (admission == Admission::kWant) wanting.push_back(id);
    dropped = dropped || admission == Admission::kDrop || admission == Admission::kExtend;
    if (admission == Admission::kExtend) extended.push_back(tombstone->second.erased);
  }
  if (agreed && SpeaksForAll(record)) {
    renewed.insert(renewed.end(), wanting.begin(), wanting.end());
  } else {
    dropped = dropped || !wanting.empty();
  }
  if (!dropped) {
    for (const std::string& id : renewed) tombstones_[id].renewed = record.observed;
  }
  if (!extended.empty()) {
    std::vector<Refusal> ignored;
    const Evidence clean = Clean(scoped.record, policy_, ignored);
    Erase({clean.ids.begin(), clean.ids.end()},
          *std::max_element(extended.begin(), extended.end()));
  }
  any_dropped_ = any_dropped_ || dropped;
  return dropped;
}

void World::Erase(const std::set<std::string>& ids, absl::Time at) {
  std::vector<Refusal> ignored;
  for (const std::string& id : ids) {
    Tombstone& tombstone = tombstones_.try_emplace(id, Tombstone{at}).first->second;
    tombstone.erased = std::max(tombstone.erased, at);
    if (tombstone.renewed <= at) tombstone.renewed = absl::InfiniteFuture();
  }
  std::set<std::string> named = ids;
  std::erase_if(records_, [&](const Evidence& record) {
    const Evidence scoped = ScopeUnionids(record, bindings_).record;
    const bool goes = record.observed <= at &&
                      std::any_of(scoped.ids.begin(), scoped.ids.end(),
                                  [&](const std::string& id) { return ids.contains(id); });
    const Evidence clean = Clean(scoped, policy_, ignored);
    if (goes) named.insert(clean.ids.begin(), clean.ids.end());
    return goes;
  });
  // What others still show stays known, with what was decided about it.
  for (const Evidence& record : records_) {
    for (const std::string& id :
         Clean(ScopeUnionids(record, bindings_).record, policy_, ignored).ids) {
      if (!ids.contains(id)) named.erase(id);
    }
  }
  std::erase_if(decisions_,
                [&](const Decision& d) { return named.contains(d.a) || named.contains(d.b); });
}

void World::Bind(const std::string& appid, const std::string& account, absl::Time from) {
  std::vector<Binding>& bindings = bindings_[appid];
  std::erase_if(bindings, [&](const Binding& held) { return held.valid_from == from; });
  bindings.push_back({from, account});
  std::sort(bindings.begin(), bindings.end(),
            [](const Binding& a, const Binding& b) { return a.valid_from < b.valid_from; });
}

void World::ForgetWithdrawn(Evidence& record) const {
  std::vector<Refusal> ignored;
  const Evidence clean = Clean(record, policy_, ignored);
  const bool withdrawn = std::any_of(decisions_.begin(), decisions_.end(),
                                     [&](const Decision& d) { return RevokesPhoneOf(d, clean); });
  if (withdrawn) ForgetPhones(record.ids);
}

void World::Apply(const ScenarioStep& step, absl::Time now) {
  for (const Evidence& record : step.evidence) {
    if (IsErased(record, now)) continue;
    records_.push_back(record);
    ForgetWithdrawn(records_.back());
  }
  decisions_.insert(decisions_.end(), step.decisions.begin(), step.decisions.end());
  // For good, even if the decision goes with an erasure.
  for (Evidence& record : records_) ForgetWithdrawn(record);
  if (step.erased.empty() || FaultOf(step.erased, policy_).has_value()) return;
  std::set<std::string> ids = {step.erased};
  for (const auto& person : DrawAll().persons) {
    if (std::find(person.begin(), person.end(), step.erased) != person.end()) {
      ids.insert(person.begin(), person.end());
    }
  }
  Erase(ids, step.erased_at);
}

Picture World::DrawAll() const {
  std::vector<Evidence> scoped;
  Picture unknown;
  for (const Evidence& record : records_) {
    Scoped one = ScopeUnionids(record, bindings_);
    for (const std::string& id : one.unknown)
      unknown.refused.emplace(std::vector{id}, "scope_unknown");
    if (!one.record.ids.empty()) scoped.push_back(std::move(one.record));
  }
  Picture picture = Draw(scoped, policy_, decisions_);
  picture.refused.merge(unknown.refused);
  if (any_dropped_) picture.refused.emplace(std::vector<std::string>{}, "erased");
  return picture;
}

Picture Draw(const std::vector<Evidence>& records, const Policy& policy,
             const std::vector<Decision>& decisions) {
  const Resolution resolution = ResolveRaw(records, policy, decisions);
  Picture picture;
  for (const std::vector<size_t>& part : resolution.parts) {
    std::vector<std::string> person;
    for (const size_t id : part) person.push_back(resolution.ids[id].text);
    picture.persons.insert(std::move(person));
  }
  for (const Refusal& refusal : resolution.refusals) {
    picture.refused.emplace(refusal.ids, NameOf(refusal.reason));
  }
  return picture;
}

std::vector<Evidence> RandomHistory(unsigned seed, int count, int people) {
  std::mt19937 random(seed);
  const auto pick = [&](int below) {
    return static_cast<int>(random() % static_cast<unsigned>(below));
  };
  const auto id = [&](const char* scope) { return absl::StrCat(scope, ":v", pick(people)); };
  std::vector<Evidence> records;
  for (int i = 0; i < count; ++i) {
    Evidence record;
    record.observed = absl::FromUnixSeconds(1'772'000'000) + absl::Hours(pick(24 * 200));
    switch (pick(12)) {
      case 0:
      case 1:
        record.kind = "mp.code2session";
        record.ids = {id("openid:wxmp1"), id("unionid:op1")};
        break;
      case 2:
        record.kind = "oa.user_info";
        record.ids = {id("openid:wxoa1"), id("unionid:op1")};
        break;
      case 3:
        record.kind = "oauth.userinfo";
        record.ids = {id("openid:wxoa1"), id("unionid:op1")};
        record.snapshot = pick(4) == 0;
        break;
      case 4:
        record.kind = "tenant.login";
        record.ids = {id("login:main"), id(pick(2) == 0 ? "openid:wxmp1" : "device:web")};
        break;
      case 5:
        record.kind = "client.claim";
        record.ids = {id("device:web"), id("openid:wxoa1"), id("unionid:op1")};
        break;
      case 6:
        record.kind = "client.claim";
        record.ids = {id("device:web"), id("login:main")};
        break;
      case 7:
        record.kind = "mp.phone_number";
        record.ids = {id("openid:wxmp1"), id("phone:k1")};
        break;
      case 8:
        record.kind = "wecom.unionid_to_pending";
        record.ids = {id("unionid:op1"), id("openid:wxmp1"), id("pending:prov1/corp1")};
        break;
      case 9:
        record.kind = "wecom.external_to_pending";
        record.ids = {absl::StrCat("ext:corp1/prov1:wm", pick(people)), id("pending:prov1/corp1")};
        break;
      case 10:
        record.kind = "client.claim";
        record.ids = {id("device:web"), id("device:app")};
        break;
      default:
        record.kind = pick(2) == 0 ? "tenant.import" : "client.claim";
        record.ids = {pick(3) == 0 ? "login:main:null" : id("login:main"), id("phone:k1")};
        break;
    }
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<Decision> RandomDecisions(unsigned seed, int count, int people) {
  std::mt19937 random(seed);
  const auto pick = [&](int below) {
    return static_cast<int>(random() % static_cast<unsigned>(below));
  };
  const auto id = [&](const char* scope) { return absl::StrCat(scope, ":v", pick(people)); };
  const char* const scopes[] = {"openid:wxmp1", "openid:wxoa1", "unionid:op1",
                                "login:main",   "device:web",   "phone:k1"};
  std::vector<Decision> decisions;
  while (static_cast<int>(decisions.size()) < count) {
    Decision decision;
    decision.at = absl::FromUnixSeconds(1'772'000'000) + absl::Hours(pick(24 * 200));
    decision.actor = "test";
    decision.reason = "test";
    switch (pick(5)) {
      case 0:
        decision.kind = DecisionKind::kRebind;
        decision.a = id("login:main");
        break;
      case 1:
        decision.kind = DecisionKind::kRevokePhone;
        decision.a = id("openid:wxmp1");
        break;
      default:
        decision.kind = pick(2) == 0 ? DecisionKind::kRetract : DecisionKind::kCannotLink;
        decision.a = id(scopes[pick(6)]);
        decision.b = id(scopes[pick(6)]);
        if (decision.a == decision.b) continue;
        if (decision.b < decision.a) std::swap(decision.a, decision.b);
        break;
    }
    decisions.push_back(std::move(decision));
  }
  return decisions;
}

}  // namespace datong::identity
