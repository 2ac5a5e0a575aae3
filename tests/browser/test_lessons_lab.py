"""The lesson on corruption, and a round of the quiz, in JupyterLab."""

PAGE = """
import plmwidgets as plm
lesson = plm.CorruptionLesson(plm.Protein.demo(), "demo", seed=4)
lesson
"""
QUIZ = """
quiz = plm.ResidueQuiz(plm.Protein.demo(), ["demo", "potts-demo"], [11, 30], players=["Ada", "Max"])
quiz
"""


def test_a_lesson_is_given_and_a_round_is_played(notebook):
    book = notebook(PAGE, QUIZ)
    book.run_all()
    view = book.wait_for_view("corruption_view")
    quiz = book.wait_for_view("residue_quiz")
    book.wait_until(lambda: view.get_attribute("data-known") == "true")
    chosen = book.python("len(lesson.view.corruption.chosen)")
    assert view.get_attribute("data-chosen") == str(chosen)
    rate = view.get_by_label("Rate: share of residues")
    rate.focus()
    for percent in (16, 17, 18):
        book.page.keyboard.press("ArrowRight")
        book.wait_until(lambda p=percent: abs(book.python("lesson.view.rate") - p / 100) < 1e-9)
    before = view.get_attribute("data-seed")
    view.get_by_role("button", name="Draw again").click()
    book.wait_until(lambda: view.get_attribute("data-seed") != before)
    view.get_by_role("button", name="Average 200 draws").click()
    book.wait_until(lambda: view.get_attribute("data-done") == "200")
    loss = book.python("float(lesson.view.averaged.by_fate().loc['masked', 'loss'])")
    assert f"{loss:.2f}" in view.get_by_role("row", name="masked").inner_text()
    assert book.python("lesson.distributions.to_pandas().shape") == [64, 20]
    book.screenshot("corruption", book.page.locator(".jp-OutputArea-output").first)

    letter = book.python("quiz.protein.sequence[11]")
    cells = quiz.locator(".quiz-sequence .strip-cell")
    assert cells.nth(11).inner_text() == cells.nth(30).inner_text() == "?"
    quiz.get_by_role("group", name="Votes:").focus()
    book.page.keyboard.press(letter.lower())
    book.wait_until(lambda: book.python("sum(quiz.votes[0])") == 1)
    book.page.keyboard.press("2")
    book.wait_until(lambda: book.python("quiz.player") == 1)
    book.page.keyboard.press("g")
    book.wait_until(lambda: book.python("sum(quiz.votes[1])") == 1)
    book.page.keyboard.press("Enter")
    book.wait_until(lambda: quiz.get_attribute("data-revealed") == "true")
    assert (cells.nth(11).inner_text(), cells.nth(30).inner_text()) == (letter, "?")
    said = quiz.get_by_role("status").filter(has_text="It is").inner_text()
    scores = book.python("quiz.to_pandas().set_index('name')['bits'].to_dict()")
    assert list(scores) == ["Ada", "Max", "Together", "demo", "potts-demo"]
    for name, bits in scores.items():
        assert f"{name} {'−' if bits < 0 else '+'}{abs(bits):.2f}" in said
    book.screenshot("residue_quiz", book.page.locator(".jp-OutputArea-output").last)
    quiz.get_by_role("button", name="Next round").click()
    book.wait_until(lambda: book.python("quiz.round") == 1)
    assert not book.page.locator(".plm-error").filter(visible=True).count()
