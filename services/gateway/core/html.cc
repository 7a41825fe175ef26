#include "services/gateway/core/html.h"

#include "absl/strings/str_cat.h"

namespace datong::gateway {
namespace {

constexpr char kStyle[] = R"css(
:root{color-scheme:light dark;--ink:#1d2129;--soft:#667085;--line:#e4e7ec;--paper:#fff;--ground:#f5f7f9;
--brand:#07a35a;--bad:#c9372c}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#9aa3af;--line:#30363d;--paper:#1b1f24;
--ground:#111418;--brand:#2fbf7b;--bad:#f2766b}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);
font:16px/1.6 system-ui,-apple-system,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
main{max-width:34rem;margin:8vh auto;padding:0 1rem}
main.wide{max-width:64rem;margin:2rem auto}
.card{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:2rem;margin:0 0 1rem}
h1{font-size:1.4rem;line-height:1.3;margin:0 0 .25rem}
h2{font-size:1.05rem;margin:1.5rem 0 .5rem}
p{margin:.5rem 0}
.en{color:var(--soft);font-size:.9rem}
.mark{width:2.75rem;height:2.75rem;border-radius:50%;font-size:1.4rem;font-weight:700;line-height:2.75rem;
text-align:center;color:#fff;margin-bottom:1rem}
.ok{background:var(--brand)}.bad{background:var(--bad)}.none{background:var(--soft)}
dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;margin:1rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
button,.button{display:inline-block;border:0;border-radius:8px;background:var(--brand);color:#fff;
font:inherit;font-weight:600;padding:.65rem 1.5rem;margin:.75rem 0 .25rem;text-decoration:none;cursor:pointer}
button:disabled{opacity:.6;cursor:progress}
.qr{text-align:center}.qr svg{border-radius:8px;max-width:100%}
input,textarea{width:100%;font:14px/1.5 ui-monospace,Menlo,Consolas,monospace;padding:.5rem;color:inherit;
background:var(--ground);border:1px solid var(--line);border-radius:8px}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--ground);border:1px solid var(--line);
border-radius:8px;padding:.75rem;font-size:14px;margin:.5rem 0}
main.wide .card{padding:1.25rem 1.5rem}
h3{font-size:1rem;margin:1rem 0 .25rem}h3:first-of-type{margin-top:.5rem}
ul.methods{list-style:none;padding:0;margin:0;columns:17rem}ul.methods li{padding:.1rem 0;break-inside:avoid}
a{color:var(--brand)}
)css";

}  // namespace

std::string EscapeHtml(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::string HtmlPage(absl::string_view title, absl::string_view body) {
  return absl::StrCat(
      "<!doctype html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
      "<meta name=\"robots\" content=\"noindex\"><title>",
      EscapeHtml(title), "</title><style>", kStyle, "</style></head><body>\n", body,
      "\n</body></html>\n");
}

}  // namespace datong::gateway
