"""The main gestures in the hosts that show notebooks; JupyterLab's own tests go further."""

from gestures import main_gestures
from pages import new_notebook
from servers import Marimo, Notebook7, Voila

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
