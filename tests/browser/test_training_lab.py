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


COMPARED = """
import plmwidgets as plm
page = plm.Explorer(plm.Protein.demo(), "demo", reference="potts-demo", cache=False)
page.selection.masked = {6, 20}
page
"""


def test_two_models_and_their_difference_follow_one_choice(notebook):
    book = notebook(COMPARED)
    book.run_all()
    names = ("sequence_strip", "distributions", "pair_heatmap", "structure_view")
    views = {name: book.wait_for_view(name) for name in names}
    for panel in (0, 1):
        start = book.wait_for_view("scan_panel", panel).get_by_role("button", name="Start")
        start.click()
    done = "[str(one.progress.status) for one in (page.scan, page.reference_scan)]"
    book.wait_until(lambda: book.python(done) == ["finished", "finished"])
    strip, profile = views["sequence_strip"], views["distributions"]
    choice = strip.get_by_label("Whose numbers colour the residues")
    whole = profile.get_by_label("Whose probabilities the whole protein is drawn of")
    slider = views["pair_heatmap"].get_by_label("Model above the diagonal")
    assert choice.locator("option").all_text_contents() == [
        "potts-demo",
        "demo",
        "demo − potts-demo",
    ]

    def all_show(name):
        book.wait_until(lambda: choice.input_value() == whole.input_value() == name)
        book.wait_until(lambda: slider.get_attribute("aria-valuetext") == name)
        book.wait_until(lambda: profile.get_attribute("data-shown") == name)
        ramp = strip.locator(".plm-ramp")
        book.wait_until(lambda: ramp.get_attribute("title") == f"Perplexity now, {name}")
        book.wait_until(views["structure_view"].get_by_text(f"now, {name}").is_visible)

    all_show("demo")
    choice.select_option("potts-demo")
    all_show("potts-demo")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    all_show("demo − potts-demo")
    legend = profile.get_by_text("difference of probabilities")
    book.wait_until(legend.is_visible)
    book.screenshot("two-models", book.page.locator(".jp-OutputArea-output").last)
    whole.focus()
    whole.press("ArrowUp")
    all_show("demo")
    book.wait_until(lambda: not legend.is_visible())
    assert not book.page.locator(".plm-error").filter(visible=True).count()
