#include "tools/datong/callback_check.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/status/error.h"
#include "common/time/shanghai.h"
#include "common/wechat/message.h"
#include "common/wechat/push_crypto.h"

// GCC 12 reports it falsely where std::string is inlined.
#pragma GCC diagnostic ignored "-Wstringop-overread"

namespace datong::tools {
namespace {

constexpr absl::Duration kOldest = absl::Seconds(600);

std::string TimestampLine(const std::string& timestamp) {
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(timestamp, &seconds)) {
    return "timestamp    WRONG: it is no number of seconds\n";
  }
  const absl::Time time = absl::FromUnixSeconds(seconds);
  const absl::Duration age = absl::Now() - time;
  std::string line =
      absl::StrCat("timestamp    ", absl::FormatTime("%Y-%m-%d %H:%M:%S", time, ShanghaiTimeZone()),
                   " in Shanghai, ",
                   age < absl::Hours(48) ? absl::FormatDuration(absl::Trunc(age, absl::Seconds(1)))
                                         : absl::StrCat(absl::ToInt64Hours(age) / 24, " days"),
                   " ago");
  if (age > kOldest || age < -kOldest) {
    line +=
        "\n             It is more than 600 s off: a live push would be refused. If pushes are "
        "refused "
        "as they come, set the server's clock right";
  }
  return line + "\n";
}

std::string Advice(const absl::Status& status) {
  const std::string reason = GetReason(status);
  if (reason == "SIGNATURE_MISMATCH") {
    return "The token is not the one that WeChat has, or a proxy changed the URL's parameters. "
           "Compare the token, letter by letter, with the one on WeChat's page.";
  }
  if (reason == "RECEIVE_ID_MISMATCH") {
    return "The push belongs to another app: for a component's own events the receive id is the "
           "component's appid, for its accounts' messages it is the component's appid too.";
  }
  if (reason == "CIPHERTEXT_BROKEN") {
    return "The EncodingAESKey is not the one that WeChat encrypted with. For a while after a "
           "change "
           "WeChat goes on using the old key: try that one too.";
  }
  return "";
}

// The name of the app that the plaintext was meant for, when only that is wrong.
void AppendMessage(const std::string& plaintext, std::string& text) {
  const absl::StatusOr<wechat::Message> message = wechat::ParseMessage(plaintext);
  if (!message.ok()) {
    absl::StrAppend(&text, "message      ", message.status().message(), "\n");
  } else {
    for (const char* name : {"InfoType", "MsgType", "Event", "AuthorizerAppid"}) {
      if (message->Has(name)) {
        absl::StrAppend(&text, name, std::string(13 - std::min<size_t>(12, strlen(name)), ' '),
                        message->Text(name), "\n");
      }
    }
  }
  absl::StrAppend(&text, "\nPlaintext:\n", plaintext, "\n");
}

}  // namespace

CallbackVerdict CheckCallback(const CallbackCheck& check) {
  CallbackVerdict verdict;
  const wechat::PushQuery query = wechat::ParsePushQuery(check.query);
  std::string& text = verdict.text;
  const auto wrong = [&](const std::string& what, const absl::Status& status) {
    absl::StrAppend(&text, what, "WRONG: ", status.message(), "\n");
    if (const std::string advice = Advice(status); !advice.empty()) {
      absl::StrAppend(&text, "             ", advice, "\n");
    }
    return verdict;
  };
  if (query.timestamp.empty() || query.nonce.empty() ||
      (query.signature.empty() && query.msg_signature.empty())) {
    text =
        "URL          WRONG: it lacks timestamp, nonce or the signature.\n"
        "             Give --url whole and in quotes: a shell ends a command at '&'.\n";
    return verdict;
  }
  text = TimestampLine(query.timestamp);

  const bool has_key = !check.encoding_aes_key.empty();
  // The plain mode needs no key, but the library wants one: any will do for a signature.
  const Secret key = has_key ? check.encoding_aes_key : Secret(std::string(43, 'A'));
  const absl::StatusOr<wechat::PushCrypto> crypto =
      wechat::PushCrypto::Create(check.token, key, check.receive_id);
  if (!crypto.ok()) return wrong("AES key      ", crypto.status());

  if (check.body.empty()) {
    const absl::StatusOr<std::string> echo = crypto->VerifyUrl(query);
    if (!echo.ok()) return wrong("signature    ", echo.status());
    absl::StrAppend(&text,
                    "signature    right\nmode         verification of a URL\n\nAnswer it with:\n",
                    *echo, "\n");
    verdict.is_right = true;
    return verdict;
  }
  if (query.msg_signature.empty()) {
    const absl::Status signature = crypto->CheckSignature(query);
    if (!signature.ok()) return wrong("signature    ", signature);
    absl::StrAppend(&text,
                    "signature    right (it covers token, timestamp and nonce, not the body)\n"
                    "mode         plain; choose the secure mode on WeChat's page\n");
    verdict.is_right = true;
    AppendMessage(check.body, text);
    return verdict;
  }

  const absl::StatusOr<std::string> encrypt = wechat::ExtractEncrypt(check.body);
  if (!encrypt.ok()) return wrong("body         ", encrypt.status());
  const std::string expected =
      wechat::PushSignature(check.token, query.timestamp, query.nonce, *encrypt);
  if (expected != query.msg_signature) {
    return wrong("signature    ",
                 MakeError(absl::StatusCode::kUnauthenticated,
                           absl::StrCat("msg_signature is ", query.msg_signature,
                                        ", but with this token it would be ", expected, "."),
                           {"datong", "SIGNATURE_MISMATCH", {}}));
  }
  text += "signature    right\n";
  if (!has_key) {
    text += "AES key      none given: the message stays closed\n";
    verdict.is_right = true;
    return verdict;
  }
  absl::StatusOr<std::string> plaintext = crypto->Decrypt(query, *encrypt);
  if (!plaintext.ok() && GetReason(plaintext.status()) == "RECEIVE_ID_MISMATCH") {
    const std::string got = GetErrorInfo(plaintext.status())->metadata["got"];
    if (!check.receive_id.empty()) {
      return wrong("receive id   ",
                   MakeError(absl::StatusCode::kInvalidArgument,
                             absl::StrCat("the push is for \"", got, "\", not for \"",
                                          check.receive_id, "\"."),
                             {"datong", "RECEIVE_ID_MISMATCH", {}}));
    }
    const absl::StatusOr<wechat::PushCrypto> right =
        wechat::PushCrypto::Create(check.token, key, got);
    plaintext = right->Decrypt(query, *encrypt);
    absl::StrAppend(&text, "receive id   ", got, " (none was given to compare with)\n");
  } else if (plaintext.ok()) {
    absl::StrAppend(&text, "receive id   right\n");
  }
  if (!plaintext.ok()) return wrong("decryption   ", plaintext.status());
  absl::StrAppend(&text, "decryption   right\nmode         ",
                  absl::StrContains(check.body, "FromUserName") ? "compatible" : "secure", "\n");
  verdict.is_right = true;
  AppendMessage(*plaintext, text);
  return verdict;
}

}  // namespace datong::tools
