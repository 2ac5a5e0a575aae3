"""Two notebooks in one JupyterLab that share one model on Ray."""

from gestures import button, wait_for_status
from serving import Serve

CELL = """
import plmwidgets as plm
model = plm.load_model("demo", backend="ray")
explorer = plm.Explorer(plm.Protein.demo(), model)
explorer
"""
LOADED = "[m for m in __import__('sys').modules if m == 'plmwidgets.models.pretrained']"


def test_two_notebooks_share_a_model(own_ray, tmp_path, notebook):
    served = Serve(tmp_path, "--model", "demo", "--cpus", "1")
    try:
        served.wait_for("Ctrl-C ends it")
        # The server of the notebooks may be older than this cluster.
        cell = f"import os\nos.environ.update({own_ray!r})\n{CELL}"
        books = [notebook(cell, name=f"{name}.ipynb") for name in ("one", "other")]
        for book in books:
            book.run_all()
        for book in books:
            book.wait_for_view("distributions")
            book.wait_until(lambda book=book: book.python("explorer.live.prediction is not None"))
        # One scans, and the other is answered meanwhile.
        button(books[0], "Start").click()
        books[1].python("setattr(explorer.selection, 'masked', {3, 9})")
        books[1].wait_until(
            lambda: books[1].python("list(explorer.live.prediction.context.masked) == [3, 9]")
        )
        wait_for_status(books[0], "finished")
        for book in books:
            assert book.python(LOADED) == [], "a notebook loaded the model itself"
            book.screenshot(f"shared-{book.name}")
        assert len(served.actors("Replica")) == 1
    finally:
        served.end()
