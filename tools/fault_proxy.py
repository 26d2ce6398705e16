"""A proxy for HTTP on loopback that breaks what it is told to break, and nothing else.

    with FaultProxy(server.http_port) as proxy:
        proxy.at(r"^INSERT", 3, reset_after())
        client = connect(port=proxy.port)

Bytes pass as they are. The proxy reads only where a request and its answer end, and which statement
of ClickHouse a request carries, so that "the third insert" is the third insert in every run.
"""

from __future__ import annotations

import contextlib
import io
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

_PATIENCE_S = 120.0
_ABORT = struct.pack("ii", 1, 0)
"""The option of a socket that makes closing it a reset."""


class _BrokenError(Exception):
    """A peer is gone, in the middle of what it said."""

    def __init__(self, so_far: bytes = b"") -> None:
        super().__init__()
        self.so_far = so_far


@dataclass(frozen=True)
class Exchange:
    """One request on its way, in the hands of a fault.

    Attributes:
        request: its bytes.
        forward: sends the request to the server and returns its answer, all bytes of it.
        answer: sends bytes to the client.
        wait: waits so many seconds, or until the proxy is closed.
    """

    request: bytes
    forward: Callable[[], bytes]
    answer: Callable[[bytes], None]
    wait: Callable[[float | None], None]


Fault = Callable[[Exchange], bool]
"""Treats an exchange; returns whether the client's connection is still good, otherwise it is reset."""


def passing(exchange: Exchange) -> bool:
    """No fault: the server answers."""
    exchange.answer(exchange.forward())
    return True


def reset_before() -> Fault:
    """The connection breaks, and the server never saw the request."""

    def fault(_: Exchange) -> bool:
        return False

    return fault


def reset_after() -> Fault:
    """The connection breaks when the server has done what it was asked; its answer is lost."""

    def fault(exchange: Exchange) -> bool:
        exchange.forward()
        return False

    return fault


def delay_before(seconds: float) -> Fault:
    """The request is late at the server."""

    def fault(exchange: Exchange) -> bool:
        exchange.wait(seconds)
        return passing(exchange)

    return fault


def delay_after(seconds: float) -> Fault:
    """The server has done what it was asked, and its answer is late."""

    def fault(exchange: Exchange) -> bool:
        answer = exchange.forward()
        exchange.wait(seconds)
        exchange.answer(answer)
        return True

    return fault


def hang() -> Fault:
    """The server never sees the request, and nobody ever answers."""

    def fault(exchange: Exchange) -> bool:
        exchange.wait(None)
        return False

    return fault


def answering(status: int, body: str = "", headers: str = "") -> Fault:
    """Somebody between client and server answers instead of it, as balancers do."""
    head = f"HTTP/1.1 {status} Fault\r\nContent-Length: {len(body)}\r\n{headers}\r\n"

    def fault(exchange: Exchange) -> bool:
        exchange.answer((head + body).encode())
        return True

    return fault


def cut(share: float = 0.5) -> Fault:
    """The connection breaks when a share of the answer has arrived."""

    def fault(exchange: Exchange) -> bool:
        answer = exchange.forward()
        exchange.answer(answer[: int(len(answer) * share)])
        return False

    return fault


@dataclass
class _Rule:
    """Which statements are broken, and how."""

    pattern: re.Pattern[str]
    nth: frozenset[int] | None
    fault: Fault
    count: int = 0


@dataclass
class FaultProxy:
    """Listens on loopback in front of a server.

    Attributes:
        upstream: the server's port on loopback.
        port: the proxy's own; it stays the same.
        tls: what it shows to clients, which then talk TLS to it; the server behind it does not.
        statements: what came by, in order, broken or not.
    """

    upstream: int
    port: int = 0
    tls: ssl.SSLContext | None = None
    statements: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._clients: set[socket.socket] = set()
        self._is_closed = threading.Event()
        self._listener: socket.socket | None = None
        self.accept()

    def at(self, pattern: str, nth: int | tuple[int, ...] | None, fault: Fault) -> None:
        """Break the nth statements that match from now on, the first is 1; None breaks all of them.

        The statement is what is in the URL and in the body, from its first word on. Of several
        rules that match, all count, and the first that is due breaks.
        """
        due = None if nth is None else frozenset((nth,) if isinstance(nth, int) else nth)
        with self._lock:
            self._rules.append(_Rule(re.compile(pattern, re.IGNORECASE | re.DOTALL), due, fault))

    def heal(self) -> None:
        """Forget all rules."""
        with self._lock:
            self._rules.clear()

    def accept(self) -> None:
        """Listen; harmless where it does."""
        if self._listener is None:
            listener = socket.create_server(("127.0.0.1", self.port))
            self.port = listener.getsockname()[1]
            self._listener = listener
            self._begin(self._listen, listener)

    def refuse(self) -> None:
        """Listen no longer, and reset all connections: the machine is away."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            listener.close()
        self.reset_all()

    def reset_all(self) -> None:
        """Reset the connections of all clients, whatever they are in the middle of."""
        with self._lock:
            for client in self._clients:
                with contextlib.suppress(OSError):
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
                    client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop, and wait for the threads."""
        self._is_closed.set()
        self.refuse()
        while self._threads:
            self._threads.pop().join(_PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # ---------------------------------------------------------------- inside

    def _begin(self, work: Callable[[socket.socket], None], peer: socket.socket) -> None:
        thread = threading.Thread(target=work, args=(peer,), daemon=True, name="fault-proxy")
        self._threads.add(thread)
        thread.start()

    def _listen(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                if self._listener is not listener:  # too late
                    client.close()
                    return
                self._clients.add(client)
            self._begin(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        if self.tls is not None:
            client = self._encrypted(client, self.tls)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        requests = client.makefile("rb")
        server = _Upstream(self.upstream)
        try:
            is_good = True
            while is_good and (request := _read_message(requests)):
                exchange = Exchange(request, partial(server.ask, request), client.sendall, self._wait)
                is_good = self._fault_for(request)(exchange)
        except _BrokenError as error:  # what the server still said, the client still hears
            with contextlib.suppress(OSError):
                client.sendall(error.so_far)
            is_good = False
        except OSError:
            is_good = False
        finally:
            server.close()
            requests.close()
            with self._lock:
                self._clients.discard(client)
        with contextlib.suppress(OSError):
            if not is_good:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            client.close()

    def _encrypted(self, plain: socket.socket, tls: ssl.SSLContext) -> socket.socket:
        """The client as one that talks TLS; the handshake is part of the first reading."""
        client = tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._clients.discard(plain)
            self._clients.add(client)
        return client

    def _wait(self, seconds: float | None) -> None:
        self._is_closed.wait(seconds)

    def _fault_for(self, request: bytes) -> Fault:
        statement = _statement_of(request)
        with self._lock:
            self.statements.append(statement)
            chosen: Fault = passing
            for rule in self._rules:
                if rule.pattern.search(statement):
                    rule.count += 1
                    if chosen is passing and (rule.nth is None or rule.count in rule.nth):
                        chosen = rule.fault
            return chosen


def send(port: int, request: bytes) -> bytes:
    """What a server on loopback answers to the bytes of a request.

    Raises:
        OSError: it does not.
    """
    server = _Upstream(port)
    try:
        return server.ask(request)
    except _BrokenError as error:
        raise ConnectionResetError(f"the server on {port} did not answer") from error
    finally:
        server.close()


class _Upstream:
    """The connection to the server, made when it is needed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._answers: io.BufferedReader | None = None

    def ask(self, request: bytes) -> bytes:
        """The server's answer; raises `_BrokenError` where it does not come to its end."""
        try:
            if self._socket is None or self._answers is None:
                self._socket = socket.create_connection(("127.0.0.1", self._port), _PATIENCE_S)
                self._answers = self._socket.makefile("rb")
            self._socket.sendall(request)
            answer = _read_message(self._answers)
        except OSError as error:
            raise _BrokenError from error
        if not answer:
            raise _BrokenError
        return answer

    def close(self) -> None:
        for part in (self._answers, self._socket):
            if part is not None:
                part.close()


def _read_message(stream: io.BufferedReader) -> bytes:
    """One request or answer, all of it; nothing where there is no more."""
    message = b""
    while not message.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line and not message:
            return b""
        if not line:
            raise _BrokenError(message)
        message += line
    head = message.lower()
    if b"\r\ntransfer-encoding: chunked" in head:
        return _read_chunks(stream, message)
    length = re.search(rb"\r\ncontent-length: *(\d+)", head)
    if length is None:
        return message
    body = stream.read(int(length[1]))
    if len(body) < int(length[1]):
        raise _BrokenError(message + body)
    return message + body


def _read_chunks(stream: io.BufferedReader, message: bytes) -> bytes:
    while True:
        line = stream.readline()
        message += line
        if not line.endswith(b"\n"):
            raise _BrokenError(message)
        size = int(line.split(b";")[0], 16)
        chunk = stream.read(size + 2)  # with the line's end after it
        message += chunk
        if len(chunk) < size + 2:
            raise _BrokenError(message)
        if size == 0:
            return message


_WORDS = re.compile(
    r"\b(?:INSERT|SELECT|WITH|CREATE|ALTER|DELETE|DESCRIBE|SHOW|SYSTEM|DROP|TRUNCATE|OPTIMIZE)\b"
)


def _statement_of(request: bytes) -> str:
    """What a request of ClickHouse asks for: the parameter `query` and the first of the body.

    The beginning of a body that is compressed by LZ4 can be read all the same; what stands before
    the statement there is left out.
    """
    head, _, body = request.partition(b"\r\n\r\n")
    target = head.split(b" ", 2)[1].decode()
    in_url = " ".join(parse_qs(urlsplit(target).query).get("query", []))
    text = (in_url + body[:1000].decode(errors="replace")).lstrip()
    found = _WORDS.search(text)
    return text[found.start() :] if found else text
