"""What the keyboard reaches in a view, and what has no name: shared by the tests of access."""

# Every stop of the Tab key, in turn: its view, its place there, and whether a ring is around it.
FOCUSED = """() => {
  const host = document.activeElement;
  const node = host?.shadowRoot?.activeElement;
  if (!node) return null;
  const usable = [...host.shadowRoot.querySelectorAll("button, select, input, [tabindex]")];
  const ring = getComputedStyle(node);
  return {
    view: host.className.replace(/.*plmwidgets-/, ""), place: usable.indexOf(node),
    ring: ring.outlineStyle !== "none" && parseFloat(ring.outlineWidth) >= 2,
  };
}"""
USABLE = """host => [...host.shadowRoot.querySelectorAll("button, select, input, [tabindex]")]
  .map((node, place) => [node, place])
  .filter(([node]) => node.checkVisibility({ visibilityProperty: true }))
  .filter(([node]) => !node.disabled && node.tabIndex >= 0)
  .map(([node, place]) => [place, node.outerHTML.slice(0, 120)])"""
# The roles that people act on, or that say something, without the name that says what.
NAMELESS = """host => {
  const roles = "button, select, input, canvas, svg[role], [role=listbox], [role=progressbar]," +
    " [role=img], [role=group], [role=option], [tabindex]";
  const text = node => (node?.textContent ?? "").trim();
  const name = node =>
    node.getAttribute("aria-label") || text(node.labels?.[0]) ||
    (node.matches("button, [role=option]") ? text(node) : "") || "";
  return [...host.shadowRoot.querySelectorAll(roles)]
    .filter(node => node.checkVisibility() && !node.closest("[aria-hidden=true]"))
    .filter(node => !/[A-Za-z]/.test(name(node)))
    .map(node => node.outerHTML.slice(0, 120));
}"""


def walk_by_tab(page, *names):
    """Press Tab through all controls of views; each must show that it has the focus.

    Returns for each view the controls that there are, HTML by place, and the places reached.
    """
    wanted = {name: dict(page.locator(f".plmwidgets-{name}").evaluate(USABLE)) for name in names}
    reached = {name: set() for name in names}
    page.mouse.click(2, 2)
    for _ in range(sum(map(len, wanted.values())) + 2):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at:
            reached[at["view"]].add(at["place"])
            assert at["ring"], (at["view"], wanted[at["view"]][at["place"]])
    return {name: (wanted[name], reached[name]) for name in names}
