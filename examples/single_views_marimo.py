"""Single views in marimo, linked by hand: run it with `marimo run single_views_marimo.py`."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="full")


@app.cell
def _():
    import marimo as mo

    import plmwidgets as plm

    return mo, plm


@app.cell
def _(plm):
    # Views that are given the same selection follow each other.
    protein = plm.Protein.demo()
    selection = plm.Selection(protein)
    scan = plm.scan_pairs(protein, "demo")
    scan.wait()
    return protein, scan, selection


@app.cell
def _(mo, selection):
    # A state of marimo that follows the selection: cells that read it run again with every change.
    masked, set_masked = mo.state(selection.masked)
    selection.observe(lambda change: set_masked(change["new"]), "masked")
    return (masked,)


@app.cell
def _(mo, scan, selection):
    # A control of one's own that sets the selection.
    menu = mo.ui.dropdown(
        {
            f"{pair.label_i} and {pair.label_j}": (pair.position_i, pair.position_j)
            for pair in scan.top_pairs(10).itertuples()
        },
        label="Pair",
        on_change=lambda pair: pair and selection.select_pair(*pair),
    )
    menu
    return


@app.cell
def _(masked, mo, plm, protein):
    p = plm.predict(protein, "demo", masked=masked())
    best = [
        f"{protein.residue_label(i)}: {p.iloc[i].idxmax()} ({p.iloc[i].max():.2f})"
        for i in sorted(masked())
    ]
    mo.md("Most likely: " + (", ".join(best) or "mask a residue to see"))
    return


@app.cell
def _(mo, plm, protein, scan, selection):
    mo.vstack(
        [
            plm.SequenceStrip(protein, selection=selection),
            mo.hstack(
                [
                    plm.PairHeatmap(scan, selection=selection),
                    plm.Distributions(protein, "demo", selection=selection),
                ],
                widths="equal",
                gap=1,
            ),
        ],
        gap=1,
    )
    return


if __name__ == "__main__":
    app.run()
