"""The notebook command ``%plm``: ``%load_ext plmwidgets``, then ``%plm demo``."""

import os.path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from plmwidgets.models.masked_lm import ModelError
from plmwidgets.protein import Protein

if TYPE_CHECKING:
    from plmwidgets.widgets.explorer import Explorer


@magics_class
class PlmMagics(Magics):
    """The line magic ``%plm``."""

    @magic_arguments()
    @argument(
        "protein",
        nargs="?",
        default="demo",
        metavar="FILE|SEQUENCE|demo",
        help="a FASTA, PDB, mmCIF or BinaryCIF file, a sequence, or 'demo' (the default)",
    )
    @argument(
        "--model",
        default="demo",
        metavar="NAME",
        help="what load_model takes: a name such as esm2-8m, a folder, a hub id (default: demo)",
    )
    @argument("--chain", default=None, help="which chain of a structure file")
    @argument(
        "--store",
        default=None,
        metavar="FOLDER",
        help="folder or URL that keeps the pair scan (default: the cache)",
    )
    @line_magic
    def plm(self, line: str) -> "Explorer":
        """Open the Explorer on a protein and return it, as in ``explorer = %plm demo``."""
        from plmwidgets.widgets.explorer import Explorer

        options: Any = parse_argstring(self.plm, line)
        try:
            protein = _protein(options.protein, options.chain)
            store = None if options.store is None else _unquoted(options.store)
            return Explorer(protein, _unquoted(options.model), store=store)
        except (ModelError, OSError, RuntimeError, ValueError) as error:
            raise UsageError(str(error)) from None


def _protein(text: str, chain: str | None) -> Protein:
    text = _unquoted(text)
    if text == "demo":
        return Protein.demo()
    # os.path, as a long sequence is no valid name of a file and pathlib raises an error then.
    looks_like_a_file = any(sign in text for sign in "./\\") or os.path.isfile(text)
    return Protein.from_file(text, chain=chain) if looks_like_a_file else Protein(text)


def _unquoted(text: str) -> str:
    """Take the quotes off that IPython leaves around a path with blanks."""
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def load_ipython_extension(shell: Any) -> None:
    """Register ``%plm``; IPython calls it on ``%load_ext plmwidgets``."""
    shell.register_magics(PlmMagics)
