"""HTTP, pages, intake and the command line: the only room that knows asyncio."""
