"""langchain-mcp-adapters: a session for each call by default, or one that is held open."""

import contextlib
import json

from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools

import driver


class Adapters(driver.Peer):
    packages = ("langchain-mcp-adapters", "mcp")

    def __init__(self, url):
        super().__init__(url)
        servers = {"db": {"transport": "streamable_http", "url": url}}
        self.client = MultiServerMCPClient(servers)
        self.tool = None

    @contextlib.asynccontextmanager
    async def connected(self):
        if self.tool is None:
            tools = await self.client.get_tools()
            self.tool = next(tool for tool in tools if tool.name == driver.TOOL)
        # Such a tool opens a session for the call, and closes it.
        yield self.tool

    @contextlib.asynccontextmanager
    async def reused(self):
        async with self.client.session("db") as session:
            tools = await load_mcp_tools(session)
            yield next(tool for tool in tools if tool.name == driver.TOOL)

    async def query(self, session):
        content = await session.ainvoke(driver.ARGUMENTS)
        block = content[0] if isinstance(content, list) else content
        text = block["text"] if isinstance(block, dict) else block
        return json.loads(text)


if __name__ == "__main__":
    driver.main(Adapters)
