"""The main gestures in the hosts that show notebooks; JupyterLab's own tests go further."""

from pathlib import Path

from gestures import check_bars_here, click_residue, main_gestures, positions, predicted
from pages import new_notebook
from servers import Marimo, Notebook7, Voila

import plmwidgets as plm

EXAMPLE = Path(__file__).parents[2] / "examples" / "single_views_marimo.py"

EXPLORER = """
import plmwidgets as plm

explorer = plm.Explorer(plm.Protein.demo(), "demo")
explorer
"""
APP = """
import marimo

app = marimo.App(width="full")


@app.cell
def _():
    import plmwidgets as plm

    explorer = plm.Explorer(plm.Protein.demo(), "demo")
    explorer
    return


if __name__ == "__main__":
    app.run()
"""


# Pages, and a view that none but it has.
PAGES = {
    "JacobianExplorer(plm.jacobian(protein, 'demo'))": "jacobian_table",
    "AttentionExplorer(protein, 'demo')": "attention_grid",
    "MutationExplorer(protein, 'demo')": "mutation_heatmap",
    "RecoveryExplorer(protein, 'demo')": "recovery_view",
    "CorruptionLesson(protein, 'demo')": "corruption_view",
    "ResidueQuiz(protein, 'demo')": "residue_quiz",
    "EmbeddingExplorer(protein, 'demo')": "embedding_plot",
    "ContactComparison(evaluation)": "pair_table",
    "UnmaskingExplorer(plm.unmask(protein, 'demo', '5-20'))": "unmasking_player",
}
PAGES_APP = """
import marimo

app = marimo.App(width="full")


@app.cell
def _():
    import plmwidgets as plm

    protein = plm.Protein.demo()
    maps = {"js": plm.scan_pairs(protein, "demo"), "Jacobian": plm.jacobian(protein, "demo")}
    for one in maps.values():
        one.wait()
    evaluation = plm.evaluate_contacts(protein, maps)
    return evaluation, plm, protein
"""
WRAPPED_APP = """
import marimo

app = marimo.App(width="full")


@app.cell
def _():
    import marimo as mo
    import plmwidgets as plm

    strip = mo.ui.anywidget(plm.SequenceStrip(plm.Protein.demo()))
    strip
    return mo, strip


@app.cell
def _(mo, strip):
    mo.md(f"Masked: {strip.value['selection_state']['masked']}")
    return
"""
PAGE_CELL = """

@app.cell
def _(evaluation, plm, protein):
    plm.%s
    return
"""


def test_notebook_7(serve, host_page):
    server = serve(Notebook7)
    # while it loads its settings, also with an empty notebook (7.6.5)
    host_page.own_errors = ("Cannot read properties of undefined (reading 'schema')",)
    page = host_page.page
    page.goto(server.address(new_notebook(server, [EXPLORER])))
    page.wait_for_function(
        """() => {
            const panel = window.jupyterapp?.shell.currentWidget;
            return panel?.sessionContext?.session?.kernel?.status === 'idle';
        }""",
        timeout=60_000,
    )
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    main_gestures(host_page, "notebook-7")


def test_voila(serve, host_page):
    server = serve(Voila)
    # it loads this extension of Notebook 7, which does not fit it, for a plain button too (0.5.13)
    host_page.own_errors = ("@jupyter-notebook/lab-extension",)
    host_page.page.goto(server.address(new_notebook(server, [EXPLORER])), timeout=60_000)
    main_gestures(host_page, "voila")


def test_marimo(serve, host_page, tmp_path):
    app = tmp_path / "app.py"
    app.write_text(APP)
    host_page.page.goto(serve(Marimo, app).address())
    main_gestures(host_page, "marimo")


def test_a_cell_of_marimo_that_reads_a_view_runs_again_with_its_selection(
    serve, host_page, tmp_path
):
    app = tmp_path / "app.py"
    app.write_text(WRAPPED_APP)
    page = host_page.page
    page.goto(serve(Marimo, app).address())
    host_page.wait_for_view("sequence_strip")
    page.get_by_text("Masked: []").wait_for()
    click_residue(host_page, 20)
    page.get_by_text("Masked: [20]").wait_for()
    click_residue(host_page, 5)
    page.get_by_text("Masked: [5, 20]").wait_for()
    host_page.page.keyboard.press("Control+z")
    host_page.wait_until(lambda: positions(host_page.view("sequence_strip")) == [20])


def test_all_pages_in_marimo(serve, host_page, tmp_path):
    app = tmp_path / "app.py"
    app.write_text(PAGES_APP + "".join(PAGE_CELL % page for page in PAGES))
    host_page.page.goto(serve(Marimo, app).address())
    for name in PAGES.values():
        host_page.wait_for_view(name)
    host_page.page.set_viewport_size(
        {"width": 1400, "height": 6000}
    )  # marimo's page scrolls itself
    host_page.screenshot("marimo-pages")


def test_the_marimo_example(serve, host_page):
    page = host_page.page
    page.goto(serve(Marimo, EXAMPLE).address())
    for name in ("sequence_strip", "pair_heatmap", "distributions"):
        host_page.wait_for_view(name)
    protein = plm.Protein.demo()
    # a cell of marimo runs again when a view changes the selection
    click_residue(host_page, 20)
    check_bars_here(host_page, [20])
    p = predicted((20,)).iloc[20]
    page.get_by_text(f"{protein.residue_label(20)}: {p.idxmax()} ({p.max():.2f})").wait_for()
    # and a control of marimo changes what the views show
    scan = plm.scan_pairs(protein, "demo")
    scan.wait()
    best = scan.top_pairs(2).iloc[1]
    page.get_by_label("Pair", exact=True).select_option(f"{best.label_i} and {best.label_j}")
    pair = [best.position_i, best.position_j]
    check_bars_here(host_page, pair)
    heatmap = host_page.view("pair_heatmap")
    host_page.wait_until(lambda: positions(heatmap, "data-pair") == pair)
    host_page.screenshot("marimo-example")
