#!/usr/bin/env python3
"""Holds what the documents tell a reader to type: docs_test.py DATONG DATONG_ALL_IN_ONE.

Every `datong` command in the READMEs exists with its flags, every RPC and path that they name is
there, links resolve, the settings are those of the program, and the two READMEs are in step.
"""
import functools
import pathlib
import re
import shlex
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATONG = ALL_IN_ONE = ""

DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not {"build", ".deps", "node_modules"} & set(path.relative_to(ROOT).parts)
)
GUIDES = [p for p in DOCUMENTS if p.name.startswith(("README", "CONTRIBUTING", "ARCHITECTURE"))]
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.M | re.S)
INLINE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")


def name_of(path):
    return str(path.relative_to(ROOT))


def blocks(text):
    return FENCE.findall(text)


def inline_code(text):
    return [" ".join(code.split()) for code in INLINE.findall(FENCE.sub("", text))]


def commands_of_block(block):
    """The commands of a shell block, each a list of words; here-documents are left out."""
    block = re.sub(r"<<'?(\w+)'?\n.*?\n\1\n", "\n", block, flags=re.S)
    pending = ""
    for line in block.splitlines():
        pending += line + "\n"
        if line.endswith("\\"):
            continue
        try:
            words = shlex.split(pending, comments=True)
        except ValueError:  # a quotation goes on
            continue
        pending = ""
        command = []
        for word in words + ["&&"]:
            if word in ("&&", "|", ";", "&"):
                if command:
                    yield command
                command = []
            else:
                command.append(word)


def datong_commands():
    for path in GUIDES:
        text = path.read_text()
        found = [c for block in blocks(text) for c in commands_of_block(block)]
        for code in inline_code(text):
            try:
                found.append(shlex.split(code))
            except ValueError:
                pass
        for command in found:
            if command and command[0] in ("datong", "build/release/bin/datong"):
                yield name_of(path), command[1:]


@functools.lru_cache(maxsize=None)
def help_of(*words):
    run = subprocess.run([DATONG, *words, "--help"], capture_output=True, text=True, timeout=60)
    return run.stdout if run.returncode == 0 else None


def settings_of_program():
    run = subprocess.run([ALL_IN_ONE, "--help"], capture_output=True, text=True, timeout=60)
    return set(re.findall(r"^  --([a-z_]+\.[a-z_]+)=", run.stdout, re.M))


class CommandsTest(unittest.TestCase):
    def test_every_datong_command_and_flag_exists(self):
        seen = 0
        for where, words in datong_commands():
            path = []
            for word in words:
                if not re.fullmatch(r"[a-z][a-z-]*", word):
                    break
                path.append(word)
            if not path or any("<" in word for word in words):
                continue
            seen += 1
            text = help_of(*path)
            self.assertIsNotNone(text, f"{where}: there is no command `datong {' '.join(path)}`")
            for word in words:
                flag = word.split("=")[0]
                if re.fullmatch(r"--[a-z][a-z0-9._-]*", flag):
                    known = re.search(rf"(^|[\s,]){re.escape(flag)}([\s,=:]|$)", text)
                    self.assertTrue(
                        known or flag == "--help",
                        f"{where}: `datong {' '.join(path)}` has no flag {flag}",
                    )
        self.assertGreater(seen, 10)

    def test_every_script_and_path_exists(self):
        for path in GUIDES:
            text = path.read_text()
            words = [w for code in inline_code(text) for w in code.split()]
            words += [w for b in blocks(text) for c in commands_of_block(b) for w in c]
            for word in words:
                if not re.fullmatch(r"(tools|services|proto|docs|tests|deploy)/[\w./-]*\w", word):
                    continue
                if "NNNN" in word:
                    continue
                self.assertTrue((ROOT / word).exists(), f"{name_of(path)}: no {word}")


class ApiTest(unittest.TestCase):
    def test_every_rpc_that_is_named_exists(self):
        rpcs, services = set(), set()
        for proto in (ROOT / "proto/datong").rglob("*.proto"):
            text = re.sub(r"//[^\n]*", "", proto.read_text())
            for body in re.finditer(r"^service (\w+) \{(.*?)^\}", text, re.M | re.S):
                services.add(body[1])
                rpcs |= {(body[1], rpc) for rpc in re.findall(r"^\s+rpc (\w+)", body[2], re.M)}
        for path in GUIDES:
            text = path.read_text()
            for service, rpc in re.findall(r"\b([A-Z]\w+Service)[./]([A-Z]\w+)", text):
                self.assertIn((service, rpc), rpcs, name_of(path))
            for service in re.findall(r"`(?:datong\.\w+\.v1\.)?([A-Z]\w+Service)`", text):
                self.assertIn(service, services, name_of(path))


class SettingsTest(unittest.TestCase):
    def test_documents_and_program_know_the_same_settings(self):
        documented = {}
        tables = [ROOT / "common/server/README.md", *ROOT.glob("services/*/README.md")]
        for path in tables:
            for key in re.findall(r"^\| `([a-z_]+\.[a-z_]+)`", path.read_text(), re.M):
                documented.setdefault(key, name_of(path))
        settings = settings_of_program()
        self.assertGreater(len(settings), 20)
        for key, where in documented.items():
            # In one process nobody needs to be told where the others listen.
            if not key.startswith("peers."):
                self.assertIn(key, settings, f"{where}: no program has this setting")
        everything = "\n".join(path.read_text() for path in tables)
        for key in settings:
            self.assertIn(f"`{key}`", everything, "a setting that no README explains")


class LinksTest(unittest.TestCase):
    def test_every_relative_link_resolves(self):
        for path in DOCUMENTS:
            for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", path.read_text())):
                target = link.split("#")[0]
                if target and not re.match(r"[a-z]+:", target):
                    self.assertTrue((path.parent / target).exists(), f"{name_of(path)}: {link}")


class LanguagesTest(unittest.TestCase):
    def test_both_readmes_have_the_same_parts_and_commands(self):
        english = (ROOT / "README.md").read_text()
        chinese = (ROOT / "README.zh-CN.md").read_text()

        def headings(text):
            return [len(marks) for marks in re.findall(r"^(#+) ", FENCE.sub("", text), re.M)]

        def commands(text):
            lines = [re.sub(r"(^|\s+)#\s.*", "", l) for b in blocks(text) for l in b.splitlines()]
            return [line for line in lines if line]

        def rows(text):
            return len(re.findall(r"^\|", text, re.M))

        self.assertEqual(headings(english), headings(chinese))
        self.assertEqual(commands(english), commands(chinese))
        self.assertEqual(rows(english), rows(chinese))


if __name__ == "__main__":
    DATONG, ALL_IN_ONE = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
