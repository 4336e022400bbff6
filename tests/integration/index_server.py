"""Serves a folder over HTTP on the loopback interface of a test host, asking for credentials where they are set.

Arguments: folder, port, log file. Standard input: username and password, one a line; an empty username serves anyone.
The log has one line for each request: status, account or "-", path. While there is a file named like the log with
".hold" added, wheels are not delivered: whoever asks for one waits, and a file with ".held" added says so.
"""

from __future__ import annotations

import base64
import functools
import http.server
import sys
import time
from pathlib import Path

folder, port, log_path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
username, password = sys.stdin.readline().rstrip("\n"), sys.stdin.readline().rstrip("\n")


class Handler(http.server.SimpleHTTPRequestHandler):
    def account(self) -> str:
        """Who asks: the account whose password is right, or "-"."""
        expected = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        return username if username and self.headers.get("Authorization") == expected else "-"

    def do_GET(self) -> None:
        if username and self.account() == "-":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        while self.path.endswith(".whl") and Path(f"{log_path}.hold").exists():
            Path(f"{log_path}.held").touch()
            time.sleep(0.05)
        super().do_GET()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002  # the base class's
        with open(log_path, "a") as log:  # noqa: PTH123  # one line, nothing to do with paths
            log.write(f"{int(code)} {self.account()} {self.path}\n")


http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Handler, directory=folder)).serve_forever()
