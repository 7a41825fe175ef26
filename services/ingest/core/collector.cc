#include "services/ingest/core/collector.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status/macros.h"
#include "services/ingest/core/attribution.h"
#include "services/ingest/core/event_id.h"
#include "services/ingest/core/flags.h"

namespace datong::ingest {
namespace {

constexpr size_t kMaxRawBytes = 8 << 20;
constexpr int16_t kCollectorHttp = 1;

int16_t UserAgentClass(const std::string& user_agent) {
  const std::string agent = absl::AsciiStrToLower(user_agent);
  static constexpr std::array<const char*, 10> kBots = {
      "bot",       "spider", "crawl", "slurp",           "headless",
      "phantomjs", "curl/",  "wget/", "python-requests", "go-http-client"};
  for (const char* bot : kBots) {
    if (absl::StrContains(agent, bot)) return 2;
  }
  return absl::StrContains(agent, "mozilla/") ? 1 : 0;
}

// What the headers of one request say of each of its events.
struct RequestMarks {
  int16_t ua_class = 0;
  std::string origin;        // of the page: Origin, else what Referer says of it
  std::string referer_app;   // appid in WeChat's fixed referer
  bool development = false;  // its version is 0 or devtools
  bool devtools = false;
};

// "https://m.example.cn:8443" of an address; empty when it is none.
std::string OriginOf(absl::string_view address) {
  const size_t host = address.find("://");
  if (host == absl::string_view::npos) return "";
  return std::string(address.substr(0, address.find_first_of("/?#", host + 3)));
}

RequestMarks ReadMarks(const Sender& sender) {
  RequestMarks marks;
  marks.ua_class = UserAgentClass(sender.user_agent);
  constexpr absl::string_view kWeChat = "https://servicewechat.com/";
  if (absl::StartsWith(sender.referer, kWeChat)) {
    const std::vector<absl::string_view> parts =
        absl::StrSplit(absl::string_view(sender.referer).substr(kWeChat.size()), '/');
    if (parts.size() >= 2) {
      marks.referer_app = std::string(parts[0]);
      marks.devtools = parts[1] == "devtools";
      marks.development = marks.devtools || parts[1] == "0";
    }
    return marks;
  }
  // Images come without Origin.
  marks.origin = sender.origin.empty() ? OriginOf(sender.referer) : sender.origin;
  return marks;
}

uint64_t FlagsOf(const RequestMarks& marks, const Sender& sender, const Source& source,
                 const EventRow& row) {
  uint64_t flags = 0;
  // A server's client is no bot, whatever it calls itself.
  if ((marks.ua_class == 2 && !source.trusted()) || marks.devtools) flags |= kBot;
  if (row.platform == "MinP" && !sender.origin.empty()) flags |= kEmbedded;
  if (!marks.referer_app.empty() && !source.app.empty() && marks.referer_app != source.app) {
    flags |= kRefererMismatch;
  }
  if (marks.development) flags |= kTestStream;
  if (source.origins.empty()) return flags;
  const auto listed = [&source](auto matches) {
    return std::any_of(source.origins.begin(), source.origins.end(), matches);
  };
  if (!marks.origin.empty() &&
      !listed([&](const std::string& origin) { return origin == marks.origin; })) {
    flags |= kOriginUnlisted;
  }
  // A page says its host as domain; a mini program its appid, which attribution looks at.
  if (row.platform == "web" && !row.domain.empty() && !listed([&](const std::string& origin) {
        return absl::EndsWith(origin, absl::StrCat("://", row.domain));
      })) {
    flags |= kDomainMismatch;
  }
  return flags;
}

QuarantineItem Quarantined(const Dialect& dialect, int32_t tenant, const Source* source,
                           int64_t received_us, Reason reason, std::string detail) {
  QuarantineItem item;
  item.tenant_id = tenant;
  item.source_id = source == nullptr ? 0 : source->number;
  item.received_us = received_us;
  item.dialect = dialect.name();
  item.reason = reason;
  item.detail = std::move(detail);
  return item;
}

// Fills in what depends on source and request. False when the event goes to quarantine.
bool Complete(const Dialect& dialect, const Sender& sender, const RequestMarks& marks,
              SourcePtr source, DecodedEvent* event) {
  EventRow& row = event->row;
  row.tenant_id = source->tenant_id;
  row.source_id = source->number;
  row.received_us = sender.received_us;
  row.ip_net = sender.ip_net;
  row.ua_class = marks.ua_class;
  row.flags |= FlagsOf(marks, sender, *source, row);
  row.provenance = static_cast<int16_t>(dialect.number() << 4 | kCollectorHttp << 1 |
                                        (source->trusted() ? 1 : 0));

  const TimeVerdict time = JudgeTime({event->client, event->sent_ms, sender.received_us / 1000,
                                      source->trusted() || sender.is_import});
  row.event_us =
      event->client.state == ClientTime::State::kGiven && time.event_ms == event->client.ms
          ? event->client.ms * 1000
          : (time.event_ms == sender.received_us / 1000 ? sender.received_us
                                                        : time.event_ms * 1000);
  row.flags |= time.flags;
  const bool plausible =
      event->client.state == ClientTime::State::kGiven && IsPlausibleTime(event->client.ms);
  row.client_us = plausible ? event->client.ms * 1000 : 0;
  row.sent_us =
      event->sent_ms.has_value() && IsPlausibleTime(*event->sent_ms) ? *event->sent_ms * 1000 : 0;
  if (time.out_of_range) {
    event->refused = Reason::kTimeOutOfRange;
    event->detail = "The event is more than 730 days old.";
    return false;
  }
  row.event_id = MakeEventId(plausible ? event->client.ms : 0, row.tenant_id, row.source_id,
                             event->dialect_id.empty() ? event->raw : event->dialect_id);
  row.content_hash = ContentHash(event->content.empty() ? event->raw : event->content);
  row.device_key = DeviceKey(row.tenant_id, row.device_id, row.user_id);
  AttributeSdkEvent(*source, event->other_devices, &row);
  row.source = std::move(source);
  return true;
}

}  // namespace

absl::StatusOr<Prepared> Collector::Prepare(const Dialect& dialect, Body body, const Sender& sender,
                                            Deadline deadline) {
  Prepared prepared;
  const bool by_project = !sender.sdk_project.empty();
  std::shared_ptr<const SourceSnapshot> snapshot = sources_.Snapshot();
  // A key that is not known is looked for once more: it may be new.
  const auto again = [&]() -> absl::Status {
    absl::StatusOr<std::shared_ptr<const SourceSnapshot>> fresh = sources_.AfterMiss(deadline);
    if (!fresh.ok()) return fresh.status();
    snapshot = *std::move(fresh);
    return absl::OkStatus();
  };

  std::optional<int32_t> tenant;
  if (by_project) {
    tenant = snapshot->TenantOfSdkProject(sender.sdk_project);
    if (!tenant.has_value()) {
      DATONG_RETURN_IF_ERROR(again());
      tenant = snapshot->TenantOfSdkProject(sender.sdk_project);
    }
    if (!tenant.has_value()) {
      prepared.verdict = CollectVerdict::kUnknownKey;
      return prepared;
    }
  }

  std::string bytes = std::exchange(body.bytes, {});
  const Body context_body = body;
  body.bytes = std::move(bytes);
  DecodedBody decoded = dialect.Decode(std::move(body));

  SourcePtr keyed;
  Sender known = sender;
  if (!by_project) {
    if (known.write_key.empty()) known.write_key = decoded.write_key;
    if (known.write_key.empty()) {
      prepared.verdict =
          decoded.refused == Reason::kNone ? CollectVerdict::kNoKey : CollectVerdict::kUndecodable;
      return prepared;
    }
    keyed = snapshot->ByWriteKey(known.write_key);
    if (keyed == nullptr) {
      DATONG_RETURN_IF_ERROR(again());
      keyed = snapshot->ByWriteKey(known.write_key);
    }
    if (keyed == nullptr || keyed->disabled) {
      prepared.verdict = CollectVerdict::kUnknownKey;
      return prepared;
    }
    tenant = keyed->tenant_id;
  }

  if (decoded.refused != Reason::kNone) {
    prepared.verdict = CollectVerdict::kUndecodable;
    QuarantineItem item = Quarantined(dialect, *tenant, keyed.get(), sender.received_us,
                                      decoded.refused, std::move(decoded.detail));
    item.whole_body = true;
    item.raw = decoded.text.substr(0, kMaxRawBytes);
    item.context = PackContext(context_body, known);
    prepared.submission.quarantine.push_back(std::move(item));
    return prepared;
  }

  const RequestMarks marks = ReadMarks(sender);
  std::string context;  // the same for all, made when first needed
  size_t disabled = 0;
  prepared.submission.rows.reserve(decoded.events.size());
  for (DecodedEvent& event : decoded.events) {
    SourcePtr source = keyed;
    if (by_project) {
      const EventRow& row = event.row;
      source = snapshot->ForSdkEvent(sender.sdk_project, event.source_key, row.domain);
      if (source == nullptr && event.refused == Reason::kNone) {
        DATONG_RETURN_IF_ERROR(again());
        source = snapshot->ForSdkEvent(sender.sdk_project, event.source_key, row.domain);
      }
      const bool usable = source != nullptr && !source->disabled;
      if (source != nullptr && source->disabled) ++disabled;
      if (!usable && event.refused == Reason::kNone) {
        event.refused = Reason::kUnknownSource;
        event.detail = event.source_key.empty()
                           ? "The event names no dataSourceId, and the project has several sources."
                           : "No source has the event's dataSourceId; register it, then replay.";
      }
    }
    if (event.refused == Reason::kNone) {
      if (Complete(dialect, sender, marks, source, &event)) {
        if (consents_.Allows(*source, event.row)) {
          privacy_.Apply(*source, &event.row);
          prepared.submission.rows.push_back(std::move(event.row));
        } else {
          ++prepared.refused;
        }
        continue;
      }
    }
    QuarantineItem item = Quarantined(dialect, *tenant, source.get(), sender.received_us,
                                      event.refused, std::move(event.detail));
    item.raw = std::string(event.raw.substr(0, kMaxRawBytes));
    if (context.empty()) {
      // Alone, the event is found neither by its envelope's sent time nor by its key.
      Body alone = context_body;
      if (event.sent_ms.has_value()) alone.sent_ms = event.sent_ms;
      context = PackContext(alone, known);
    }
    item.context = context;
    prepared.submission.quarantine.push_back(std::move(item));
  }
  if (disabled > 0 && disabled == decoded.events.size()) {
    prepared.verdict = CollectVerdict::kUnknownKey;
    prepared.submission = {};
  }
  return prepared;
}

absl::StatusOr<CollectResult> Collector::Collect(const Dialect& dialect, Body body, Sender sender,
                                                 Deadline deadline) {
  sender.received_us = absl::ToUnixMicros(clock_.Now());
  DATONG_ASSIGN_OR_RETURN(Prepared prepared, Prepare(dialect, std::move(body), sender, deadline));
  CollectResult result;
  result.verdict = prepared.verdict;
  result.refused = prepared.refused;
  if (prepared.verdict == CollectVerdict::kUnknownKey ||
      prepared.verdict == CollectVerdict::kNoKey) {
    metrics_.RejectedUnknownApp(Door::kSdk);
    return result;
  }
  if (prepared.verdict == CollectVerdict::kUndecodable) metrics_.RejectedMalformed(Door::kSdk);
  metrics_.RequestEvents(Door::kSdk, static_cast<int64_t>(prepared.submission.rows.size()));
  if (prepared.refused > 0) metrics_.RefusedForConsent(Door::kSdk, prepared.refused);
  if (prepared.submission.rows.empty() && prepared.submission.quarantine.empty()) return result;

  std::vector<Reason> reasons;
  for (const QuarantineItem& item : prepared.submission.quarantine) reasons.push_back(item.reason);
  const int64_t first_us =
      prepared.submission.rows.empty() ? 0 : prepared.submission.rows.front().event_us;
  DATONG_ASSIGN_OR_RETURN(const SubmissionResult written,
                          writer_.Write(std::move(prepared.submission), deadline));
  result.position = written.position;
  for (const Reason reason : reasons) metrics_.Quarantined(Door::kSdk, reason, 1);
  result.quarantined = static_cast<int64_t>(reasons.size());
  for (const RowFate fate : written.fates) {
    if (fate == RowFate::kStored) {
      ++result.stored;
    } else if (fate == RowFate::kDuplicate) {
      ++result.duplicate;
    } else {
      ++result.quarantined;
      metrics_.Quarantined(Door::kSdk,
                           fate == RowFate::kIdReused ? Reason::kIdReused : Reason::kSchema, 1);
    }
  }
  metrics_.Accepted(Door::kSdk, result.stored, clock_.Now() - absl::FromUnixMicros(first_us));
  metrics_.Duplicate(Door::kSdk, result.duplicate);
  return result;
}

IpNet CutAddress(absl::string_view address) {
  IpNet net;
  // "[2001:db8::1]:443" and "192.0.2.1:443", as proxies write them.
  if (absl::StartsWith(address, "[")) {
    address = address.substr(1, address.find(']') - 1);
  } else if (const size_t colon = address.find(':');
             absl::StrContains(address, '.') && colon == address.rfind(':')) {
    address = address.substr(0, colon);
  }
  const std::string text(address);
  std::array<uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) {
    std::copy_n(bytes.begin(), 3, net.address.begin());
    net.bits = 24;
  } else if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) {
    static constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) {
      std::copy_n(bytes.begin() + 12, 3, net.address.begin());
      net.bits = 24;
    } else {
      std::copy_n(bytes.begin(), 6, net.address.begin());
      net.bits = 48;
      net.v6 = true;
    }
  }
  return net;
}

std::string PackContext(const Body& body, const Sender& sender) {
  nlohmann::json json = nlohmann::json::object();
  const auto put = [&json](const char* key, const std::string& value) {
    if (!value.empty()) json[key] = value;
  };
  put("content_type", body.content_type);
  put("compress_codec", body.compress_codec);
  put("crypt_codec", body.crypt_codec);
  put("compress", body.compress);
  put("foreign_encoding", body.foreign_encoding);
  put("default_type", body.default_type);
  if (body.sent_ms.has_value()) json["sent_ms"] = *body.sent_ms;
  put("sdk_project", sender.sdk_project);
  put("write_key", sender.write_key);
  put("user_agent", sender.user_agent);
  put("origin", sender.origin);
  put("referer", sender.referer);
  if (sender.is_import) json["is_import"] = true;
  if (sender.ip_net.bits != 0) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(sender.ip_net.v6 ? AF_INET6 : AF_INET, sender.ip_net.address.data(), text.data(),
              static_cast<socklen_t>(text.size()));
    json["ip_net"] = text.data();
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void UnpackContext(absl::string_view context, Body* body, Sender* sender) {
  const nlohmann::json json =
      nlohmann::json::parse(context.begin(), context.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return;
  const auto take = [&json](const char* key, std::string* value) {
    const auto found = json.find(key);
    if (found != json.end() && found->is_string()) *value = found->get<std::string>();
  };
  take("content_type", &body->content_type);
  take("compress_codec", &body->compress_codec);
  take("crypt_codec", &body->crypt_codec);
  take("compress", &body->compress);
  take("foreign_encoding", &body->foreign_encoding);
  take("default_type", &body->default_type);
  const auto sent = json.find("sent_ms");
  if (sent != json.end() && sent->is_number_integer()) body->sent_ms = sent->get<int64_t>();
  take("sdk_project", &sender->sdk_project);
  take("write_key", &sender->write_key);
  take("user_agent", &sender->user_agent);
  take("origin", &sender->origin);
  take("referer", &sender->referer);
  sender->is_import = json.contains("is_import");
  std::string address;
  take("ip_net", &address);
  sender->ip_net = CutAddress(address);
}

}  // namespace datong::ingest
