#include "tools/wechat_sim/token_book.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"

namespace datong::wechat_sim {
namespace {

constexpr int64_t kLifetime = 7200;
constexpr size_t kRemembered = 64;  // per line; older ones are unknown (40014)

}  // namespace

std::string RandomText(size_t length) {
  std::string text = absl::WebSafeBase64Escape(crypto::RandomBytes(length));
  text.resize(length);
  return text;
}

std::string RandomRid() { return absl::StrCat(RandomHex(4), "-", RandomHex(4), "-", RandomHex(4)); }

std::string TokenKindName(TokenKind kind) {
  switch (kind) {
    case TokenKind::kClassic:
      return "classic";
    case TokenKind::kStable:
      return "stable";
    case TokenKind::kComponent:
      return "component";
    case TokenKind::kAuthorizer:
      return "authorizer";
    case TokenKind::kWecomApp:
      return "wecom_app";
    case TokenKind::kWecomCorp:
      return "wecom_corp";
    case TokenKind::kWecomSuite:
      return "wecom_suite";
    case TokenKind::kWecomProvider:
      break;
  }
  return "wecom_provider";
}

int64_t Token::CheckAt(int64_t now) const {
  if (now >= expires) return 42001;
  return now >= dies ? 40001 : 0;
}

std::string TokenBook::KeyOf(TokenKind kind, const std::string& appid,
                             const std::string& component) {
  return absl::StrCat(TokenKindName(kind), "|", appid, "|", component);
}

Token& TokenBook::Issue(TokenKind kind, const std::string& appid, const std::string& component,
                        int64_t now, int64_t overlap) {
  std::vector<std::string>& line = lines_[KeyOf(kind, appid, component)];
  for (size_t i = 0; i < line.size(); ++i) {
    Token& old = tokens_[line[i]];
    const bool is_previous = i + 1 == line.size();
    old.dies = std::min(old.dies, is_previous ? now + overlap : now);
  }
  if (line.size() >= kRemembered) {
    tokens_.erase(line.front());
    line.erase(line.begin());
  }
  Token token;
  token.kind = kind;
  token.value = absl::StrCat(98, "_", RandomText(240));
  token.appid = appid;
  token.component = component;
  token.expires = now + kLifetime;
  line.push_back(token.value);
  return tokens_[token.value] = token;
}

Token* TokenBook::Current(TokenKind kind, const std::string& appid, const std::string& component) {
  const auto it = lines_.find(KeyOf(kind, appid, component));
  return it == lines_.end() || it->second.empty() ? nullptr : &tokens_[it->second.back()];
}

Token* TokenBook::Find(const std::string& value) {
  const auto it = tokens_.find(value);
  return it == tokens_.end() ? nullptr : &it->second;
}

int TokenBook::End(const std::string& appid, const std::string& kind, bool expire, int64_t now) {
  int ended = 0;
  for (auto& [value, token] : tokens_) {
    if (token.appid != appid || (!kind.empty() && kind != TokenKindName(token.kind))) continue;
    if (token.CheckAt(now) != 0) continue;
    (expire ? token.expires : token.dies) = now;
    ++ended;
  }
  return ended;
}

int TokenBook::EndLine(TokenKind kind, const std::string& appid, const std::string& component,
                       int64_t now) {
  int ended = 0;
  for (const std::string& value : lines_[KeyOf(kind, appid, component)]) {
    Token& token = tokens_[value];
    if (token.CheckAt(now) != 0) continue;
    token.dies = now;
    ++ended;
  }
  return ended;
}

}  // namespace datong::wechat_sim
