"""A notebook as one page: its text, its outputs and its views, with no kernel behind them."""

import base64
import html
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from plmwidgets._files import require_file
from plmwidgets.offline.page import notebook_page_of, page_path, write_page

if TYPE_CHECKING:
    from nbformat import NotebookNode

WIDGET: Final = "application/vnd.jupyter.widget-view+json"
VEGA_LITE: Final = "application/vnd.vegalite."
Record = dict[str, Any]
Parts = Mapping[str, Record]
"""What widgets show, by their model id: see `plmwidgets.offline.shown`."""

_LONGEST: Final = 600
"""Seconds that a cell may take."""
_LAST_CELL = """
from plmwidgets.offline.shown import write_shown
write_shown({ids!r}, {folder!r})
"""


def notebook_page(notebook: str | os.PathLike[str], path: str | os.PathLike[str]) -> Path:
    """Run a notebook and write it as one file that any browser shows, offline, without a kernel.

    Its text, code and outputs are in the page. An `Explorer` in it can be used for all that it has
    recorded, as in the page of `Explorer.to_html`, with the contexts that were given there; the
    steps of an `UnmaskingPlayer` can be played; all other views are pictures of how they stood at
    the end, and say so.

    Parameters
    ----------
    notebook : path
        It is run from top to bottom in a kernel of its own, in an empty folder.
    path : path
        Ends in ``.html``. A file that is there already is replaced.

    Returns
    -------
    Path
        Where the page is.

    Raises
    ------
    ImportError
        If what runs notebooks is not installed.
    FileNotFoundError
        If there is no such notebook, or no folder for the page.
    RuntimeError
        If a cell fails: the message says which and why.
    ValueError
        If a name has another ending, or the file is no notebook.
    """
    target = page_path(path)
    ran, parts = run_notebook(notebook)
    numbered = list(parts.values())
    number = {model_id: k for k, model_id in enumerate(parts)}
    title = next(_headings(ran), Path(notebook).stem)
    write_page(notebook_page_of(title, body_of(ran, number, numbered), numbered), target)
    return Path(path)


def run_notebook(notebook: str | os.PathLike[str]) -> tuple["NotebookNode", dict[str, Record]]:
    """Run a notebook; return it with its outputs, and what its widgets show, by model id.

    Raises
    ------
    ImportError, FileNotFoundError, RuntimeError, ValueError
        As `notebook_page`.
    """
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError, CellTimeoutError
    except ImportError as error:
        raise ImportError(
            "to run notebooks, install what JupyterLab brings: pip install 'plmwidgets[lab]'"
        ) from error
    file = Path(notebook)
    if file.suffix != ".ipynb":
        raise ValueError(f"{file} is no notebook: its name must end in .ipynb")
    require_file(file)
    try:
        cells = nbformat.read(file, 4)  # type: ignore[no-untyped-call]
    except nbformat.reader.NotJSONError as error:
        raise ValueError(f"{file} is no notebook: it is not JSON") from error
    except OSError:
        raise
    except Exception as error:  # of many kinds, such as of a JSON list, or of another encoding
        raise ValueError(f"{file} is no notebook: {error}"[:300]) from error
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as shown:
        client = NotebookClient(
            cells, timeout=_LONGEST, kernel_name="python3", resources={"metadata": {"path": folder}}
        )
        try:
            with client.setup_kernel(stderr=subprocess.DEVNULL):
                for at, cell in enumerate(cells.cells):
                    client.execute_cell(cell, at)
                ids = list(dict.fromkeys(_widget_ids(cells)))
                source = _LAST_CELL.format(ids=ids, folder=shown)
                last = nbformat.v4.new_code_cell(source)  # type: ignore[no-untyped-call]
                cells.cells.append(last)
                client.execute_cell(last, len(cells.cells) - 1)
                cells.cells.pop()
        except CellExecutionError as error:
            raise RuntimeError(f"{file} failed: {error.ename}: {error.evalue}") from error
        except CellTimeoutError as error:
            raise RuntimeError(f"{file} failed: a cell took longer than {_LONGEST} s") from error
        files = [(model_id, Path(shown) / f"{k}.json") for k, model_id in enumerate(ids)]
        parts = {
            model_id: json.loads(part.read_text(encoding="utf-8"))
            for model_id, part in files
            if part.is_file()
        }
    return cells, draw_charts(cells, parts)


def draw_charts(notebook: "NotebookNode", parts: Mapping[str, Record]) -> dict[str, Record]:
    """Put pictures where Vega-Lite charts are, also those in widgets; return the other parts."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            model_id = data.get(WIDGET, {}).get("model_id")
            if chart := parts.get(model_id, {}).get("chart"):
                del data[WIDGET]
            else:
                chart = next((data[kind] for kind in data if kind.startswith(VEGA_LITE)), None)
            if chart:
                import vl_convert

                data["image/svg+xml"] = vl_convert.vegalite_to_svg(chart)
    return {model_id: part for model_id, part in parts.items() if "chart" not in part}


def _widget_ids(notebook: "NotebookNode") -> Iterator[str]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if WIDGET in output.get("data", {}):
                yield output["data"][WIDGET]["model_id"]


def _headings(notebook: "NotebookNode") -> Iterator[str]:
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if line.startswith("# "):
                    yield line[2:].strip()


def body_of(notebook: "NotebookNode", number: Mapping[str, int], parts: list[Record]) -> str:
    """Return the text of a notebook that was run as HTML, with places for its parts.

    Markup in the notebook's own words is shown as words; that of its outputs is left as it is,
    since the page's policy lets no script of theirs run.

    Parameters
    ----------
    notebook : NotebookNode
    number : mapping of str to int
        Which part shows a widget, by model id.
    parts : list of dict
    """
    import mistune

    markdown = mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])
    presenter = any(_presented(part) for part in parts)
    blocks = ["<article data-presenter>" if presenter else "<article>"]
    placed: set[str] = set()
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            # Pages of notebooks lie side by side as the notebooks do.
            text = re.sub(r'href="([^":]+)\.ipynb"', r'href="\1.html"', str(markdown(cell.source)))
            blocks.append(f'<div class="text">{text}</div>')
        elif cell.cell_type == "code":
            code = html.escape(cell.source)
            blocks.append(f"<details><summary>Code</summary><pre>{code}</pre></details>")
            blocks += [_output(output, number, placed) for output in cell.outputs]
    return "\n".join([*blocks, "</article>\n"])


def _presented(part: Record) -> bool:
    views = [v["traits"] for v in part["still"]] if "still" in part else part["views"].values()
    return any(traits.get("presenter") for traits in views)


def _output(output: Any, number: Mapping[str, int], placed: set[str]) -> str:
    if output.output_type == "stream":
        return f'<div class="output"><pre>{html.escape(output.text)}</pre></div>'
    data = output.get("data", {})
    model_id = data.get(WIDGET, {}).get("model_id")
    if model_id in number:
        if model_id in placed:
            return '<p class="facts">The same views as above.</p>'
        placed.add(model_id)
        return f'<div data-part="{number[model_id]}"></div>'
    return f'<div class="output">{_static(data)}</div>' if data else ""


def _static(data: Mapping[str, Any]) -> str:
    """Return the best of an output's forms that a page can show."""
    if "image/svg+xml" in data:
        return _image("svg+xml", data["image/svg+xml"].encode())
    for kind in ("png", "jpeg"):
        if f"image/{kind}" in data:
            return _image(kind, base64.b64decode(data[f"image/{kind}"]))
    return data.get("text/html") or f"<pre>{html.escape(data.get('text/plain', ''))}</pre>"


def _image(kind: str, content: bytes) -> str:
    text = base64.b64encode(content).decode()
    return f'<img alt="" src="data:image/{kind};base64,{text}">'
