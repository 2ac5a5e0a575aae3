"""How a notebook becomes a page; tests/browser opens one."""

import re

import altair as alt
import ipywidgets
import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from plmwidgets.cli import main
from plmwidgets.offline import notebook as notebook_module
from plmwidgets.offline.notebook import (
    WIDGET,
    body_of,
    draw_charts,
    notebook_page,
    run_notebook,
)
from plmwidgets.offline.page import notebook_page_of
from plmwidgets.offline.shown import part_of
from plmwidgets.protein import Protein
from plmwidgets.widgets.distributions import Distributions
from plmwidgets.widgets.pair_heatmap import PairHeatmap
from plmwidgets.widgets.sequence_strip import SequenceStrip

STILL = {"still": [{"name": "sequence_strip", "traits": {"presenter": False}, "usable": False}]}


def body(*cells, number=None, parts=()):
    return body_of(new_notebook(cells=list(cells)), number or {}, list(parts))


def code(source, *outputs):
    cell = new_code_cell(source)
    cell.outputs = list(outputs)
    return cell


def shown(data):
    return new_output("display_data", data=data)


def test_words_stay_words():
    hostile = "<img src=x onerror=alert(1)></script>"
    text = body(
        new_markdown_cell(f"# A *title* {hostile}"),
        code(f"print('{hostile}')", new_output("stream", name="stdout", text=hostile)),
        code("1", shown({"text/plain": hostile})),
    )
    assert "<h1>A <em>title</em>" in text
    assert "<img" not in text
    assert "</script>" not in text
    assert text.count("&lt;img src=x onerror=alert(1)&gt;&lt;/script&gt;") == 4


CHART = {
    "data": {"values": [{"x": 1}]},
    "mark": "point",
    "encoding": {"x": {"field": "x", "type": "quantitative"}},
}


def test_notebooks_point_to_each_others_pages():
    text = body(new_markdown_cell("[a](other.ipynb) [b](https://example.org/x.ipynb)"))
    assert 'href="other.html"' in text
    assert 'href="https://example.org/x.ipynb"' in text


def test_the_best_form_of_an_output_is_shown():
    table = {"text/html": "<table><tr><td>1</td></tr></table>", "text/plain": "words"}
    svg = {"image/svg+xml": "<svg/>", "text/plain": "words"}
    text = body(code("a", shown(table)), code("b", shown(svg)))
    assert "<td>1</td>" in text
    assert text.count('<img alt="" src="data:image/svg+xml;base64,') == 1
    assert "words" not in text


def test_charts_become_pictures():
    plain = code("a", shown({"application/vnd.vegalite.v6+json": CHART, "text/plain": "words"}))
    widget = code("b", shown({WIDGET: {"model_id": "chart"}, "text/plain": "words"}))
    notebook = new_notebook(cells=[plain, widget])
    parts = {"chart": part_of(alt.JupyterChart(alt.Chart.from_dict(CHART))), "one": STILL}
    assert draw_charts(notebook, parts) == {"one": STILL}
    for cell in notebook.cells:
        assert cell.outputs[0].data["image/svg+xml"].startswith("<svg")
    assert body_of(notebook, {"one": 0}, [STILL]).count("<img") == 2


def test_widgets_have_places_and_come_once():
    view = {WIDGET: {"model_id": "one"}, "text/plain": "SequenceStrip"}
    other = {WIDGET: {"model_id": "button"}, "text/plain": "Button()"}
    text = body(
        code("a", shown(view), shown(other)),
        code("b", shown(view)),
        number={"one": 0},
        parts=[STILL],
    )
    assert text.count('<div data-part="0"></div>') == 1
    assert "The same views as above." in text
    assert "<pre>Button()</pre>" in text


def test_a_lecture_is_larger():
    large = {"still": [{**STILL["still"][0], "traits": {"presenter": True}}]}
    assert body(parts=[STILL]).startswith("<article>")
    assert body(parts=[large]).startswith("<article data-presenter>")


def test_views_are_recorded_with_all_that_they_show():
    protein = Protein.demo()
    map_of = np.arange(64.0 * 64).reshape(64, 64)
    heatmap = PairHeatmap(protein, maps={"own": map_of})
    strip = SequenceStrip(protein)
    box = ipywidgets.VBox([ipywidgets.HBox([strip]), heatmap, ipywidgets.Button()])
    part = part_of(box)
    assert [(view["name"], view["usable"]) for view in part["still"]] == [
        ("sequence_strip", False),
        ("pair_heatmap", False),
    ]
    traits = part["still"][1]["traits"]
    assert traits["upper_map"]["values"]["dtype"] == "float32"
    assert traits["protein"]["sequence"] == protein.sequence
    assert "answered" not in traits  # no kernel: nobody waits for one
    assert part_of(ipywidgets.Button()) is None
    assert part_of(None) is None
    page = notebook_page_of("A <title>", "<article></article>", [part])
    assert "<title>A &lt;title&gt;</title>" in page
    assert len(re.findall(r"<script", page)) == 2


def test_what_a_view_waits_for_is_in_its_record():
    view = Distributions(Protein.demo(), "potts-demo")
    view.selection.masked = {3, 5}
    traits = part_of(view)["still"][0]["traits"]
    assert traits["prediction"]["masked"] == [3, 5]


def test_what_cannot_be_run_says_why(tmp_path, capsys):
    with pytest.raises(ValueError, match=r"must end in \.ipynb"):
        run_notebook(tmp_path / "lesson.txt")
    with pytest.raises(FileNotFoundError, match=r"there is no file 'lesson\.ipynb' in /"):
        run_notebook(tmp_path / "lesson.ipynb")
    (tmp_path / "text.ipynb").write_text("no JSON")
    with pytest.raises(ValueError, match="is no notebook"):
        run_notebook(tmp_path / "text.ipynb")
    for content in (b"{}", b"[]", b"\xff\xfe"):
        (tmp_path / "text.ipynb").write_bytes(content)
        with pytest.raises(ValueError, match=r"text\.ipynb is no notebook"):
            run_notebook(tmp_path / "text.ipynb")
    with pytest.raises(ValueError, match=r"must end in \.html"):
        notebook_page(tmp_path / "text.ipynb", tmp_path / "text.pdf")
    assert main(["page", str(tmp_path / "none.ipynb"), "--output", str(tmp_path / "out")]) == 1
    assert "none.ipynb" in capsys.readouterr().err


def test_pages_of_one_name_do_not_replace_each_other(tmp_path, capsys):
    pages = [str(tmp_path / folder / "lesson.ipynb") for folder in "ab"]
    assert main(["page", *pages, "--output", str(tmp_path / "out")]) == 1
    assert "two of the notebooks are called lesson" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_cell_that_takes_too_long_is_told_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(notebook_module, "_LONGEST", 1)
    cells = [new_code_cell("import time; time.sleep(30)")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "slow.ipynb")
    with pytest.raises(RuntimeError, match=r"slow\.ipynb failed: a cell took longer than 1 s"):
        run_notebook(tmp_path / "slow.ipynb")


def test_a_cell_that_fails_is_named(tmp_path):
    failing = new_notebook(cells=[new_code_cell("1 / 0")])
    nbformat.write(failing, tmp_path / "failing.ipynb")
    with pytest.raises(RuntimeError, match=r"failing\.ipynb failed: ZeroDivisionError"):
        notebook_page(tmp_path / "failing.ipynb", tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
