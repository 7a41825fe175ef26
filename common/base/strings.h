#pragma once

#include <string>
#include <string_view>

#include "absl/strings/string_view.h"

namespace datong {

// Abseil's view type and the standard's are different types on this platform, with no conversion.
inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }

// Lower-case hexadecimal of the bytes, and back. `HexToBytes` gives an empty string for odd lengths
// and for characters that are no hexadecimal digits.
std::string BytesToHex(absl::string_view bytes);
std::string HexToBytes(absl::string_view hex);

// The text with every byte sequence that is not UTF-8, every NUL and every encoded surrogate
// replaced by U+FFFD. `changed`, if given, tells whether anything was.
std::string SanitizeUtf8(absl::string_view text, bool* changed = nullptr);

// True for well-formed UTF-8 (no surrogates, no overlong forms).
bool IsUtf8(absl::string_view text);

// `count` random bytes from the operating system's generator, as lower-case hexadecimal.
std::string RandomHex(int count);

}  // namespace datong
