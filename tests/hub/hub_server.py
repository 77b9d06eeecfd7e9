"""A Hub on the loopback interface: file and API routes, Spaces, uploads, and every way to fail."""

import base64
import hashlib
import http.server
import json
import re
import socketserver
import threading
import time
from dataclasses import dataclass, field
from typing import Any

ROUTE = re.compile(
    r"/(?P<kind>spaces/|datasets/)?(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>[^?]+)"
    r"(?P<direct>\?direct)?"
)
HEX = 64


@dataclass
class Repository:
    files: dict[str, bytes]
    commit: str
    private: bool = False
    history: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def at(self, revision: str) -> dict[str, bytes] | None:
        return self.files if revision in ("main", self.commit) else self.history.get(revision)


@dataclass
class Request:
    method: str
    path: str
    range: str | None
    token: str | None
    host: str


class Hub(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Repositories by ``model:USER/NAME`` or ``space:USER/NAME``; ``mode`` chooses the trouble."""

    daemon_threads = True
    write_token = "hf_may_write"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, Repository] = {}
        self.uploaded: dict[str, bytes] = {}
        self.mode = "ok"
        self.log: list[Request] = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, name: str, files: dict[str, bytes], private: bool = False) -> str:
        """Add or replace files; returns the commit."""
        commit = hashlib.sha1(f"{name}{sorted(files)}{time.monotonic_ns()}".encode()).hexdigest()
        old = self.repositories.get(name)
        history = {} if old is None else {**old.history, old.commit: old.files}
        merged = {**({} if old is None else old.files), **files}
        self.repositories[name] = Repository(merged, commit, private, history)
        return commit

    def requests(self, method: str) -> list[Request]:
        return [request for request in self.log if request.method == method]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.hand_out(with_body=False)

    def do_GET(self) -> None:
        self.hand_out(with_body=True)

    def do_PUT(self) -> None:
        self.note()
        self.server.uploaded[self.path.removeprefix("/upload/")] = self.body()
        self.reply(200)

    def do_POST(self) -> None:
        self.note()
        body = self.body()
        if self.path == "/api/validate-yaml":
            return self.reply_json({"errors": [], "warnings": []})
        if self.token() != self.server.write_token:
            return self.reply(401 if self.token() is None else 403)
        for pattern, answer in (
            (r"/api/repos/create", self.create),
            (r"/api/models/(.+?)/preupload/main", self.preupload),
            (r"/(.+?)\.git/info/lfs/objects/batch", self.lfs_batch),
            (r"/api/models/(.+?)/commit/main", self.commit),
        ):
            match = re.fullmatch(pattern, self.path.split("?")[0])
            if match:
                return answer(body, *match.groups())
        return self.reply(404)

    # --- uploads

    def create(self, body: bytes) -> None:
        wanted = json.loads(body)
        name = f"{wanted.get('organization') or 'someone'}/{wanted['name']}"
        if f"model:{name}" in self.server.repositories:
            return self.reply_json({"url": f"{self.server.url}/{name}"}, 409)
        private = wanted.get("visibility") == "private"
        self.server.add(f"model:{name}", {}, private)
        return self.reply_json({"url": f"{self.server.url}/{name}"})

    def preupload(self, body: bytes, _repo: str) -> None:
        def mode(path: str) -> str:
            return "lfs" if path.endswith(".safetensors") else "regular"

        files = [
            {"path": f["path"], "uploadMode": mode(f["path"]), "shouldIgnore": False, "oid": None}
            for f in json.loads(body)["files"]
        ]
        self.reply_json({"files": files})

    def lfs_batch(self, body: bytes, _repo: str) -> None:
        objects = [
            {**o, "actions": {"upload": {"href": f"{self.server.url}/upload/{o['oid']}"}}}
            for o in json.loads(body)["objects"]
        ]
        self.reply_json({"transfer": "basic", "objects": objects})

    def commit(self, body: bytes, repo: str) -> None:
        files = {}
        for line in body.decode().splitlines():
            item = json.loads(line)
            if item["key"] == "file":
                files[item["value"]["path"]] = base64.b64decode(item["value"]["content"])
            if item["key"] == "lfsFile":
                files[item["value"]["path"]] = self.server.uploaded[item["value"]["oid"]]
        commit = self.server.add(f"model:{repo}", files)
        url = f"{self.server.url}/{repo}/commit/{commit}"
        self.reply_json({"commitOid": commit, "commitUrl": url, "success": True})

    # --- downloads

    def hand_out(self, with_body: bool) -> None:
        self.note()
        mode = self.server.mode
        if mode == "error":
            return self.reply(500)
        if mode == "hang":
            time.sleep(20)
            return None
        match = ROUTE.fullmatch(self.path)
        refusal, data = self.find(match)
        if refusal is not None or match is None or data is None:
            return self.reply(*(refusal or (404, {})))
        digest = hashlib.sha256(data).hexdigest()
        headers = {
            "ETag": f'"{digest}"',
            "X-Repo-Commit": self.repository(match).commit
            if match["revision"] == "main"
            else match["revision"],
            "Accept-Ranges": "bytes",
        }
        if mode == "no commit":
            del headers["X-Repo-Commit"]
        if mode == "redirect" and not match["direct"]:
            other = f"http://localhost:{self.server.server_port}{self.path}?direct"
            size = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(data))}
            return self.reply(302, {**headers, **size, "Location": other})
        return self.send_data(data, headers, with_body)

    def repository(self, match: re.Match[str]) -> Repository:
        kind = (match["kind"] or "models/")[:-2]
        return self.server.repositories[f"{kind}:{match['repo']}"]

    def find(
        self, match: re.Match[str] | None
    ) -> tuple[tuple[int, dict[str, str]] | None, bytes | None]:
        missing = {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
        if match is None:
            return (404, {}), None
        try:
            repository = self.repository(match)
        except KeyError:
            return (401, missing), None
        if repository.private and self.token() != self.server.write_token:
            return (401, missing), None
        if self.server.mode == "gated":
            return (403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "restricted"}), None
        files = repository.at(match["revision"])
        if files is None:
            return (404, {"X-Error-Code": "RevisionNotFound"}), None
        if match["file"] not in files:
            return (
                404,
                {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": repository.commit},
            ), None
        return None, files[match["file"]]

    def send_data(self, data: bytes, headers: dict[str, str], with_body: bool) -> None:
        mode, length = self.server.mode, len(data)
        start = 0
        if wanted := re.match(r"bytes=(\d+)-", self.headers.get("Range") or ""):
            start = int(wanted[1])
            headers["Content-Range"] = f"bytes {start}-{length - 1}/{length}"
        if with_body and mode == "wrong bytes":
            data = bytes(length)
        status = 206 if start else 200
        if with_body and mode in ("cut", "cut once"):
            if mode == "cut once":
                self.server.mode = "ok"
            half = start + (length - start) // 2
            # "cut" hands out the first half once, and nothing to those who come back for the rest
            self.reply(status, headers, data[start : start or half], length - start)
            self.close_connection = True
            return
        self.reply(status, headers, data[start:] if with_body else b"", length - start)

    # --- plumbing

    def note(self) -> None:
        self.server.log.append(
            Request(
                self.command,
                self.path,
                self.headers.get("Range"),
                self.token(),
                (self.headers.get("Host") or "").split(":")[0],
            )
        )

    def token(self) -> str | None:
        value = self.headers.get("Authorization")
        return value.removeprefix("Bearer ") if value else None

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(
        self,
        status: int,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        length: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def reply_json(self, value: Any, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.reply(status, {"Content-Type": "application/json"}, body)
