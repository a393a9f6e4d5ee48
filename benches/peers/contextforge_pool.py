"""ContextForge's pool of sessions, by itself, with its default settings."""

import contextlib

from mcpgateway.services.mcp_session_pool import MCPSessionPool

import driver


class ContextForge(driver.Peer):
    packages = ("mcp-contextforge-gateway", "mcp")
    pools = True

    @contextlib.asynccontextmanager
    async def connected(self):
        async with MCPSessionPool() as pool:
            async with pool.session(self.url) as pooled:
                yield pooled.session

    @contextlib.asynccontextmanager
    async def reused(self):
        async with MCPSessionPool() as pool:
            yield pool

    @contextlib.asynccontextmanager
    async def acquired(self, reused):
        # A session of its own has no pool to be taken from.
        async with reused.session(self.url) as pooled:
            yield pooled.session

    async def query(self, session):
        result = await session.call_tool(driver.TOOL, driver.ARGUMENTS)
        return result.structuredContent


if __name__ == "__main__":
    driver.main(ContextForge)
