"""An OpenAI-compatible chat server on the loopback interface that answers what a test tells it to."""

import http.server
import json
import socketserver
import threading
from collections.abc import Callable
from typing import Any

Answer = Callable[[list[dict[str, Any]]], str]


class ChatServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """``answer`` maps the messages of a request to the text of the reply; ``status`` other than 200 refuses."""

    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.status = answer, 200
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ChatServer

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append({**request, "path": self.path})
        self.server.headers.append({k.lower(): v for k, v in self.headers.items()})
        if self.server.status != 200:
            return self.reply(self.server.status, {"error": {"message": "no such model"}})
        text = self.server.answer(request["messages"])
        choice = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": text},
        }
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        return self.reply(
            200,
            {
                "id": "chat-1",
                "object": "chat.completion",
                "created": 0,
                "model": request["model"],
                "system_fingerprint": "test",
                "choices": [choice],
                "usage": usage,
            },
        )

    def reply(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
