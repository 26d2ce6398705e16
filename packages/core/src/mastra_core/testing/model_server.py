"""An HTTP server on this machine that answers as providers of language models do.

with ModelServer([openai_answer("Rivers run."), HttpReply(status=500)]) as server:
    model = OpenAIModel("m", base_url=server.url + "/v1", api_key="none")

It says what it was told to say, one reply a request, and keeps what it was asked.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class HttpReply:
    """One answer of the server.

    Attributes:
        status: of the answer.
        headers: beside the type and the length of the content.
        body: bytes as they are, anything else as JSON.
        pieces: a streamed body, piece by piece, instead of `body`.
        is_cut: the connection ends in the middle: the stream is never ended properly.
        delay_s: before the first byte, and between pieces.
        hold: waited for after the first `held` pieces.
        held: see `hold`.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: object = b""
    pieces: Sequence[bytes] | None = None
    is_cut: bool = False
    delay_s: float = 0.0
    hold: threading.Event | None = None
    held: int = 0


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One question to the server."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # many clients may come at once


class ModelServer:
    """Answers from a script, one reply a request; after its end with 500.

    Attributes:
        requests: so far.
        url: where it is, without a slash at the end.
    """

    def __init__(self, replies: Iterable[HttpReply] | Callable[[HttpRequest], HttpReply]) -> None:
        """Take a script, or a function of the request. `with` starts and stops the server."""
        self.requests: list[HttpRequest] = []
        self.hung_up = threading.Event()  # a client left before the end of its answer
        self._replies = replies if callable(replies) else iter(list(replies))
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _reply_to(self, request: HttpRequest) -> HttpReply:
        with self._lock:
            self.requests.append(request)
            if callable(self._replies):
                return self._replies(request)
            return next(self._replies, HttpReply(status=500, body={"error": {"message": "no more replies"}}))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 5

            def do_POST(self) -> None:  # the standard library's name
                length = int(self.headers.get("content-length", 0))
                body = json.loads(self.rfile.read(length) or b"{}")
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = outer._reply_to(HttpRequest(self.path, headers, body))  # pyright: ignore[reportPrivateUsage]
                outer._stopping.wait(reply.delay_s)  # pyright: ignore[reportPrivateUsage]
                try:
                    self._send(reply)
                except OSError:
                    self.close_connection = True
                    outer.hung_up.set()

            def _send(self, reply: HttpReply) -> None:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if reply.pieces is None:
                    content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(content) + reply.is_cut))
                    self.end_headers()
                    self.wfile.write(content)
                else:
                    self._send_pieces(reply, reply.pieces)
                if reply.is_cut:
                    self.close_connection = True

            def _send_pieces(self, reply: HttpReply, pieces: Sequence[bytes]) -> None:
                self.send_header("content-type", "text/event-stream")
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                for number, piece in enumerate(pieces):
                    if reply.hold is not None and number == reply.held:
                        reply.hold.wait(30)
                    outer._stopping.wait(reply.delay_s)  # pyright: ignore[reportPrivateUsage]
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    self.wfile.flush()
                if not reply.is_cut:
                    self.wfile.write(b"0\r\n\r\n")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the standard library's name
                """Nothing."""

        return Handler


# ---------------------------------------------------------------- as OpenAI writes it


def openai_answer(
    text: str | None = None,
    *,
    calls: Sequence[tuple[str, str, object]] = (),
    usage: object = None,
    finish_reason: str | None = None,
    **message: object,
) -> HttpReply:
    """A whole answer; `calls` are (id, name, arguments as they are written)."""
    content: dict[str, object] = {"role": "assistant", "content": text, **message}
    if calls:
        content["tool_calls"] = [
            {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
            for id, name, arguments in calls
        ]
    reason = finish_reason or ("tool_calls" if calls else "stop")
    choice = {"index": 0, "message": content, "finish_reason": reason}
    return HttpReply(
        body={"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice], "usage": usage}
    )


def openai_events(
    *deltas: Mapping[str, object], usage: object = None, finish_reason: str = "stop"
) -> list[bytes]:
    """The pieces of a streamed answer, down to `[DONE]`."""
    choices: list[list[object]] = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas]
    choices.append([{"index": 0, "delta": {}, "finish_reason": finish_reason}])
    events: list[dict[str, object]] = [
        {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": items} for items in choices
    ]
    if usage is not None:
        events.append({"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [], "usage": usage})
    return [*(b"data: %b\n\n" % json.dumps(event).encode() for event in events), b"data: [DONE]\n\n"]


# ---------------------------------------------------------------- as Anthropic writes it


def anthropic_answer(
    *content: Mapping[str, object], usage: object = None, stop_reason: str = "end_turn"
) -> HttpReply:
    """A whole answer, made of blocks."""
    return HttpReply(
        body={
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude",
            "content": list(content),
            "stop_reason": stop_reason,
            "usage": usage or {"input_tokens": 1, "output_tokens": 1},
        }
    )


def anthropic_events(*events: Mapping[str, object]) -> list[bytes]:
    """The pieces of a streamed answer; each event has its `type`."""
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def anthropic_stream(
    *blocks: tuple[Mapping[str, object], Sequence[Mapping[str, object]]],
    usage: object = None,
    end_usage: object = None,
    stop_reason: str = "end_turn",
) -> list[bytes]:
    """A whole streamed answer; `blocks` are (the block as it starts, its deltas)."""
    message: dict[str, object] = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
    message["usage"] = usage or {"input_tokens": 1, "output_tokens": 1}
    events: list[Mapping[str, object]] = [{"type": "message_start", "message": message}, {"type": "ping"}]
    for index, (block, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    end = {"type": "message_delta", "delta": {"stop_reason": stop_reason}}
    events += [{**end, "usage": end_usage or {"output_tokens": 2}}, {"type": "message_stop"}]
    return anthropic_events(*events)
