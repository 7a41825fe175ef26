#!/usr/bin/env python3
"""Turns a folder of NNNN_verb_object.sql into a C++ function that returns them in order."""
import pathlib
import sys

out, name, namespace, *files = sys.argv[1:]
folder = pathlib.Path(out)
folder.mkdir(parents=True, exist_ok=True)
header = ('#pragma once\n\n#include <vector>\n\n#include "common/postgres/migrator.h"\n\n'
          f'namespace {namespace} {{\n'
          '// The schema\'s migrations, lowest number first.\n'
          'std::vector<::datong::postgres::Migration> Migrations();\n'
          f'}}  // namespace {namespace}\n')
rows = []
for file in sorted(map(pathlib.Path, files)):
    number, title = file.stem.split("_", 1)
    rows.append(f'      {{{int(number)}, "{title}", R"datong_sql({file.read_text()})datong_sql"}},\n')
source = (f'#include "{name}.h"\n\nnamespace {namespace} {{\n'
          'std::vector<::datong::postgres::Migration> Migrations() {\n  return {\n'
          + "".join(rows) + '  };\n}\n' + f'}}  // namespace {namespace}\n')
(folder / f"{name}.h").write_text(header)
(folder / f"{name}.cc").write_text(source)
