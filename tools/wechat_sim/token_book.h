#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace datong::wechat_sim {

enum class TokenKind {
  kClassic,
  kStable,
  kComponent,
  kAuthorizer,
  // WeCom's.
  kWecomApp,   // of a self-built app: gettoken with its secret
  kWecomCorp,  // of a corp through a suite
  kWecomSuite,
  kWecomProvider
};
std::string TokenKindName(TokenKind kind);

struct Token {
  TokenKind kind = TokenKind::kClassic;
  std::string value;
  std::string appid;      // whose interfaces it opens; of a component token: the component
  std::string component;  // kAuthorizer, kWecomCorp: through which component or suite;
                          // kWecomApp: which app
  int64_t expires = 0;
  int64_t dies = INT64_MAX;  // replaced: from here on "not latest"

  // 0, 40001 (replaced) or 42001 (expired).
  int64_t CheckAt(int64_t now) const;
};

// Every access token that was handed out, with when it ends. Not thread-safe.
class TokenBook {
 public:
  // A new token of that kind; the one before lives `overlap` more, older ones no longer.
  Token& Issue(TokenKind kind, const std::string& appid, const std::string& component, int64_t now,
               int64_t overlap);
  // The newest one, or nullptr.
  Token* Current(TokenKind kind, const std::string& appid, const std::string& component = "");
  Token* Find(const std::string& value);
  // Ends all tokens of an app (and a kind, if named); the number of tokens that were valid.
  int End(const std::string& appid, const std::string& kind, bool expire, int64_t now);
  // Ends those of one line: an authorizer's of a component, a corp's of a suite.
  int EndLine(TokenKind kind, const std::string& appid, const std::string& component, int64_t now);
  const std::map<std::string, Token>& all() const { return tokens_; }

 private:
  static std::string KeyOf(TokenKind kind, const std::string& appid, const std::string& component);
  std::map<std::string, Token> tokens_;                    // by value
  std::map<std::string, std::vector<std::string>> lines_;  // values by key, oldest first
};

// Random texts as WeChat makes them.
std::string RandomText(size_t length);  // [A-Za-z0-9_-]
std::string RandomRid();                // 8hex-8hex-8hex

}  // namespace datong::wechat_sim
