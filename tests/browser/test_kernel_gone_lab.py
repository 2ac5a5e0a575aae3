"""Views whose kernel is gone say so, and do not look alive."""

from gestures import button, click_residue
from playwright.sync_api import expect

EXPLORER = """
import plmwidgets as plm
explorer = plm.Explorer(plm.Protein.demo(), "demo")
explorer
"""
VIEWS = (
    "sequence_strip", "scan_panel", "pair_heatmap", "structure_view", "distributions", "joint_table"
)  # fmt: skip


def open_explorer(notebook):
    book = notebook(EXPLORER)
    book.run_all()
    for name in VIEWS:
        book.wait_for_view(name)
    # that someone answers is seen while someone does
    click_residue(book, 5)
    book.wait_until(lambda: book.python("sorted(explorer.selection.masked)") == [5])
    return book


def test_every_view_tells_of_a_restarted_kernel_until_the_cell_runs_again(notebook):
    book = open_explorer(notebook)
    gone = book.page.locator(".plmwidgets[data-unanswered]")
    expect(gone).to_have_count(0)
    book.restart_kernel()
    expect(gone).to_have_count(len(VIEWS), timeout=30_000)
    told = book.page.locator(".plmwidgets .plm-unanswered", has_text="run the cell again")
    expect(told).to_have_count(1)  # all of them are dimmed, and one says why
    expect(told).to_be_visible()
    book.run_all()
    book.wait_until(lambda: book.python("'explorer' in globals()"), 60)
    for name in VIEWS:
        book.wait_for_view(name)
    click_residue(book, 9)
    book.wait_until(lambda: book.python("sorted(explorer.selection.masked)") == [9])
    expect(gone).to_have_count(0)


def test_a_click_tells_of_a_kernel_that_died(notebook):
    book = open_explorer(notebook)
    book.page.on("dialog", lambda dialog: dialog.dismiss())
    book.page.evaluate(
        "jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute("
        "{ code: 'import os; os._exit(1)', silent: true })"
    )
    told = book.page.locator(".jp-Dialog")
    told.get_by_role("button").last.click(timeout=30_000)
    button(book, "Start").click()
    told = book.page.locator(".plmwidgets .plm-unanswered", has_text="No answer from the kernel")
    expect(told).to_have_count(1, timeout=30_000)
    expect(told).to_be_visible()
    book.screenshot("kernel-died")
