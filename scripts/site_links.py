"""What in a folder of pages leads nowhere, or would be fetched from elsewhere."""

from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {("link", "href"), ("script", "src"), ("img", "src"), ("iframe", "src")}


class Page(HTMLParser):
    """What a page points to, what it would fetch, and the places in it.

    Parameters
    ----------
    text : str
        HTML.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element points to; html.parser calls it."""
        found = {name: value for name, value in attrs if value}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if found.get("rel") in ("search", "canonical"):
            return
        for name in ("href", "src"):
            if name in found:
                (self.fetched if (tag, name) in FETCHED else self.links).append(found[name])


def read_pages(folder: Path) -> dict[Path, Page]:
    """Read all pages of a site, but for the parts of its theme."""
    return {
        path: Page(path.read_text(encoding="utf-8"))
        for path in sorted(folder.resolve().rglob("*.html"))
        if "_static" not in path.parts
    }


def broken_links(pages: Mapping[Path, Page]) -> list[str]:
    """List links to files that are not there, and to places that are not in them."""
    broken = []
    for path, page in pages.items():
        for link in [*page.links, *page.fetched]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            place = unquote(parts.fragment)
            known = place in pages[target].anchors if place and target in pages else True
            if not (target.is_file() and known):
                broken.append(f"{path.name} points to {link}, which is not there")
    return broken


def outside(pages: Mapping[Path, Page]) -> list[str]:
    """List what pages would fetch from another machine."""
    return [
        f"{path.name} would fetch {link}"
        for path, page in pages.items()
        for link in page.fetched
        if urlsplit(link).netloc or urlsplit(link).scheme not in ("", "data")
    ]
