"""Writes records as one file that any browser opens, with no network and no kernel."""

import base64
import hashlib
import html
import json
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from plmwidgets.offline.packing import pack_text
from plmwidgets.widgets.view import STATIC, bundle

Record = dict[str, Any]
SUFFIXES: Final = (".html", ".htm")

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<script id="plm-record" type="application/json">{record}</script>
</head>
<body>
<noscript>This page shows a protein with scripts that it carries itself: allow it to run them.\
</noscript>
{body}<script type="module">{code}</script>
</body>
</html>
"""


def page_path(path: str | os.PathLike[str]) -> Path:
    """Return where a page can be written.

    Raises
    ------
    ValueError
        If the name has another ending, or what is there is no file.
    FileNotFoundError
        If the folder does not exist.
    """
    file = Path(path).expanduser()
    if file.suffix.lower() not in SUFFIXES:
        raise ValueError(f"the page is HTML, so its name must end in .html, not as {file.name!r}")
    target = file.resolve()
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {target.parent}: make it first")
    if target.exists() and not target.is_file():
        raise ValueError(f"{file} is there already and is no file: choose another name")
    return target


def write_page(page: str, target: Path) -> None:
    """Write a page; a file that is there already is replaced once this one is whole.

    Parameters
    ----------
    page : str
        From `page_of` or `notebook_page_of`.
    target : Path
        From `page_path`.
    """
    fresh = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        fresh.write_bytes(page.encode())
        os.replace(fresh, target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def page_of(record: Record) -> str:
    """Return the page of an explorer as HTML.

    Parameters
    ----------
    record : dict
        See `plmwidgets.offline.record.record_of`; its ``views`` name the bundles that go in.
    """
    return _page(record, record["views"])


def notebook_page_of(title: str, body: str, parts: list[Record]) -> str:
    """Return the page of a notebook as HTML.

    Parameters
    ----------
    title : str
    body : str
        HTML, with an element ``data-part="k"`` where part k goes. Scripts in it do not run.
    parts : list of dict
        From `plmwidgets.offline.record.record_of` or `still_of`.
    """
    names = [name for part in parts for name in views_of(part)]
    return _page({"parts": parts}, names, body, html.escape(title))


def views_of(part: Record) -> list[str]:
    """Name the bundles that a part of a page needs."""
    return [view["name"] for view in part["still"]] if "still" in part else list(part["views"])


def _page(record: Record, names: Iterable[str], body: str = "", title: str = "plmwidgets") -> str:
    code = bundle("page")
    licences = (STATIC / "THIRD-PARTY.txt").read_text(encoding="utf-8")
    parts = {
        **record,
        "bundles": {name: pack_text(bundle(name)) for name in dict.fromkeys(names)},
        "licences": pack_text(licences),
    }
    return _PAGE.format(
        policy=_policy(code), record=_as_data(parts), code=code, body=body, title=title
    )


def _policy(code: str) -> str:
    # Nothing is fetched, from anywhere. The one script is named by its hash and may load the
    # views, which it unpacks from the page; no other script runs, whatever a name may contain.
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'sha256-{digest}' blob:",
            "style-src 'unsafe-inline'",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _as_data(parts: dict[str, Any]) -> str:
    """JSON that cannot end its script element, nor start another, whatever its strings hold."""
    text = json.dumps(parts, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":  # all others that could matter are escaped by json already
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
