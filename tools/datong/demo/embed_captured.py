#!/usr/bin/env python3
"""Turns capture files into `std::vector<const char*> datong::demo::CapturedRequests()`."""
import pathlib
import sys

out, *files = sys.argv[1:]
folder = pathlib.Path(out)
folder.mkdir(parents=True, exist_ok=True)
(folder / "captured_requests.h").write_text(
    "#pragma once\n\n#include <vector>\n\nnamespace datong::demo {\n"
    "// The capture files, as JSON.\nstd::vector<const char*> CapturedRequests();\n}\n")
texts = []
for file in files:
    text = pathlib.Path(file).read_text()
    pieces = [text[at:at + 8000] for at in range(0, len(text), 8000)]  # compilers bound literals
    texts.append("      " + "\n      ".join(f'R"capture({piece})capture"' for piece in pieces))
(folder / "captured_requests.cc").write_text(
    '#include "captured_requests.h"\n\nnamespace datong::demo {\n'
    "std::vector<const char*> CapturedRequests() {\n  return {\n" + ",\n".join(texts)
    + "};\n}\n}\n")
