// The signature and the envelope of WeChat's pushes: the query, the ciphertext, and, as if somebody
// had the key, the plaintext inside it.
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/secret.h"
#include "common/crypto/aes.h"
#include "common/wechat/push_crypto.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace datong;
  static constexpr char kAesKey[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
  static const auto& crypto =
      *new wechat::PushCrypto(*wechat::PushCrypto::Create(Secret("token"), Secret(kAesKey), "wx1"));
  static const auto& key = *new std::string([] {
    std::string bytes;
    absl::Base64Unescape(absl::StrCat(kAesKey, "="), &bytes);
    return bytes;
  }());
  const absl::string_view input = fuzz::Text(data, size);

  wechat::PushQuery query = wechat::ParsePushQuery(input);
  crypto.CheckSignature(query).IgnoreError();
  crypto.VerifyUrl(query).IgnoreError();

  query.timestamp = "1";
  query.nonce = "n";
  query.msg_signature = wechat::PushSignature(Secret("token"), "1", "n", input);
  crypto.Decrypt(query, input).IgnoreError();

  std::string plain(input);
  plain.resize((plain.size() + 15) / 16 * 16, '\x01');
  const auto sealed = crypto::CbcEncrypt(key, absl::string_view(key).substr(0, 16), plain);
  fuzz::Require(sealed.has_value());
  crypto.DecryptUnchecked(absl::Base64Escape(*sealed)).IgnoreError();

  const absl::StatusOr<std::string> again =
      crypto.DecryptUnchecked(crypto.EncryptWith("0123456789abcdef", input));
  fuzz::Require(again.ok() && *again == input);
  return 0;
}
