"""A sequence whose name in its file is made to run scripts, in JupyterLab: it stays a name."""

from playwright.sync_api import expect

NAME = "<img/src=x/onerror=window.hacked=1></script><script>window.hacked=1</script>"
READ = f"""
from pathlib import Path
import plmwidgets as plm
from plmwidgets import charts
Path("hostile.fasta").write_text(">" + {NAME!r} + chr(10) + plm.Protein.demo().sequence)
protein = plm.Protein.from_file("hostile.fasta")
assert protein.name == {NAME!r}
explorer = plm.Explorer(protein, "demo")
explorer.scan.start()
explorer.scan.wait()
explorer
"""
CHART = """
from IPython.display import HTML
HTML(charts.perplexity_change_histogram(explorer.scan).to_html(inline=True))
"""
TABLE = "plm.compare(protein, {protein.name: explorer.model}).summary()"


def test_a_name_in_a_file_runs_nothing_in_a_notebook(notebook):
    book = notebook(READ, CHART, TABLE, "protein", "explorer.scan")
    book.run_all()
    for view in ("sequence_strip", "distributions", "pair_heatmap", "scan_panel"):
        book.wait_for_view(view)
    chart = book.page.locator(".vega-embed canvas, .vega-embed svg.marks")
    chart.first.wait_for(timeout=60_000)
    expect(
        book.page.locator(".jp-OutputArea-output").filter(has_text="onerror=")
    ).not_to_have_count(0)
    book.python("setattr(explorer.strip, 'error', protein.name)")
    expect(book.view("sequence_strip").get_by_role("alert")).to_have_text(NAME)
    assert book.page.evaluate("window.hacked") is None
    assert book.page.locator('img[src="x"]').count() == 0
