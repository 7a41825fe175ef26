#include "tools/wechat_sim/pusher.h"

#include <algorithm>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/status/macros.h"
#include "common/wechat/message.h"
#include "common/wechat/push_crypto.h"
#include "tools/wechat_sim/page_html.h"
#include "tools/wechat_sim/token_book.h"

namespace datong::wechat_sim {
namespace {

using nlohmann::json;

constexpr size_t kRemembered = 200;

http::ClientOptions LocalClient() {
  http::ClientOptions options;
  // It talks to the suite of the same machine.
  options.allow_private = true;
  return options;
}

std::string Cdata(const std::string& text) {
  return absl::StrCat("<![CDATA[", absl::StrReplaceAll(text, {{"]]>", "]]]]><![CDATA[>"}}), "]]>");
}

std::string RandomNonce() {
  return absl::StrCat(std::hash<std::string>()(RandomText(16)) % 2000000000U);
}

}  // namespace

std::string PlainBody(const PushJob& job, const std::string& encrypt) {
  if (!job.xml.empty()) {
    const size_t end = job.xml.rfind("</xml>");
    if (encrypt.empty() || end == std::string::npos) return job.xml;
    return absl::StrCat(job.xml.substr(0, end), "<Encrypt>", Cdata(encrypt), "</Encrypt></xml>");
  }
  if (job.callback.format == "json") {
    json body = json::object();
    for (const PushField& field : job.fields) {
      int64_t number = 0;
      if (field.is_number && absl::SimpleAtoi(field.value, &number)) {
        body[field.name] = number;
      } else {
        body[field.name] = field.value;
      }
    }
    if (!encrypt.empty()) body["Encrypt"] = encrypt;
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  std::string body = "<xml>";
  for (const PushField& field : job.fields) {
    absl::StrAppend(&body, "<", field.name, ">", field.is_number ? field.value : Cdata(field.value),
                    "</", field.name, ">");
  }
  if (!encrypt.empty()) absl::StrAppend(&body, "<Encrypt>", Cdata(encrypt), "</Encrypt>");
  return body + "</xml>";
}

Pusher::Pusher(PusherOptions options, const Clock& clock)
    : options_(options), clock_(clock), client_(LocalClient()) {
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { Work(); });
}

Pusher::~Pusher() { Stop(); }

void Pusher::Stop() {
  {
    MutexLock lock(&mutex_);
    stopped_ = true;
    changed_.SignalAll();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Pusher::Enqueue(std::vector<PushJob> jobs, absl::Duration jitter) {
  absl::BitGen random;
  MutexLock lock(&mutex_);
  for (PushJob& job : jobs) {
    queue_.emplace(absl::Now() + jitter * absl::Uniform(random, 0.0, 1.0), std::move(job));
  }
  changed_.SignalAll();
}

bool Pusher::WaitIdle(absl::Duration timeout) {
  const absl::Time until = absl::Now() + timeout;
  MutexLock lock(&mutex_);
  while (!queue_.empty() || in_flight_ > 0) {
    if (stopped_ || changed_.WaitWithDeadline(&mutex_, until)) {
      return queue_.empty() && in_flight_ == 0;
    }
  }
  return true;
}

void Pusher::Work() {
  MutexLock lock(&mutex_);
  while (!stopped_) {
    const absl::Time now = absl::Now();
    if (queue_.empty()) {
      changed_.Wait(&mutex_);
    } else if (queue_.begin()->first > now) {
      changed_.WaitWithDeadline(&mutex_, queue_.begin()->first);
    } else {
      PushJob job = std::move(queue_.begin()->second);
      queue_.erase(queue_.begin());
      ++in_flight_;
      ++attempts_;
      ++job.attempts;
      mutex_.Unlock();
      const std::string problem = Attempt(job);
      mutex_.Lock();
      --in_flight_;
      Finish(std::move(job), problem);
      changed_.SignalAll();
    }
  }
}

void Pusher::Finish(PushJob job, const std::string& problem) {
  const bool ok = problem.empty();
  if (!ok && job.attempts < options_.attempts) {
    queue_.emplace(absl::Now() + options_.retry_delay, std::move(job));
    return;
  }
  ++(ok ? delivered_ : failed_);
  if (recent_.size() >= kRemembered) recent_.pop_front();
  recent_.push_back({{"appid", job.appid},
                     {"label", job.label},
                     {"attempts", job.attempts},
                     {"ok", ok},
                     {"answer", problem}});
}

std::string Pusher::Attempt(const PushJob& job) {
  const std::string timestamp = absl::StrCat(absl::ToUnixSeconds(clock_.Now()));
  const std::string nonce = RandomNonce();
  const Secret token(job.callback.token);
  std::string query = absl::StrCat("signature=", wechat::PushSignature(token, timestamp, nonce),
                                   "&timestamp=", timestamp, "&nonce=", nonce);
  if (!job.openid.empty()) absl::StrAppend(&query, "&openid=", http::UrlEncode(job.openid));
  std::string body;
  if (job.is_wecom) {
    const auto crypto =
        wechat::PushCrypto::Create(token, Secret(job.callback.encoding_aes_key), job.receive_id);
    if (!crypto.ok()) return std::string(crypto.status().message());
    const wechat::SealedPush sealed = crypto->Encrypt(PlainBody(job, ""), timestamp, nonce);
    query = absl::StrCat("msg_signature=", sealed.msg_signature, "&timestamp=", timestamp,
                         "&nonce=", nonce);
    body = absl::StrCat("<xml><ToUserName>", Cdata(job.to), "</ToUserName><Encrypt>",
                        Cdata(sealed.encrypt), "</Encrypt><AgentID>", Cdata(job.agent_id),
                        "</AgentID></xml>");
  } else if (job.callback.mode == "plain") {
    body = PlainBody(job, "");
  } else {
    const auto crypto =
        wechat::PushCrypto::Create(token, Secret(job.callback.encoding_aes_key), job.receive_id);
    if (!crypto.ok()) return std::string(crypto.status().message());
    const wechat::SealedPush sealed = crypto->Encrypt(PlainBody(job, ""), timestamp, nonce);
    absl::StrAppend(&query, "&encrypt_type=aes&msg_signature=", sealed.msg_signature);
    if (job.callback.mode == "compatible") {
      body = PlainBody(job, sealed.encrypt);
    } else if (job.callback.format == "json") {
      body = wechat::PushJson(job.to, sealed.encrypt);
    } else {
      body =
          wechat::PushXml(job.is_component_event ? "AppId" : "ToUserName", job.to, sealed.encrypt);
    }
  }
  http::ClientRequest request;
  request.method = "POST";
  request.url = WithQuery(job.callback.url, query);
  request.headers.Add("Content-Type",
                      job.callback.format == "json" ? "application/json" : "text/xml");
  request.body = std::move(body);
  const auto response = client_.Send(request, Deadline::After(options_.deadline));
  if (!response.ok()) return std::string(response.status().message());
  return CheckReply(job, *response);
}

std::string Pusher::CheckReply(const PushJob& job, const http::ClientResponse& response) const {
  if (response.status != 200) return absl::StrCat("HTTP status ", response.status);
  if (response.body.empty() || response.body == "success") return "";
  if (job.callback.mode == "plain" && absl::StartsWith(response.body, "<xml>")) return "";
  const auto crypto = wechat::PushCrypto::Create(
      Secret(job.callback.token), Secret(job.callback.encoding_aes_key), job.receive_id);
  const auto reply = wechat::ParseMessage(response.body);
  if (crypto.ok() && reply.ok()) {
    wechat::PushQuery proof;
    proof.timestamp = std::string(reply->Text("TimeStamp"));
    proof.nonce = std::string(reply->Text("Nonce"));
    proof.msg_signature = std::string(reply->Text("MsgSignature"));
    if (crypto->Decrypt(proof, reply->Text("Encrypt")).ok()) return "";
  }
  return absl::StrCat("invalid reply: ", response.body.substr(0, 120));
}

json Pusher::Verify(const std::string& url, const std::string& echostr) {
  http::ClientRequest request;
  request.url = url;
  const auto response = client_.Send(request, Deadline::After(options_.deadline));
  if (!response.ok()) {
    return {{"ok", false}, {"status", 0}, {"answer", std::string(response.status().message())}};
  }
  return {{"ok", response->status == 200 && response->body == echostr},
          {"status", response->status},
          {"answer", response->body.substr(0, 200)}};
}

json Pusher::VerifyUrl(const Callback& callback) {
  const std::string timestamp = absl::StrCat(absl::ToUnixSeconds(clock_.Now()));
  const std::string nonce = RandomNonce();
  const std::string echostr = RandomNonce() + RandomNonce();
  const std::string signature = wechat::PushSignature(Secret(callback.token), timestamp, nonce);
  return Verify(
      WithQuery(callback.url, absl::StrCat("signature=", signature, "&timestamp=", timestamp,
                                           "&nonce=", nonce, "&echostr=", echostr)),
      echostr);
}

absl::StatusOr<json> Pusher::VerifyWecomUrl(const Callback& callback,
                                            const std::string& receive_id) {
  DATONG_ASSIGN_OR_RETURN(
      const wechat::PushCrypto crypto,
      wechat::PushCrypto::Create(Secret(callback.token), Secret(callback.encoding_aes_key),
                                 receive_id));
  const std::string echostr = RandomNonce() + RandomNonce();
  const wechat::SealedPush sealed =
      crypto.Encrypt(echostr, absl::StrCat(absl::ToUnixSeconds(clock_.Now())), RandomNonce());
  return Verify(
      WithQuery(callback.url, absl::StrCat("msg_signature=", sealed.msg_signature,
                                           "&timestamp=", sealed.timestamp, "&nonce=", sealed.nonce,
                                           "&echostr=", http::UrlEncode(sealed.encrypt))),
      echostr);
}

json Pusher::Report() const {
  MutexLock lock(&mutex_);
  return {{"pending", static_cast<int64_t>(queue_.size()) + in_flight_},
          {"delivered", delivered_},
          {"failed", failed_},
          {"attempts", attempts_},
          {"recent", recent_}};
}

void Pusher::ForgetReport() {
  MutexLock lock(&mutex_);
  delivered_ = failed_ = attempts_ = 0;
  recent_.clear();
}

void Pusher::Clear() {
  MutexLock lock(&mutex_);
  queue_.clear();
  changed_.SignalAll();
}

}  // namespace datong::wechat_sim
