#include "services/broker/core/wecom_push_receiver.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/status/macros.h"
#include "common/wechat/push_crypto.h"
#include "services/broker/core/errors.h"
#include "services/broker/core/wecom_types.h"

namespace datong::broker {
namespace {

constexpr char kSuccess[] = "success";
constexpr size_t kMostBytes = 128 << 10;
constexpr int64_t kMostSkewSeconds = 600;

absl::Status CheckTimestamp(const wechat::PushQuery& query, absl::Time now) {
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(query.timestamp, &seconds)) return SignatureInvalid();
  const int64_t skew = absl::ToUnixSeconds(now) - seconds;
  return skew > kMostSkewSeconds || skew < -kMostSkewSeconds ? PushStale() : absl::OkStatus();
}

// Opens the message for the first of the receive ids that it is for; `encrypt` is null for the
// check of a URL. Tells the outside no more than it needs to correct its settings.
absl::StatusOr<std::string> Open(const CallbackKey& key, const std::vector<std::string>& ids,
                                 const wechat::PushQuery& query, const std::string* encrypt) {
  absl::Status last = SignatureInvalid();
  for (const std::string& id : ids) {
    absl::StatusOr<wechat::PushCrypto> crypto =
        wechat::PushCrypto::Create(key.token, key.aes_key, id);
    if (!crypto.ok()) return CallbackNotConfigured(id);
    absl::StatusOr<std::string> plaintext =
        encrypt == nullptr ? crypto->VerifyUrl(query) : crypto->Decrypt(query, *encrypt);
    if (plaintext.ok()) return plaintext;
    if (absl::IsUnauthenticated(plaintext.status())) return SignatureInvalid();
    last = PushMalformed(GetReason(plaintext.status()));
    if (GetReason(plaintext.status()) != "RECEIVE_ID_MISMATCH") break;
  }
  return last;
}

}  // namespace

std::string WecomPushKey(const wechat::Message& message) {
  if (message.Has("MsgId")) return absl::StrCat("msg:", message.Text("MsgId"));
  std::string key = "event";
  for (const char* name : {"InfoType", "Event", "ChangeType", "AuthCorpId", "UserID",
                           "ExternalUserID", "CreateTime", "TimeStamp", "AuthCode", "ChatId",
                           "CurMemVer", "UpdateDetail", "Id", "FromUserName", "EventKey"}) {
    absl::StrAppend(&key, ":", absl::StripAsciiWhitespace(message.Text(name)));
  }
  return key;
}

WecomPushReceiver::WecomPushReceiver(AppStore& apps, TokenStore& tickets, WorkStore& work,
                                     TokenBroker& tokens, BrokerMetrics& metrics,
                                     const Clock& clock, std::function<void()> wake_worker,
                                     PushSightings* sightings)
    : apps_(apps),
      tickets_(tickets),
      work_(work),
      tokens_(tokens),
      metrics_(metrics),
      clock_(clock),
      wake_worker_(std::move(wake_worker)),
      sightings_(sightings) {}

absl::StatusOr<std::string> WecomPushReceiver::Receive(const RawPush& push, Deadline deadline) {
  absl::StatusOr<std::string> answer = ReceiveChecked(push, deadline);
  const std::string reason = GetReason(answer.status());
  if (reason == "SIGNATURE_INVALID") metrics_.PushRejected(BrokerMetrics::Rejected::kBadSignature);
  if (reason == "PUSH_STALE") metrics_.PushRejected(BrokerMetrics::Rejected::kStale);
  if (reason == "PUSH_TOO_LARGE") metrics_.PushRejected(BrokerMetrics::Rejected::kTooLarge);
  if (reason == "PUSH_MALFORMED") metrics_.PushRejected(BrokerMetrics::Rejected::kMalformed);
  if (reason == "CALLBACK_UNKNOWN") metrics_.PushRejected(BrokerMetrics::Rejected::kUnknownApp);
  return answer;
}

absl::StatusOr<WecomPushReceiver::Target> WecomPushReceiver::FindTarget(const std::string& path,
                                                                        Deadline deadline) {
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  // "", wecom, {project}, app | suite, {appid}, [events | {corpid}, messages]
  if (parts.size() < 5 || !parts[0].empty() || parts[1] != "wecom") return CallbackUnknown();
  Target target;
  target.project = parts[2];
  target.is_suite = parts[3] == "suite";
  const bool is_app = parts[3] == "app" && parts.size() == 5;
  const bool is_events = target.is_suite && parts.size() == 6 && parts[5] == "events";
  const bool is_data = target.is_suite && parts.size() == 7 && parts[6] == "messages";
  if (!is_app && !is_events && !is_data) return CallbackUnknown();
  if (is_data) target.data_corp = parts[5];
  absl::StatusOr<App> app = apps_.GetApp(parts[4], deadline);
  if (absl::IsNotFound(app.status())) return CallbackUnknown();
  if (!app.ok()) return app.status();
  const AppKind wanted = target.is_suite ? AppKind::kWecomSuite : AppKind::kWecomCorp;
  if (app->project != target.project || app->kind != wanted || !app->component.empty()) {
    return CallbackUnknown();
  }
  target.credential = *std::move(app);
  return target;
}

std::vector<std::string> WecomPushReceiver::ReceiveIds(const Target& target, bool is_check) {
  const App& app = target.credential;
  if (!target.is_suite) return {app.corpid};
  // The check of either URL is for the provider; "" when an individual owns the suite.
  if (is_check) return {app.corpid};
  if (!target.data_corp.empty()) return {target.data_corp};
  // create_auth was seen with the provider's corpid.
  return {app.appid, app.corpid};
}

absl::StatusOr<std::string> WecomPushReceiver::ReceiveChecked(const RawPush& push,
                                                              Deadline deadline) {
  if (push.body.size() > kMostBytes) return PushTooLarge();
  DATONG_ASSIGN_OR_RETURN(Target target, FindTarget(push.path, deadline));
  absl::StatusOr<std::string> answer = OpenAndStore(target, push, deadline);
  if (sightings_ != nullptr) {
    sightings_->Note(target.credential.appid, push.method == "POST", answer.status());
  }
  return answer;
}

absl::StatusOr<std::string> WecomPushReceiver::OpenAndStore(const Target& target,
                                                            const RawPush& push,
                                                            Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(Credentials credentials,
                          apps_.GetCredentials(target.credential.appid, deadline));
  if (credentials.callback.token.empty()) return CallbackNotConfigured(target.credential.appid);
  const wechat::PushQuery query = wechat::ParsePushQuery(push.query);
  if (query.msg_signature.empty()) return SignatureInvalid();  // WeCom has no plain mode
  const bool is_check = push.method == "GET";
  std::string encrypt;
  if (!is_check) {
    absl::StatusOr<std::string> extracted = wechat::ExtractEncrypt(push.body);
    if (!extracted.ok()) return PushMalformed(GetReason(extracted.status()));
    encrypt = *std::move(extracted);
  }
  const std::vector<std::string> ids = ReceiveIds(target, is_check);
  absl::StatusOr<std::string> plaintext =
      Open(credentials.callback, ids, query, is_check ? nullptr : &encrypt);
  // After a change the old token and key go on for a while.
  if (!plaintext.ok() && !credentials.previous_callback.token.empty()) {
    absl::StatusOr<std::string> older =
        Open(credentials.previous_callback, ids, query, is_check ? nullptr : &encrypt);
    if (older.ok()) plaintext = std::move(older);
  }
  if (!plaintext.ok()) return plaintext.status();
  DATONG_RETURN_IF_ERROR(CheckTimestamp(query, clock_.Now()));
  return is_check ? plaintext : Store(target, *plaintext, deadline);
}

absl::StatusOr<std::string> WecomPushReceiver::Store(const Target& target,
                                                     const std::string& plaintext,
                                                     Deadline deadline) {
  absl::StatusOr<wechat::Message> message = wechat::ParseMessage(plaintext);
  if (!message.ok()) return PushMalformed(GetReason(message.status()));
  const App& app = target.credential;
  // The official sample has a blank inside the element.
  const absl::string_view info = absl::StripAsciiWhitespace(message->Text("InfoType"));
  const absl::string_view suite = message->Text("SuiteId");
  if (target.is_suite && !suite.empty() && suite != app.appid) {
    return PushMalformed("its SuiteId is another suite's");
  }
  if (info == "suite_ticket") {
    if (!target.is_suite) return PushMalformed("an app of a corp has no suite_ticket");
    DATONG_RETURN_IF_ERROR(StoreTicket(target, *message, deadline));
    return std::string(kSuccess);
  }
  NewJob job;
  job.kind = JobKind::kWecomPush;
  job.project = target.project;
  // Data callbacks are about one corp of the suite.
  job.appid = target.data_corp.empty() ? app.appid : WecomCorpAppid(target.data_corp, app.appid);
  job.key = absl::StrCat(job.appid, ":",
                         BytesToHex(crypto::Sha256(WecomPushKey(*message))).substr(0, 40));
  job.payload = plaintext;
  DATONG_ASSIGN_OR_RETURN(bool is_new, work_.AddPush(job, deadline));
  metrics_.PushAccepted(is_new);
  if (is_new) wake_worker_();
  return std::string(kSuccess);
}

absl::Status WecomPushReceiver::StoreTicket(const Target& target, const wechat::Message& message,
                                            Deadline deadline) {
  Ticket ticket;
  ticket.value = Secret(std::string(absl::StripAsciiWhitespace(message.Text("SuiteTicket"))));
  ticket.received = clock_.Now();
  ticket.created = absl::FromUnixSeconds(
      message.Number("TimeStamp").value_or(absl::ToUnixSeconds(ticket.received)));
  if (ticket.value.empty()) return PushMalformed("it has no SuiteTicket");
  const std::string& suite = target.credential.appid;
  DATONG_RETURN_IF_ERROR(tickets_.SaveTicket(suite, ticket, deadline));
  tokens_.ForgetFailures(suite);
  metrics_.TicketReceived(suite, ticket.received);
  return absl::OkStatus();
}

}  // namespace datong::broker
