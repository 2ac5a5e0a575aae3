"""A training in JupyterLab: its curve grows while it runs, and its buttons hold it."""

PAGE = """
import plmwidgets as plm
from plmwidgets.alphabet import AMINO_ACIDS
family = plm.load_model("potts-demo")
rows = family.sample(64, seed=0, sweeps=5)
sequences = ["".join(AMINO_ACIDS[k] for k in row) for row in rows]
tuning = plm.fine_tune(
    "demo", sequences, evaluation=sequences[:4], steps=4000, batch=4, evaluate_every=10
)
plm.TrainingCurve(tuning)
"""


def test_the_curve_grows_and_the_training_is_held(notebook):
    book = notebook(PAGE)
    book.run_all()
    view = book.wait_for_view("training_curve")

    def points():
        return int(view.get_attribute("data-points") or 0)

    book.wait_until(lambda: points() > 5)
    few = points()
    book.wait_until(lambda: points() > few)
    assert view.locator("circle.held-out-dot").count() > 0
    view.get_by_role("button", name="Pause").click()
    book.wait_until(lambda: view.get_attribute("data-status") == "paused")
    book.wait_until(lambda: points() == book.python("tuning.progress.done"))
    held = points()
    view.get_by_role("button", name="Resume").click()
    book.wait_until(lambda: points() > held)
    view.get_by_role("button", name="Stop").click()
    book.wait_until(lambda: book.python("str(tuning.progress.status)") == "cancelled")
    assert not book.page.locator(".plm-error").filter(visible=True).count()
    book.screenshot("training", book.page.locator(".jp-OutputArea-output").last)
