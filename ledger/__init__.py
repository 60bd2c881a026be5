"""The book: facts, rules, order, proof, secrets. No HTTP, no read models, no asyncio."""
