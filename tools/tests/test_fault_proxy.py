"""The proxy breaks what it is told to, when it is told to, and is not noticed otherwise."""

import contextlib
import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fault_proxy import FaultProxy, answering, cut, delay_after, delay_before, hang, reset_after, reset_before

pytestmark = pytest.mark.one_python


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent, in chunks; remembers it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(body)
        self.server.asked_at.append(time.monotonic())
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in (body, body):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    """A server that answers everything twice over, and `asked`, what it was asked."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as made:
        made.asked, made.asked_at = [], []
        made.daemon_threads = True
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def proxy(server):
    """A proxy before the server."""
    with FaultProxy(server.server_address[1]) as made:
        yield made


@pytest.fixture
def ask(proxy):
    """Asks through the proxy, over one connection while it lasts."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)

    def ask(text):
        try:
            connection.request("POST", "/", text.encode())
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except BaseException:
            connection.close()
            raise

    with contextlib.closing(connection):
        yield ask


def test_nothing_is_noticed_without_a_rule(proxy, server, ask):
    """Requests and answers arrive as they are, over one connection, chunks included."""
    big = "x" * 300_000
    assert ask("a") == (200, "aa")
    assert ask(big) == (200, big * 2)
    assert server.asked == [b"a", big.encode()]
    assert [statement[:1] for statement in proxy.statements] == ["a", "x"]


def test_the_nth_of_its_kind_breaks_and_no_other(proxy, server, ask):
    """Statements that do not match are not counted, and those before and after pass."""
    proxy.at("^insert", 2, reset_before())
    assert ask("INSERT 1") == (200, "INSERT 1INSERT 1")
    ask("select 1")
    with pytest.raises(ConnectionError):
        ask("insert 2")
    assert ask("insert 3")[0] == 200
    assert server.asked == [b"INSERT 1", b"select 1", b"insert 3"]


def test_a_reset_after_execution_reaches_the_server(proxy, server, ask):
    """The server has done its work, and the client does not know."""
    proxy.at("", 1, reset_after())
    with pytest.raises(ConnectionError):
        ask("insert")
    assert server.asked == [b"insert"]
    assert ask("insert")[0] == 200


@pytest.mark.parametrize(("fault", "is_late_there"), [(delay_before(0.1), True), (delay_after(0.1), False)])
def test_what_is_late_arrives(proxy, server, ask, fault, is_late_there):
    """A delay is before or after the server's work, and takes its time."""
    proxy.at("", None, fault)
    began = time.monotonic()
    assert ask("late") == (200, "latelate")
    ended, there = time.monotonic(), server.asked_at[0]
    assert (there - began if is_late_there else ended - there) >= 0.1


def test_a_hanging_request_ends_with_the_proxy(proxy, server, ask):
    """It is answered by nobody; closing the proxy resets it at once."""
    proxy.at("", None, hang())
    failures = []

    def wait():
        try:
            ask("for ever")
        except (OSError, http.client.HTTPException) as error:
            failures.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join(0.1)
    assert thread.is_alive()
    proxy.close()
    thread.join(60)
    assert (len(failures), server.asked) == (1, [])


def test_another_can_answer(proxy, server, ask):
    """The balancer's word is all that the client gets, and its connection stays."""
    proxy.at("", 1, answering(503, "no server is ready"))
    assert ask("a") == (503, "no server is ready")
    assert ask("b") == (200, "bb")
    assert server.asked == [b"b"]


def test_an_answer_can_break_off(proxy, ask):
    """The client has the first half and knows that there is more."""
    proxy.at("", 1, cut(0.5))
    with pytest.raises((ConnectionError, http.client.IncompleteRead)):
        ask("x" * 100_000)
    assert ask("b") == (200, "bb")


def test_the_machine_goes_away_and_comes_back(proxy, ask):
    """While it refuses nobody is let in; then it is there again, on the same port."""
    port = proxy.port
    assert ask("a")[0] == 200
    proxy.refuse()
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask("b")
    with pytest.raises(ConnectionRefusedError):
        ask("c")
    proxy.accept()
    assert (ask("d"), proxy.port) == ((200, "dd"), port)


def test_a_server_that_is_gone_is_a_reset(proxy, server, ask):
    """The proxy says nothing of its own."""
    proxy.upstream = 1
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask("a")


def test_a_statement_begins_with_its_first_word(proxy, ask):
    """What a driver's compression and chunks put before it is left out, also where it is in the body."""
    ask("51\r\n\x04\x22\x18H@INSERT INTO `t` FORMAT Native")
    ask("\n  SELECT 1")
    ask("no statement")
    assert proxy.statements == ["INSERT INTO `t` FORMAT Native", "SELECT 1", "no statement"]
