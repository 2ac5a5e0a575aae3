"""Finds what docstrings name in single backticks where Sphinx alone would not.

A name may leave out the module of what it means, as people do, or be a parameter. Anything else
that is not there stays a warning, which fails the build.
"""

import contextlib
import inspect
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.inspect import stringify_signature
from sphinx.util.nodes import make_refnode
from traitlets import HasTraits, TraitType

_parameters: set[str] = set()


def note_parameters(
    app: Sphinx, what: str, name: str, obj: Any, *rest: Any
) -> tuple[str, str] | None:
    """Remember the parameters of everything that is documented, and the attributes of classes.

    Returns the signature of a class that takes traits, which hides it behind ``*args, **kwargs``.
    """
    if not inspect.isclass(obj):
        with contextlib.suppress(TypeError, ValueError):  # has none, or cannot say
            _parameters.update(inspect.signature(obj).parameters)
        return None
    _parameters.update(word for word in dir(obj) if not word.startswith("_"))
    for cls in obj.__mro__:
        _parameters.update(getattr(cls, "__annotations__", {}))
    with contextlib.suppress(TypeError, ValueError):
        signature = inspect.signature(obj.__init__)
        _parameters.update(signature.parameters)
        if issubclass(obj, HasTraits):
            given = signature.replace(parameters=list(signature.parameters.values())[1:])
            return stringify_signature(given, False, False), ""
    return None


def leave_out(app: Sphinx, what: str, name: str, obj: Any, *rest: Any) -> bool | None:
    """Leave out what other packages' classes hand down, and what only the notebook calls."""
    if what != "class":
        return None
    function = obj.fget if isinstance(obj, property) else getattr(obj, "__func__", obj)
    home = getattr(function, "__module__", None) or ""
    ours = home.startswith("plmwidgets") and not isinstance(obj, TraitType)
    return None if ours and name != "set_state" else True


def find(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Element | None:
    """Link a name to the one documented object whose full name ends in it."""
    target = node.get("reftarget", "")
    if node.get("reftype") != "obj" or not target:
        return None
    objects = env.domains.python_domain.objects

    def link(name: str) -> nodes.Element | None:
        ending = "." + name.removeprefix("plmwidgets.")
        found = {entry.node_id: entry for full, entry in objects.items() if full.endswith(ending)}
        if len(found) != 1:
            return None
        (entry,) = found.values()
        return make_refnode(
            app.builder, node["refdoc"], entry.docname, entry.node_id, content, target
        )

    # An attribute that a class tells of in its text has no place of its own: its class has.
    owner, _, attribute = target.rpartition(".")
    at_owner = link(owner) if owner and attribute in _parameters else None
    # A class may be public in a package and documented where it is defined.
    elsewhere = link(attribute) if target.startswith("plmwidgets.") else None
    return link(target) or at_owner or elsewhere or (content if target in _parameters else None)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect them to Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-signature", note_parameters)
    app.connect("autodoc-skip-member", leave_out)
    app.connect("missing-reference", find)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
