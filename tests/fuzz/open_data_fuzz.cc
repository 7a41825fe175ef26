// A mini program's encryptedData: as it comes from anybody, and, as if somebody had the session
// key, any plaintext inside it.
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "common/base/secret.h"
#include "common/crypto/aes.h"
#include "common/wechat/push_crypto.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace datong;
  // That of the official example, so that its ciphertext opens.
  static const auto& session_key = *new Secret("tiihtNczf5v6AKRyjwEUhQ==");
  static constexpr char kIv[] = "r7BXXKkLb8qrSNn05n0qiA==";
  static constexpr char kAppid[] = "wx4f4bc4dec97d474b";
  const absl::string_view input = fuzz::Text(data, size);
  wechat::DecryptOpenData(session_key, kIv, input, kAppid).IgnoreError();
  wechat::DecryptOpenData(session_key, input, "AAAAAAAAAAAAAAAAAAAAAA==", kAppid).IgnoreError();
  wechat::DecryptOpenData(Secret(std::string(input)), kIv, "AAAA", kAppid).IgnoreError();

  std::string key, iv;
  absl::Base64Unescape(session_key.Expose(), &key);
  absl::Base64Unescape(kIv, &iv);
  std::string plain(input);
  const size_t padding = 16 - plain.size() % 16;
  plain.append(padding, static_cast<char>(padding));
  const auto sealed = crypto::CbcEncrypt(key, iv, plain);
  fuzz::Require(sealed.has_value());
  const auto opened =
      wechat::DecryptOpenData(session_key, kIv, absl::Base64Escape(*sealed), kAppid);
  // What is opened is what was sealed, and its watermark names the app.
  if (opened.ok()) {
    fuzz::Require(*opened == input);
    const auto json = nlohmann::json::parse(*opened, nullptr, false);
    fuzz::Require(json["watermark"]["appid"] == kAppid);
  }
  return 0;
}
