"""Frames a second while a person zooms, pans and moves a colour limit of a pair map."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from playwright.async_api import CDPSession, Page, async_playwright

from views import instruments
from views.hosts import FLAGS, dev_page, find_browser
from views.report import Row

RATE = 100  # events of the mouse a second
SECONDS = 4.0
GOAL = 50
CYCLE = 1.0  # seconds for a circle of the mouse, or for zooming in and out again
LENGTHS = (363, 1000)

Event = dict[str, Any]


def smoothness(rounds: int) -> list[Row]:
    """Measure the map alone on the dev page, each gesture in several rounds."""
    with dev_page() as address:
        return asyncio.run(_measure(address, rounds))


async def _measure(address: str, rounds: int) -> list[Row]:
    rows = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        for length in LENGTHS:
            page = await browser.new_page(viewport={"width": 700, "height": 900})
            await page.goto(f"{address}/?views=pair_heatmap&masks=2&length={length}&width=660")
            await page.wait_for_selector("[data-frames]")
            await page.evaluate(instruments.TOOLS)
            for name, gesture in (("zoom", _zoom), ("pan", _pan), ("colour limit", _limit)):
                rates: list[float] = []
                longest = 0.0
                for _ in range(rounds):
                    rate, longest_now = await gesture(page)
                    rates.append(rate)
                    longest = max(longest, longest_now)
                rows.append(
                    Row(
                        f"{name} of a {length} x {length} map",
                        "frames/s",
                        rates,
                        GOAL,
                        True,
                        50,
                        note=f"the longest took {longest:.0f} ms",
                    )
                )
            await page.close()
        await browser.close()
    return rows


async def _zoom(page: Page) -> tuple[float, float]:
    await _reset(page)
    x, y = await _centre(page, "canvas")
    await page.mouse.move(x - 2, y)
    await page.mouse.move(x, y)

    def turn(seconds: float) -> Event:
        delta = -12 if int(seconds / CYCLE) % 2 == 0 else 12
        return {"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": delta}

    return await _play(page, turn)


async def _pan(page: Page) -> tuple[float, float]:
    await _reset(page)
    x, y = await _centre(page, "canvas")
    await page.mouse.move(x - 2, y)
    await page.mouse.move(x, y)
    for _ in range(6):
        await page.mouse.wheel(0, -120)
    await page.mouse.down()
    found = await _play(page, lambda seconds: _dragged(*_on_circle(x, y, seconds)))
    await page.mouse.up()
    return found


async def _limit(page: Page) -> tuple[float, float]:
    await _reset(page)
    handle = page.locator(".plmwidgets-pair_heatmap [data-control=limit-high]")
    box = await handle.bounding_box()
    assert box is not None
    share = await handle.evaluate("handle => handle.value / handle.max")
    y = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + 8 + share * (box["width"] - 16), y)
    await page.mouse.down()

    def along(seconds: float) -> Event:
        # Above the low end, which would stop the handle.
        share = 0.6 + 0.35 * np.cos(2 * np.pi * seconds / CYCLE)
        return _dragged(box["x"] + share * box["width"], y)

    found = await _play(page, along)
    await page.mouse.up()
    return found


def _dragged(x: float, y: float) -> Event:
    return {"type": "mouseMoved", "x": x, "y": y, "button": "left", "buttons": 1}


def _on_circle(x: float, y: float, seconds: float) -> tuple[float, float]:
    angle = 2 * np.pi * seconds / CYCLE
    return x + 120 * np.sin(angle), y + 120 * np.cos(angle)


async def _reset(page: Page) -> None:
    await page.locator(".plmwidgets-pair_heatmap canvas").press("0")


async def _centre(page: Page, what: str) -> tuple[float, float]:
    box = await page.locator(f".plmwidgets-pair_heatmap {what}").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def _play(page: Page, event: Callable[[float], Event]) -> tuple[float, float]:
    """Send events of the mouse without waiting for each; return frames/s and the longest."""
    session: CDPSession = await page.context.new_cdp_session(page)
    await page.evaluate(instruments.FRAMES)
    began, sent = time.perf_counter(), []
    while (now := time.perf_counter() - began) < SECONDS:
        command = session.send("Input.dispatchMouseEvent", event(now))
        sent.append(asyncio.ensure_future(command))
        await asyncio.sleep(max(0.0, len(sent) / RATE - (time.perf_counter() - began)))
    await asyncio.gather(*sent)
    frames = await page.evaluate("(stopwatch.frames.on = false, stopwatch.frames)")
    await session.detach()
    drawn = np.array(frames["times"])[np.array(frames["drawn"])]
    return 1000 * (len(drawn) - 1) / (drawn[-1] - drawn[0]), float(np.diff(drawn).max())
