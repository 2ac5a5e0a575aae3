"""Makes the documentation site: `python scripts/build_docs.py [--run]`, or `make docs`.

The source that Sphinx reads is laid out as the repository is, in build/docs/source, so that links
between documents hold in both. Any warning fails the build: a link that leads nowhere is one.

With --run the notebooks are run, once for each state of the code, and their pages have outputs:
where a widget was, a frame with its recorded page.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import nbformat
from site_links import broken_links, outside, read_pages
from sphinx.pycode import ModuleAnalyzer

import plmwidgets
from plmwidgets.offline.notebook import WIDGET, body_of, run_notebook
from plmwidgets.offline.page import notebook_page_of

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "build" / "docs"
DOCUMENTS = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "benchmarks/RESULTS.md",
    "docs/*.md",
    "docs/*.png",
    "examples/**/*.ipynb",
    "examples/*.py",
]
TOPICS = {
    "protein": "Proteins",
    "models": "Models",
    "scan": "Predictions and scans",
    "methods.jacobian": "Categorical Jacobian",
    "methods.contacts": "Attention and contacts",
    "methods.recovery": "Recovery by unmasking",
    "methods.mutations": "Mutations",
    "methods.unmasking": "Unmasking",
    "methods.corruption": "Corruption",
    "methods.embeddings": "Embeddings",
    "methods.tuning": "Probes and fine-tuning",
    "methods.folding": "Folding",
    "comparison": "Comparison of models",
    "widgets": "Views and pages",
    "ipython": "In IPython",
}
MODULES = {
    "plmwidgets.metrics": "Metrics",
    "plmwidgets.charts": "Charts",
}
# What public functions take or give, and what a model of one's own is written against.
UNDERNEATH = {
    "plmwidgets.alphabet": ["AMINO_ACIDS"],
    "plmwidgets.cluster.remote_lm": ["RemoteMaskedLM"],
    "plmwidgets.methods.corruption.corruption": ["FATES", "RATE_DISTRIBUTIONS"],
    "plmwidgets.methods.mutations.deep_mutational_scan": ["DmsComparison"],
    "plmwidgets.methods.quiz": ["vote_distribution"],
    "plmwidgets.models.huggingface": ["HuggingFaceMaskedLM"],
    "plmwidgets.models.masked_lm": [],  # all classes
    "plmwidgets.models.potts": ["PottsModel"],
    "plmwidgets.scan.origin": ["Origin"],
    "plmwidgets.scan.tables": ["PAIR_COLUMNS"],
    "plmwidgets.structure.structure": ["Structure"],
}


def lay_out(source: Path) -> None:
    """Copy what the site is made of, and write the index of the API."""
    shutil.rmtree(source, ignore_errors=True)
    for pattern in DOCUMENTS:
        for path in sorted(ROOT.glob(pattern)):
            if not any(part.startswith(".") for part in path.relative_to(ROOT).parts):
                copy = source / path.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
    (source / "docs" / "index.md").rename(source / "index.md")  # the site's front page
    (source / "api").mkdir()
    (source / "api" / "index.rst").write_text(api_index(), encoding="utf-8")


def run_all(place: Path) -> None:
    """Put outputs into the notebooks that were laid out, and their views into pages."""
    pages, ran = place / "extra" / "pages", place / "ran"
    shutil.rmtree(pages, ignore_errors=True)
    for folder in (pages, ran):
        folder.mkdir(parents=True, exist_ok=True)
    code = hashlib.sha256()
    for path in sorted((ROOT / "src").rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            code.update(path.read_bytes())
    for notebook in sorted((place / "source" / "examples").rglob("*.ipynb")):
        state = code.copy()
        state.update(notebook.read_bytes())
        kept = ran / f"{notebook.stem}-{state.hexdigest()[:16]}.json"
        if not kept.exists():
            print(f"running {notebook.name}", flush=True)
            cells, parts = run_notebook(notebook)
            kept.write_text(json.dumps([cells, parts]), encoding="utf-8")
        cells, parts = json.loads(kept.read_text(encoding="utf-8"))
        depth = len(notebook.relative_to(place / "source").parts) - 1
        _fill(nbformat.from_dict(cells), parts, notebook, pages, "../" * depth + "pages")


def _fill(
    cells: nbformat.NotebookNode, parts: dict, notebook: Path, pages: Path, address: str
) -> None:
    """Write the notebook with frames where its widgets were, and the pages in the frames."""
    name = notebook.stem
    number = {model_id: k for k, model_id in enumerate(parts)}
    whole = body_of(cells, number, list(parts.values()))
    (pages / f"{name}.html").write_text(notebook_page_of(name, whole, list(parts.values())))
    for model_id, k in number.items():
        body = '<article><div data-part="0"></div></article>'
        page = notebook_page_of(f"{name}, {k}", body, [parts[model_id]])
        (pages / f"{name}-{k}.html").write_text(page)
    for cell in cells.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            model_id = data.pop(WIDGET, {}).get("model_id")
            if model_id in number:
                source = f"{address}/{name}-{number[model_id]}.html"
                data["text/html"] = (
                    f'<iframe class="views" src="{source}" title="Views, as recorded"></iframe>'
                )
    cells.cells.insert(
        1,
        nbformat.v4.new_markdown_cell(
            f'<a href="{address}/{name}.html">This notebook as a page of its own</a>, which needs '
            "no network: save it, and open it anywhere."
        ),
    )
    cells.metadata.pop("widgets", None)
    nbformat.write(cells, notebook)


def api_index() -> str:
    """List every public name: those of the package by topic, then metrics and charts."""
    parts = [
        _title("API", "="),
        "Everything below is in ``plmwidgets`` unless a heading names a module.",
    ]
    names: dict[str, list[str]] = {folder: [] for folder in TOPICS}
    for name, home in plmwidgets._HOMES.items():
        names[_topic(home)].append(name)
    for folder, title in TOPICS.items():
        parts += [_title(title, "-"), _tables("plmwidgets", names[folder])]
    for module, title in MODULES.items():
        names = import_module(module).__all__
        parts += [
            _title(f"{title}: ``{module}``", "-"),
            f".. automodule:: {module}",
            _tables(module, names),
        ]
    parts.append(_title("Underneath", "-"))
    parts += [_tables(module, names or _classes(module)) for module, names in UNDERNEATH.items()]
    return "\n\n".join(parts) + "\n"


def _topic(home: str) -> str:
    for folder in TOPICS:
        if f"{home}.".startswith(f"{folder}."):
            return folder
    raise SystemExit(f"name the topic of {home} in {Path(__file__).name}")


def _classes(module: str) -> list[str]:
    """Name a module's own classes, but for those that are public at the top already."""
    return [
        name
        for name, value in vars(import_module(module)).items()
        if isinstance(value, type)
        and value.__module__ == module
        and not name.startswith("_")
        and name not in plmwidgets._HOMES
    ]


def _title(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}"


def _tables(module: str, names: list[str]) -> str:
    """Functions, then classes: in folders, as a name may differ from another in case alone."""
    found = {name: getattr(import_module(module), name) for name in names}
    classes = sorted(name for name, value in found.items() if isinstance(value, type))
    functions = sorted(
        name for name, value in found.items() if callable(value) and name not in classes
    )
    tables = [
        f".. autosummary::\n   :toctree: {kind}\n   :nosignatures:\n   :template: {kind}.rst\n\n"
        + "\n".join(f"   {name}" for name in some)
        for kind, some in (("function", functions), ("class", classes))
        if some
    ]
    tables += [_constant(module, name) for name in sorted(set(found) - {*classes, *functions})]
    return f".. currentmodule:: {module}\n\n" + "\n\n".join(tables)


def _constant(module: str, name: str) -> str:
    """Say what a constant is: its text is in the module that sets it, not where it is public."""
    for home in [known for known in sys.modules if known.startswith(module)]:
        lines = ModuleAnalyzer.for_module(home).find_attr_docs().get(("", name))
        if lines:
            text = "\n".join(f"   {line}".rstrip() for line in lines)
            return f".. py:data:: {name}\n\n{text}"
    raise SystemExit(f"{module}.{name} is public and has no docstring")


def build(place: Path, builder: str, strict: bool = True) -> int:
    """Run Sphinx over what was laid out; returns its exit status."""
    command = [sys.executable, "-m", "sphinx", "-b", builder, "-q", "-c", str(ROOT / "docs")]
    command += ["-D", f"html_extra_path={place / 'extra'}"]
    command += ["-d", str(place / "doctrees"), str(place / "source"), str(place / builder)]
    if strict:
        command += ["-W", "--keep-going"]
    return subprocess.run(command, check=False).returncode


def main() -> int:
    """Build the site, or check the links that leave it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", type=Path, default=PLACE, help="folder (default: build/docs)")
    parser.add_argument("--run", action="store_true", help="run the notebooks: some minutes")
    parser.add_argument("--linkcheck", action="store_true", help="ask for every link outside")
    options = parser.parse_args()
    place = options.place.resolve()
    lay_out(place / "source")
    shutil.rmtree(place / "extra", ignore_errors=True)
    (place / "extra").mkdir()
    if options.run:
        run_all(place)
    status = build(place, "linkcheck" if options.linkcheck else "html")
    if status == 0 and not options.linkcheck:
        pages = read_pages(place / "html")
        wrong = [*broken_links(pages), *outside(pages)]
        if wrong:
            print("\n".join(wrong), file=sys.stderr)
            return 1
        print(f"Open {place / 'html' / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
