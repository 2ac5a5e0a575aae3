"""The part of the gallery that is taken in JupyterLab: whole Explorers, the lesson and the quiz."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pages import Notebook, new_notebook
from playwright.sync_api import Browser, Page
from servers import Lab

WIDE, NARROW = (1600, 2700), (780, 3600)
DEMO = """
import plmwidgets as plm
explorer = plm.Explorer(plm.Protein.demo(), "demo")
explorer
"""
SLOW = """
import time
quick = explorer.model.log_probability_steps
def slow(contexts, *arguments):
    time.sleep(0.01 * len(contexts))
    return quick(contexts, *arguments)
explorer.model.log_probability_steps = slow
"""
# Nothing is on its way any more.
DRAWN = """() => [...document.querySelectorAll(".plmwidgets")].every(
  view => !view.shadowRoot.querySelector(".is-on, .is-stale, [aria-busy=true]"))"""
FAILING = """
def broken(contexts, *arguments):
    raise MemoryError("the model needs 40 GB, and 12 GB are free: close other notebooks")
explorer.model.log_probability_steps = broken
"""
ROOT = Path(__file__).parents[1]
LONG = f"""
import random
import sys
import tempfile
from pathlib import Path
sys.path[:0] = [{str(ROOT / "scripts" / "demo_family")!r}, {str(ROOT / "tests")!r}]
from checkpoints import build_esm2
from made_up import made_up_protein
import plmwidgets as plm
protein = made_up_protein("".join(random.Random(1).choices("ACDEFGHIKLMNPQRSTVWY", k=363)))
explorer = plm.Explorer(
    protein, str(build_esm2(Path(tempfile.mkdtemp()) / "untrained")), method="superposed"
)
explorer
"""
SHORT = """
import plmwidgets as plm
explorer = plm.Explorer("MKTAYIAKQR", "demo")
explorer
"""
LESSON = """
import plmwidgets as plm
lesson = plm.CorruptionLesson(plm.Protein.demo(), "demo", seed=4)
lesson
"""
QUIZ = """
quiz = plm.ResidueQuiz(plm.Protein.demo(), ["demo", "potts-demo"], [11, 30], players=["Ada", "Max"])
quiz
"""
EXPLORER_VIEWS = ("sequence_strip", "pair_heatmap", "structure_view", "joint_table")
Shoot = Callable[[str, Page], None]


class Desk:
    """Opens notebooks, with one Explorer each unless other views are named."""

    def __init__(self, browser: Browser, lab: Lab) -> None:
        self._browser, self._lab = browser, lab

    def open(
        self,
        *cells: str,
        size: tuple[int, int],
        dark: bool = False,
        views: tuple[str, ...] = EXPLORER_VIEWS,
    ) -> Notebook:
        """Run the cells, and wait for the views."""
        viewport: Any = {"width": size[0], "height": size[1]}
        page = self._browser.new_context(viewport=viewport).new_page()
        book = Notebook(self._lab, page, new_notebook(self._lab, list(cells))).open()
        theme = f"JupyterLab {'Dark' if dark else 'Light'}"
        page.evaluate(
            "theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", theme
        )
        page.evaluate("jupyterapp.shell.collapseLeft()")
        book.run_all()
        for view in views:
            book.wait_for_view(view)
        page.locator(".plmwidgets-distributions[data-context]").wait_for()
        return book

    def close(self, book: Notebook) -> None:
        """End the page and its kernel."""
        book.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        book.close()
        book.page.context.close()


def press(book: Notebook, name: str, status: str, seconds: int = 120) -> None:
    """Press a button of the scan panel, and wait for what comes of it."""
    panel = book.view("scan_panel")
    panel.get_by_role("button", name=name).click()
    book.wait_until(lambda: panel.get_attribute("data-status") == status, seconds)


def select_pair(book: Notebook) -> None:
    """Choose a pair, and wait for its table."""
    pair = "explorer.scan.top_pairs(1)[['position_i', 'position_j']].iloc[0].astype(int).to_list()"
    i, j = book.python(pair)
    book.python(f"explorer.selection.select_pair({i}, {j})")
    for view in ("joint_table", "structure_view"):
        book.page.locator(f".plmwidgets-{view}[data-pair='{i},{j}']").wait_for()
    book.page.locator(".structure-chip-pair", has_text="Å").wait_for()
    book.page.wait_for_function(DRAWN)


def lab_pictures(browser: Browser, shoot: Shoot) -> None:
    """Take the pictures of whole Explorers, of the lesson and of the quiz."""
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        try:
            desk = Desk(browser, lab)
            _one_protein(desk, shoot)
            for dark, size, name in ((False, NARROW, "light-narrow"), (True, WIDE, "dark-wide")):
                _lengths(desk, shoot, name, size, dark)
                _lessons(desk, shoot, name, size, dark)
        finally:
            lab.close()


def _one_protein(desk: Desk, shoot: Shoot) -> None:
    """Show the demo, from the first look to a kernel that is gone."""
    for dark, size, name in ((False, WIDE, "light-wide"), (True, NARROW, "dark-narrow")):
        book = desk.open(DEMO, SLOW, size=size, dark=dark)
        book.page.locator("[data-structure-ready]").wait_for()
        shoot(f"lab-{name}-no-scan", book.page)
        press(book, "Start", "running")
        book.wait_until(lambda book=book: book.python("explorer.scan.progress.done") > 300)
        shoot(f"lab-{name}-running", book.page)
        book.python("setattr(explorer.model, 'log_probability_steps', quick)")
        panel = book.view("scan_panel")
        book.wait_until(lambda panel=panel: panel.get_attribute("data-status") == "finished")
        select_pair(book)
        shoot(f"lab-{name}-finished", book.page)
        book.python("setattr(explorer, 'presenter', True)")
        book.page.locator(".plm-presenter").nth(5).wait_for()
        shoot(f"lab-{name}-presenter", book.page)
        book.python("setattr(explorer, 'presenter', False)")
        book.page.locator(".plm-presenter").first.wait_for(state="detached")
        book.restart_kernel()
        book.view("sequence_strip").locator('[data-position="20"]').click()
        book.view("sequence_strip").get_by_text("No answer").wait_for()
        shoot(f"lab-{name}-kernel-restarted", book.page)
        desk.close(book)


def _lengths(desk: Desk, shoot: Shoot, name: str, size: tuple[int, int], dark: bool) -> None:
    """Show a long protein with a structure, and a short one without whose scan fails."""
    book = desk.open(LONG, size=size, dark=dark)
    press(book, "Start", "finished", 200)
    select_pair(book)
    shoot(f"lab-{name}-L363-superposed", book.page)
    desk.close(book)
    book = desk.open(SHORT, FAILING, size=size, dark=dark)
    press(book, "Start", "failed")
    shoot(f"lab-{name}-L10-failed", book.page)
    desk.close(book)


def _lessons(desk: Desk, shoot: Shoot, name: str, size: tuple[int, int], dark: bool) -> None:
    """Show a training example and a round of the quiz, as they begin and as they end."""
    views = ("corruption_view", "residue_quiz")
    book = desk.open(LESSON, QUIZ, size=size, dark=dark, views=views)
    lesson, quiz = (book.view(view) for view in views)
    book.wait_until(lambda: lesson.get_attribute("data-known") == "true")
    shoot(f"lab-{name}-lessons-begin", book.page)
    lesson.get_by_role("button", name="Average 200 draws").click()
    book.wait_until(lambda: lesson.get_attribute("data-done") == "200")
    book.python("[quiz.vote('CCS', 'Ada'), quiz.vote('AG', 'Max'), quiz.reveal()]")
    book.wait_until(lambda: quiz.get_attribute("data-revealed") == "true")
    book.page.wait_for_function(DRAWN)
    shoot(f"lab-{name}-lessons-end", book.page)
    desk.close(book)
