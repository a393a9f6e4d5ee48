"""The official Python SDK's client."""

import contextlib

from mcp import Client

import driver


class Sdk(driver.Peer):
    packages = ("mcp",)

    @contextlib.asynccontextmanager
    async def connected(self):
        async with Client(self.url) as client:
            yield client

    async def query(self, session):
        result = await session.call_tool(driver.TOOL, driver.ARGUMENTS)
        return result.structured_content


if __name__ == "__main__":
    driver.main(Sdk)
