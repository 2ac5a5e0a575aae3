"""The page of unmasking in JupyterLab."""

PAGE = """
import plmwidgets as plm
protein = plm.Protein.demo()
trace = plm.unmask(protein, "demo", range(0, 64, 2), "entropy", steps=6)
few = plm.compare_strategies(protein, "demo", range(0, 64, 2), strategies=["random"], seeds=5)
page = plm.UnmaskingExplorer(trace, comparison=few)
page
"""


def test_steps_and_forks_go_to_python_and_back(notebook):
    book = notebook(PAGE)
    book.run_all()
    view = book.wait_for_view("unmasking_player")
    book.wait_until(lambda: view.get_attribute("data-step") == "5")
    view.get_by_role("button", name="One step back").click()
    view.get_by_role("button", name="One step back").click()
    book.wait_until(lambda: book.python("page.player.step") == 3)
    shown = book.python("int(((trace.step_of >= 0) & (trace.step_of <= 3)).sum())")
    assert shown > 4
    view.get_by_label("Strategy of the fork").select_option("left-to-right")
    view.get_by_role("button", name="Fork before step 4").click()
    book.wait_until(lambda: view.get_attribute("data-lanes") == "2")
    assert book.python("page.player.traces[1].plan.strategy") == "left-to-right"
    assert book.python("page.player.traces[1].forked_at") == 4
    book.wait_until(lambda: book.python("not page.player.curves['running']"))
    book.wait_until(lambda: view.locator(".unmasking-curves circle").count() == 6)
    assert not book.page.locator(".plm-error").filter(visible=True).count()
    book.screenshot("unmasking", book.page.locator(".jp-OutputArea-output").last)
