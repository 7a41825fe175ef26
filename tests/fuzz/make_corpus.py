#!/usr/bin/env python3
"""Writes the first inputs of one fuzz target: every text of the given JSON files that could be one.

make_corpus.py FOLDER FILE…: of JSON files the bodies and plaintexts of the requests and pushes that
they record; other files, and JSON files that record none, as they are.
"""
import hashlib
import json
import pathlib
import sys

WANTED = {"body_utf8", "plaintext", "body", "post_body", "encrypt", "query", "echostr",
          "encryptedData"}


def texts(value, name=""):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item, name)
    elif isinstance(value, str) and name in WANTED:
        yield value


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:]:
        content = pathlib.Path(name).read_bytes()
        found = [text.encode("utf-8", "surrogatepass")
                 for text in (texts(json.loads(content)) if name.endswith(".json") else [])]
        for data in found or [content]:
            (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


if __name__ == "__main__":
    main()
