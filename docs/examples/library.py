"""Ask, get a typed answer, and stream. Runs offline; with a provider's key set, a real model answers."""

import asyncio

from pydantic import BaseModel

from officium import LLMClient


class Summary(BaseModel):
    title: str
    next_step: str
    confidence: float


async def main() -> None:
    async with LLMClient() as client:
        answer = await client.generate_completion("What should we focus on this quarter?")
        print(answer.text, answer.usage.total_tokens, answer.cost_usd)

        summary = await client.generate_structured_completion(Summary, "Summarise the deal Project Alpha.")
        print(summary.title, summary.confidence)

        async for piece in client.stream_completion("Tell me more.", "You are a CFO."):
            print(piece, end="", flush=True)
        print()


if __name__ == "__main__":
    asyncio.run(main())
