#!/usr/bin/env python3
"""Types what the READMEs tell a platform team and an operator to type, from the first line to the last:
readme_test.py FOLDER_OF_BINARIES.

Only what belongs to the reader's machine is replaced: ports, /etc/datong, and the database.
"""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
READMES = ["README.md", "README.zh-CN.md"]
BINARIES = pathlib.Path(sys.argv[1]).resolve()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def block_with(readme, words):
    """The one block of commands that holds these words."""
    found = [b for b in re.findall(r"^```sh\n(.*?)^```", (ROOT / readme).read_text(), re.M | re.S) if words in b]
    assert len(found) == 1, f"{readme}: {len(found)} blocks with {words!r}"
    return found[0]


def replace(text, old, new):
    assert old in text, f"no longer there: {old}"
    return text.replace(old, new)


class ReadmeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="datong readme ")
        cls.addClassCleanup(cls.folder.cleanup)
        os.chmod(cls.folder.name, 0o755)  # the database's own user passes through it
        log = open(pathlib.Path(cls.folder.name) / "dev.log", "w+", encoding="utf-8")
        cls.addClassCleanup(log.close)
        cls.environment = {**os.environ, "PATH": f"{BINARIES}:{os.environ['PATH']}"}
        cls.environment.pop("DATONG_API_KEY_FILE", None)
        dev = subprocess.Popen(["datong", "dev"], cwd=cls.folder.name, stdout=log, stderr=subprocess.STDOUT,
                               env=cls.environment)
        cls.addClassCleanup(cls.end, dev)
        end = time.monotonic() + 120
        while "Datong is ready" not in (said := pathlib.Path(log.name).read_text()):
            assert dev.poll() is None and time.monotonic() < end, said
            time.sleep(0.1)
        cls.grpc = re.search(r"gRPC +(\S+)", said)[1]
        cls.http = re.search(r"HTTP +(\S+)", said)[1]
        cls.dsn = re.search(r'psql "(.*) dbname=', said)[1]

    @staticmethod
    def end(process):
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def type(self, script, **environment):
        # Standard output is a file: what runs in the background holds no pipe of ours open.
        with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
            run = subprocess.run(["bash", "-eu", "-o", "pipefail", "-c", script], cwd=self.folder.name, stdout=output,
                                 stderr=subprocess.STDOUT, timeout=120, env={**self.environment, **environment})
            output.seek(0)
            said = output.read()
        self.assertEqual(run.returncode, 0, said)
        return said

    def test_a_platform_team(self):
        for readme, project in zip(READMES, ["demo", "demo-zh"]):
            block = replace(block_with(readme, "datong broker create-project"), "http://127.0.0.1:8080", self.http)
            block = re.sub(r"\bdemo\b", project, block)
            said = self.type(block + block_with(readme, "datong readiness").replace("demo", project),
                             DATONG_ADDRESS=self.grpc)
            self.assertIn(f"projects/{project}/persons/", said, readme)
            self.assertIn('"identifierCount":"2"', said, readme)
            self.assertIn('"visitors": "1"', said, readme)

    def test_an_operator(self):
        for number, readme in enumerate(READMES):
            database = f"operator{number}"
            etc = pathlib.Path(self.folder.name) / database
            subprocess.run(["psql", f"{self.dsn} dbname=postgres", "-qc", f"CREATE DATABASE {database}"], check=True)
            grpc = free_port()
            block = re.sub(r"^cmake .*\n", "", block_with(readme, "install -d -m 700 /etc/datong"))
            block = replace(block, "host=/run/postgresql user=datong dbname=datong", f"{self.dsn} dbname={database}")
            block = replace(block, "127.0.0.1:9000", f"127.0.0.1:{grpc}")
            serving = r"^datong-all-in-one --config /etc/datong/datong.toml (?= *#)"
            assert re.search(serving, block, re.M), "the line that starts the services"
            # The other terminal is opened once the first one says that it is ready.
            block = re.sub(serving, "datong-all-in-one --config /etc/datong/datong.toml & trap 'kill %1; wait' EXIT; "
                           "until grep -q '\"msg\":\"ready\"' /etc/datong/log; do sleep 0.1; done", block, flags=re.M)
            block = "set -m\n" + block.replace("/etc/datong", database)
            said = self.type(block, DATONG_SERVER_GRPC_PORT=str(grpc), DATONG_SERVER_HEALTH_PORT="0",
                             DATONG_SERVER_METRICS_PORT="0", DATONG_SERVER_HTTP_PORT="0",
                             DATONG_SERVER_DRAIN_WAIT="0s", DATONG_LOG_FILE=str(etc / "log"))
            self.assertIn("***", said, readme)
            for file in ["keys/k1", "api-keys", "policy.toml", "datong.toml"]:
                self.assertTrue((etc / file).exists(), file)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
