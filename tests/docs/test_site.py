"""The documentation site builds without a warning, and all that its pages point to is there."""

import subprocess
import sys
from pathlib import Path

import pytest
from site_links import broken_links, outside, read_pages

import plmwidgets

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    place = tmp_path_factory.mktemp("docs")
    command = [sys.executable, str(ROOT / "scripts" / "build_docs.py"), "--place", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return place / "html"


def test_every_link_within_leads_somewhere(html):
    pages = read_pages(html)
    assert broken_links(pages) == []
    assert sum(len(page.links) for page in pages.values()) > 1000


def test_pages_need_no_network(html):
    assert outside(read_pages(html)) == []


def test_every_public_name_has_a_page(html):
    documented = {path.stem.rsplit(".", 1)[-1] for path in (html / "api").rglob("*.html")}
    assert set(plmwidgets.__all__) - {"__version__"} <= documented


def test_notebooks_and_formulas_are_in_it(html):
    for notebook in (ROOT / "examples").rglob("*.ipynb"):
        relative = notebook.relative_to(ROOT).with_suffix(".html")
        if not any(part.startswith(".") for part in relative.parts):
            assert (html / relative).is_file()
    mathematics = (html / "docs" / "mathematics.html").read_text(encoding="utf-8")
    assert mathematics.count("<math") > 50


def test_what_leads_nowhere_is_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="#here"></a><a href="#there"></a><a href="b.html?v=1#place"></a>'
        '<a href="b.html#none"></a><a href="c.html"></a><a href="https://example.org/x"></a>'
        '<script src="https://example.org/x.js"></script><img src="data:image/png;base64,AA">'
    )
    (tmp_path / "b.html").write_text('<h1 id="place"></h1>')
    pages = read_pages(tmp_path)
    missing = [line.split()[3].rstrip(",") for line in broken_links(pages)]
    assert missing == ["#there", "b.html#none", "c.html"]
    assert outside(pages) == ["a.html would fetch https://example.org/x.js"]
