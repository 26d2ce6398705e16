"""Several real ClickHouse servers that know each other as the shards of one cluster, for tests."""

from __future__ import annotations

import contextlib
import secrets
from types import TracebackType
from typing import Self

from clickhouse_server import WRITER, ClickHouseServer


class ClickHouseCluster:
    """Several servers, each one shard of the cluster `NAME`, that know each other.

    Attributes:
        servers: one for each shard.
    """

    NAME = "shards"

    def __init__(self, shards: int = 3) -> None:
        self.servers = [ClickHouseServer(macros={"shard": str(n), "replica": "a"}) for n in range(shards)]
        password = secrets.token_hex(8)
        for server in self.servers:
            server.password = password

    @property
    def url(self) -> str:
        """The URL of the first server."""
        return self.servers[0].url

    def start(self) -> None:
        """Start all servers.

        Raises:
            ClickHouseMissingError: there is no engine that listens.
            RuntimeError: one ended, or did not answer in time.
        """
        for attempt in range(5):
            config = self._remote_servers()
            for server in self.servers:
                server.config = config
            with contextlib.ExitStack() as started:
                before = [server.tcp_port for server in self.servers]
                for server in self.servers:
                    server.start()
                    started.callback(server.stop)
                if before == [server.tcp_port for server in self.servers] or attempt == 4:
                    started.pop_all()
                    return

    def close(self) -> None:
        """Stop all servers and remove their folders."""
        for server in self.servers:
            server.close()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _remote_servers(self) -> str:
        shards = "".join(
            f"<shard><replica><host>127.0.0.1</host><port>{server.tcp_port}</port>"
            f"<user>{WRITER}</user><password>{server.password}</password></replica></shard>"
            for server in self.servers
        )
        return f"<remote_servers><{self.NAME}>{shards}</{self.NAME}></remote_servers>"
