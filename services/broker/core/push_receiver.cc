#include "services/broker/core/push_receiver.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"
#include "services/broker/core/release_check.h"

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

// Tells the outside no more than it needs to correct its settings.
absl::Status Explain(const absl::Status& status) {
  if (absl::IsUnauthenticated(status)) return SignatureInvalid();
  return PushMalformed(GetReason(status).empty() ? status.message() : GetReason(status));
}

absl::Status CheckPlain(const CallbackKey& key, const wechat::PushQuery& query) {
  const std::string wanted = wechat::PushSignature(key.token, query.timestamp, query.nonce);
  return ConstantTimeEquals(wanted, query.signature) ? absl::OkStatus() : SignatureInvalid();
}

// Tries the keys, newest first: after a change the old one goes on coming for a while.
template <typename Try>
auto WithEachKey(const Credentials& credentials, Try attempt)
    -> decltype(attempt(credentials.callback)) {
  auto result = attempt(credentials.callback);
  if (result.ok() || credentials.previous_callback.token.empty()) return result;
  auto older = attempt(credentials.previous_callback);
  return older.ok() ? std::move(older) : std::move(result);
}

absl::StatusOr<std::string> Open(const CallbackKey& key, const std::string& receive_id,
                                 const wechat::PushQuery& query, const std::string* encrypt) {
  absl::StatusOr<wechat::PushCrypto> crypto =
      wechat::PushCrypto::Create(key.token, key.aes_key, receive_id);
  if (!crypto.ok()) return CallbackNotConfigured(receive_id);
  absl::StatusOr<std::string> plaintext =
      encrypt == nullptr ? crypto->VerifyUrl(query) : crypto->Decrypt(query, *encrypt);
  if (!plaintext.ok()) return Explain(plaintext.status());
  return plaintext;
}

}  // namespace

std::string PushName(const wechat::Message& message) {
  if (message.Has("InfoType")) return std::string(message.Text("InfoType"));
  if (message.Text("MsgType") == "event") return std::string(message.Text("Event"));
  return std::string(message.Text("MsgType"));
}

std::string PushKey(const wechat::Message& message) {
  if (message.Has("InfoType")) {
    return absl::StrCat("info:", message.Text("InfoType"), ":", message.Text("CreateTime"), ":",
                        message.Text("AuthorizerAppid"), ":", message.Text("AuthorizationCode"));
  }
  if (message.Has("MsgId")) return absl::StrCat("msg:", message.Text("MsgId"));
  // Results of mass and template messages have their own id, and one sender for many receivers.
  std::string key =
      absl::StrCat("event:", message.Text("FromUserName"), ":", message.Text("CreateTime"), ":",
                   PushName(message), ":", message.Text("EventKey"), ":", message.Text("MsgID"));
  // Privacy events of all users have one sender.
  if (message.Has("OpenID")) {
    absl::StrAppend(&key, ":", message.Text("OpenID"), ":", message.Text("RevokeInfo"));
  }
  return key;
}

PushReceiver::PushReceiver(AppStore& apps, TokenStore& tickets, WorkStore& work,
                           TokenBroker& tokens, BrokerMetrics& metrics, const Clock& clock,
                           std::function<void()> wake_worker, PushSightings* sightings)
    : apps_(apps),
      tickets_(tickets),
      work_(work),
      tokens_(tokens),
      metrics_(metrics),
      clock_(clock),
      wake_worker_(std::move(wake_worker)),
      sightings_(sightings) {}

absl::StatusOr<std::string> PushReceiver::Receive(const RawPush& push, Deadline deadline) {
  // WeCom waits one second; what takes longer is better answered by its next try.
  if (wecom_ && absl::StartsWith(push.path, "/wecom/")) {
    return wecom_(push, deadline.AtMost(absl::Milliseconds(800)));
  }
  absl::StatusOr<std::string> answer = ReceiveChecked(push, deadline);
  const std::string reason = GetReason(answer.status());
  if (sightings_ != nullptr) Remember(push, answer.status());
  if (reason == "SIGNATURE_INVALID") metrics_.PushRejected(BrokerMetrics::Rejected::kBadSignature);
  if (reason == "PUSH_STALE") metrics_.PushRejected(BrokerMetrics::Rejected::kStale);
  if (reason == "PUSH_TOO_LARGE") metrics_.PushRejected(BrokerMetrics::Rejected::kTooLarge);
  if (reason == "PUSH_MALFORMED") metrics_.PushRejected(BrokerMetrics::Rejected::kMalformed);
  if (reason == "CALLBACK_UNKNOWN") metrics_.PushRejected(BrokerMetrics::Rejected::kUnknownApp);
  return answer;
}

void PushReceiver::Remember(const RawPush& push, const absl::Status& outcome) {
  const absl::StatusOr<Target> target = ParsePath(push.path);
  if (!target.ok()) return;
  const std::string& appid = target->appid.empty() ? target->credential : target->appid;
  sightings_->Note(appid, push.method == "POST", outcome);
}

absl::StatusOr<PushReceiver::Target> PushReceiver::ParsePath(const std::string& path) {
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  // "", wechat, {project}, app, {appid}
  if (parts.size() < 5 || !parts[0].empty() || parts[1] != "wechat") return CallbackUnknown();
  Target target;
  target.project = parts[2];
  target.credential = parts[4];
  if (parts[3] == "app" && parts.size() == 5) {
    target.appid = parts[4];
    return target;
  }
  // "", wechat, {project}, component, {appid}, events | {authorizer}, messages
  target.is_component = true;
  if (parts[3] == "component" && parts.size() == 6 && parts[5] == "events") return target;
  if (parts[3] == "component" && parts.size() == 7 && parts[6] == "messages") {
    target.appid = parts[5];
    return target;
  }
  return CallbackUnknown();
}

absl::Status PushReceiver::CheckApps(const Target& target, Deadline deadline) {
  absl::StatusOr<App> credential = apps_.GetApp(target.credential, deadline);
  if (absl::IsNotFound(credential.status())) return CallbackUnknown();
  if (!credential.ok()) return credential.status();
  if (credential->project != target.project ||
      (credential->kind == AppKind::kComponent) != target.is_component) {
    return CallbackUnknown();
  }
  if (!target.is_component || target.appid.empty()) return absl::OkStatus();
  if (IsReleaseCheckAccount(target.appid)) return absl::OkStatus();
  absl::StatusOr<App> account = apps_.GetApp(target.appid, deadline);
  if (absl::IsNotFound(account.status())) return CallbackUnknown();
  if (!account.ok()) return account.status();
  if (account->component != target.credential) return CallbackUnknown();
  return absl::OkStatus();
}

absl::StatusOr<std::string> PushReceiver::ReceiveChecked(const RawPush& push, Deadline deadline) {
  if (push.body.size() > kMostBytes) return PushTooLarge();
  DATONG_ASSIGN_OR_RETURN(Target target, ParsePath(push.path));
  DATONG_RETURN_IF_ERROR(CheckApps(target, deadline));
  DATONG_ASSIGN_OR_RETURN(Credentials credentials,
                          apps_.GetCredentials(target.credential, deadline));
  if (credentials.callback.token.empty()) return CallbackNotConfigured(target.credential);
  const wechat::PushQuery query = wechat::ParsePushQuery(push.query);

  if (push.method == "GET") {
    DATONG_ASSIGN_OR_RETURN(
        std::string echo,
        WithEachKey(credentials, [&](const CallbackKey& key) -> absl::StatusOr<std::string> {
          if (!query.msg_signature.empty()) return Open(key, target.credential, query, nullptr);
          DATONG_RETURN_IF_ERROR(CheckPlain(key, query));
          return query.echostr;
        }));
    DATONG_RETURN_IF_ERROR(CheckTimestamp(query, clock_.Now()));
    return echo;
  }
  std::string plaintext;
  if (query.is_encrypted()) {
    absl::StatusOr<std::string> encrypt = wechat::ExtractEncrypt(push.body);
    if (!encrypt.ok()) return Explain(encrypt.status());
    DATONG_ASSIGN_OR_RETURN(plaintext, WithEachKey(credentials, [&](const CallbackKey& key) {
                              return Open(key, target.credential, query, &*encrypt);
                            }));
  } else if (target.is_component) {
    return SignatureInvalid();  // a component has no plain mode
  } else {
    DATONG_RETURN_IF_ERROR(
        WithEachKey(credentials, [&](const CallbackKey& key) { return CheckPlain(key, query); }));
    plaintext = push.body;
  }
  DATONG_RETURN_IF_ERROR(CheckTimestamp(query, clock_.Now()));
  if (target.is_component && IsReleaseCheckAccount(target.appid)) {
    return AnswerReleaseCheck(target, credentials.callback, query, plaintext, deadline);
  }
  return Store(target, plaintext, deadline);
}

absl::StatusOr<std::string> PushReceiver::AnswerReleaseCheck(const Target& target,
                                                             const CallbackKey& key,
                                                             const wechat::PushQuery& query,
                                                             const std::string& plaintext,
                                                             Deadline deadline) {
  absl::StatusOr<wechat::Message> message = wechat::ParseMessage(plaintext);
  if (!message.ok()) return Explain(message.status());
  const std::string code = ReleaseCheckCode(*message);
  if (!code.empty()) {
    DATONG_RETURN_IF_ERROR(work_.Enqueue(
        ReleaseCheck::JobOf(target.project, target.credential, code, message->Text("FromUserName")),
        deadline));
    wake_worker_();
    return std::string();
  }
  absl::StatusOr<wechat::PushCrypto> crypto =
      wechat::PushCrypto::Create(key.token, key.aes_key, target.credential);
  if (!crypto.ok()) return CallbackNotConfigured(target.credential);
  const absl::Time now = clock_.Now();
  return wechat::ReplyXml(
      crypto->Encrypt(PassiveReplyXml(*message, ReleaseCheckReply(*message), now),
                      absl::StrCat(absl::ToUnixSeconds(now)), query.nonce));
}

absl::StatusOr<std::string> PushReceiver::Store(const Target& target, const std::string& plaintext,
                                                Deadline deadline) {
  absl::StatusOr<wechat::Message> message = wechat::ParseMessage(plaintext);
  if (!message.ok()) return Explain(message.status());
  const bool is_event_of_component = target.is_component && target.appid.empty();
  const std::string name = PushName(*message);
  // A probe of cloud hosting ({"action": "CheckContainerPath"}), or a kind of push yet unknown.
  if (name.empty()) return std::string(kSuccess);
  if (is_event_of_component && name == "component_verify_ticket") {
    DATONG_RETURN_IF_ERROR(StoreTicket(target, *message, deadline));
    return std::string(kSuccess);
  }
  NewJob job;
  job.kind = JobKind::kPush;
  job.project = target.project;
  job.appid = is_event_of_component ? target.credential : target.appid;
  job.key =
      absl::StrCat(job.appid, ":", BytesToHex(crypto::Sha256(PushKey(*message))).substr(0, 40));
  job.payload = plaintext;
  DATONG_ASSIGN_OR_RETURN(bool is_new, work_.AddPush(job, deadline));
  metrics_.PushAccepted(is_new);
  if (is_new) wake_worker_();
  return std::string(kSuccess);
}

absl::Status PushReceiver::StoreTicket(const Target& target, const wechat::Message& message,
                                       Deadline deadline) {
  Ticket ticket;
  ticket.value = Secret(std::string(message.Text("ComponentVerifyTicket")));
  ticket.received = clock_.Now();
  ticket.created = absl::FromUnixSeconds(
      message.Number("CreateTime").value_or(absl::ToUnixSeconds(ticket.received)));
  if (ticket.value.empty()) return PushMalformed("it has no ComponentVerifyTicket");
  DATONG_RETURN_IF_ERROR(tickets_.SaveTicket(target.credential, ticket, deadline));
  tokens_.ForgetFailures(target.credential);
  metrics_.TicketReceived(target.credential, ticket.received);
  return absl::OkStatus();
}

}  // namespace datong::broker
