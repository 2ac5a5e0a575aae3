"""Names made to run scripts: what writes HTML writes them as text; no path is made of them."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from structure_inputs import peptide, write_atoms
from test_charts import scan_of
from toy_models import ToyModel

from plmwidgets import charts
from plmwidgets.comparison import compare
from plmwidgets.protein import Protein
from plmwidgets.scan.start import predict, scan_pairs
from plmwidgets.widgets.explorer import Explorer

NAME = "<img/src=x/onerror=hacked()></script><!--<script>hacked()</script>"
SEQUENCE = "ACDEFGHIKLMNPQRSTVWY"


class Elements(HTMLParser):
    """The elements that a browser would make of a page, by name, with the text of the scripts."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.found, self.attributes = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append(tag)
        self.attributes += [name for name, _ in attrs]


def check_text(page, plain):
    """No element or attribute more than with a harmless name."""
    hostile, harmless = Elements(page), Elements(plain)
    assert hostile.found == harmless.found
    assert "onerror" not in hostile.attributes
    assert "<!--<script" not in page


def figures(name):
    structure = Protein.demo().structure
    protein = Protein(structure.sequence, name, structure)
    scans = {each: scan_of(protein, k, each) for k, each in enumerate((name, f"two {name}"))}
    first = scans[name]
    drawn = [
        charts.pair_map(first),
        charts.js_against_contacts(first),
        charts.js_against_distance(first),
        charts.perplexity_change_histogram(first),
        charts.max_perplexity_change_histogram(first),
    ]
    several = [
        charts.model_maps,
        charts.reconstruction_accuracy,
        charts.argmax_change_bars,
        charts.perplexity_by_model,
    ]
    summary = pd.DataFrame({"pairs_computed": [1], "reconstruction_accuracy": [0.5]}, index=[name])
    return [*drawn, *(draw(scans) for draw in several), charts.summary_bars(summary, name)]


def test_no_figure_ends_the_script_that_it_is_written_into(tmp_path):
    drawn = {name: figures(name) for name in (NAME, "plain")}
    for hostile, plain in zip(drawn[NAME], drawn["plain"], strict=True):
        assert "\u2060" in hostile.to_json(ensure_ascii=False), "it shows a name"
        check_text(hostile.to_html(), plain.to_html())
    pages = []
    for some in drawn.values():
        charts.save_chart(some[0], tmp_path / "saved.html")
        pages.append((tmp_path / "saved.html").read_text())
    assert pages[0].count("</script") == pages[1].count("</script")


def test_tables_show_names_as_text():
    protein, model = Protein(SEQUENCE, NAME), ToyModel(NAME)
    comparison = compare(protein, {NAME: model})
    comparison.wait()
    scan = scan_pairs(protein, model)
    scan.wait()
    for table in (comparison.summary(), scan.to_pandas(), predict(protein, model)):
        assert "<img" not in table._repr_html_()
    for thing in (protein, scan, comparison, scan.single):
        assert not hasattr(thing, "_repr_html_")


def test_what_a_notebook_is_given_of_a_view_has_no_html():
    explorer = Explorer(Protein(SEQUENCE, NAME), ToyModel(NAME))
    for view in (explorer, *explorer.children):
        bundle = view._repr_mimebundle_()
        bundle = bundle[0] if isinstance(bundle, tuple) else bundle
        assert set(bundle) <= {"text/plain", "application/vnd.jupyter.widget-view+json"}
    explorer.close()


@pytest.mark.parametrize("code", ["<", "/", "é", "&"])
def test_labels_take_no_markup_from_a_file(tmp_path, code):
    atoms = peptide("ACDEF", codes=["", "", code, "", ""])
    with pytest.raises(ValueError, match="as an insertion code"):
        Protein.from_file(write_atoms(tmp_path / "labels.bcif", atoms))


def test_names_become_no_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inside").mkdir()
    protein = Protein(SEQUENCE, "../../outside\x00/etc")
    explorer = Explorer(protein, ToyModel("../model"), store="inside/scan.zarr")
    explorer.scan.start()
    explorer.scan.wait()
    explorer.to_html("inside/page.html", singles=False)
    explorer.scan.save("inside/saved.zarr")
    explorer.close()
    assert {path.name for path in tmp_path.iterdir()} == {"inside"}
    assert {p.name for p in (tmp_path / "inside").iterdir()} == {
        "scan.zarr",
        "page.html",
        "saved.zarr",
    }
    assert np.isfinite(explorer.scan.single.log_probabilities).all()
    assert re.search("outside", repr(protein))
