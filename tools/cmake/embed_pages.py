#!/usr/bin/env python3
"""Turns text files into a C++ function that returns them by their names without the ending."""
import pathlib
import sys

out, name, namespace, function, *files = sys.argv[1:]
folder = pathlib.Path(out)
folder.mkdir(parents=True, exist_ok=True)
header = ('#pragma once\n\n#include <map>\n#include <string>\n\n'
          f'namespace {namespace} {{\n'
          f'const std::map<std::string, std::string>& {function}();\n'
          f'}}  // namespace {namespace}\n')
rows = [f'      {{"{pathlib.Path(file).stem}", R"page({pathlib.Path(file).read_text()})page"}},\n' for file in sorted(files)]
source = (f'#include "{name}.h"\n\nnamespace {namespace} {{\n'
          f'const std::map<std::string, std::string>& {function}() {{\n'
          '  static const auto* pages = new std::map<std::string, std::string>{\n'
          + "".join(rows) + '  };\n  return *pages;\n}\n' + f'}}  // namespace {namespace}\n')
(folder / f"{name}.h").write_text(header)
(folder / f"{name}.cc").write_text(source)
