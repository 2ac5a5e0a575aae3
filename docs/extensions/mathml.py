"""Formulas as MathML, which browsers draw themselves: pages need no script and no network."""

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)


def mathml(node: nodes.math | nodes.math_block, as_block: bool) -> str:
    """Return a formula as MathML; one that cannot be read is a warning, which fails the build."""
    try:
        text = str(tex2mathml(node.astext(), as_block=as_block))
    except MathError as error:
        logger.warning("cannot read the formula %r: %s", node.astext(), error, location=node)
        return ""
    for brace in "{}":  # those of sets; browsers would stretch them to the height of the line
        text = text.replace(f"<mo>{brace}</mo>", f'<mo stretchy="false">{brace}</mo>')
    return text


def inline(self: HTML5Translator, node: nodes.math) -> None:
    """Draw a formula within a line."""
    self.body.append(mathml(node, as_block=False))
    raise nodes.SkipNode


def block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Draw a formula in a line of its own, with its number where it has one."""
    self.body.append(self.starttag(node, "div", CLASS="formula"))
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(mathml(node, as_block=True))
    self.body.append("</div>")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of the renderer."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
