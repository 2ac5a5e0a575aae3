"""Reads mutated structure and sequence files in a process of limited memory; see --help.

Each file must give a protein or a ValueError in words, soon, and leave the process alive.
"""

import argparse
import collections
import faulthandler
import gzip
import json
import random
import re
import resource
import sys
import tempfile
import traceback
import warnings
from importlib import resources
from pathlib import Path

import msgpack
import nglview.datafiles
from biotite.structure.io.pdb import PDBFile
from biotite.structure.io.pdbx import BinaryCIFFile, CIFFile, compress, get_structure

from plmwidgets.protein import Protein

MEMORY = 3 * 2**30
SECONDS = 20
FASTA = b""">sp|P02699|OPSD_BOVIN Rhodopsin
MNGTEGPNFYVPFSNKTGVVRSPFEAPQYYLAEPWQFSMLAAYMFLLIMLGFPINFLTLYVTVQHKK
>second <b>entry</b>
MKTAYIAKQRQISFVKSHFSRQ
;a comment

>third
ACDEFGHIKLMNPQRSTVWYXBZUOJ
"""
TOKENS = [
    *(b"99999999999999999999", b"-2147483649", b"1e400", b"nan", b"inf", b"-", b"?", b".", b"''"),
    *(b"\x00", b"\xff\xfe", b"loop_", b"data_", b"#", b"_atom_site.id", b";", b"ATOM", b"HETATM"),
    *(b"TER", b"MODEL", b"ENDMDL", b"SEQRES", b"<html>", b"\r", b"\t", b"\xe2\x80\xa8", b">"),
    *(b"A" * 5000, b" " * 5000, b"9" * 5000, b"CA", b"N", b"0"),
]


def bases():
    """Real files, by ending."""
    cif = resources.files("plmwidgets").joinpath("demo", "fold.cif").read_bytes()
    read = CIFFile.deserialize(cif.decode())
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        packed = BinaryCIFFile.deserialize(
            BinaryCIFFile({"fold": _as_binary(read.block)}).serialize()
        )
        compress(packed).write(Path(folder) / "fold.bcif")
        bcif = (Path(folder) / "fold.bcif").read_bytes()
        pdb = PDBFile()
        pdb.set_structure(get_structure(read, model=1))
        pdb.write(Path(folder) / "fold.pdb")
        small = (Path(folder) / "fold.pdb").read_bytes()
    lines = Path(nglview.datafiles.PDB).read_bytes().splitlines(keepends=True)
    rhodopsin = b"SEQRES   1 A    3  MET ASN GLY\n" + b"".join(lines[:1500]) + b"TER\nEND\n"
    return {"cif": [cif], "bcif": [bcif], "pdb": [small, rhodopsin], "fasta": [FASTA]}


def _as_binary(block):
    from biotite.structure.io.pdbx import BinaryCIFBlock, BinaryCIFCategory

    return BinaryCIFBlock(
        {
            name: BinaryCIFCategory({key: column.as_array(str) for key, column in table.items()})
            for name, table in block.items()
        }
    )


def mutated(draw, content, kind):
    """Damage a file in one to four ways."""
    for _ in range(draw.choice([1, 1, 2, 4])):
        if kind == "bcif" and draw.random() < 0.8:
            content = _packed_otherwise(draw, content)
        else:
            content = draw.choices(WAYS, WEIGHTS)[0](draw, content)
    return content


def _flip(draw, content):
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, 5, 50])):
        if changed:
            changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def _cut(draw, content):
    ends = sorted(draw.randrange(len(content) + 1) for _ in range(2))
    return content[: ends[0]] if draw.random() < 0.5 else content[: ends[0]] + content[ends[1] :]


def _lines(draw, content):
    lines = content.splitlines(keepends=True)
    if not lines:
        return content
    start = draw.randrange(len(lines))
    some = lines[start : start + draw.choice([1, 10, 200])]
    where = draw.randrange(len(lines))
    lines[where:where] = some * draw.choice([1, 3])
    return b"".join(lines)


def _token(draw, content):
    parts = content.split(b" ")
    for _ in range(draw.choice([1, 3, 30])):
        parts[draw.randrange(len(parts))] = draw.choice(TOKENS)
    return b" ".join(parts)


def _insert(draw, content):
    where = draw.randrange(len(content) + 1)
    return content[:where] + draw.choice(TOKENS) + content[where:]


def _recode(draw, content):
    codec = draw.choice(["utf-16", "utf-32", "cp037", "utf-7"])
    return content.decode("latin-1").encode(codec, errors="replace")


def _number(draw, content):
    """Other digits, in the same columns where there is room."""
    found = [match.span() for match in re.finditer(rb"-?\d+(\.\d+)?", content)]
    for start, end in draw.sample(found, min(len(found), draw.choice([1, 3, 30]))):
        odd = draw.choice([b"9", b"-", b"0", b"1", b"7"]) * (end - start)
        content = content[:start] + odd + content[end:]
    return content


WAYS = (_flip, _cut, _lines, _token, _insert, _number, _recode)
WEIGHTS = (20, 10, 25, 15, 10, 25, 2)
ODD = [None, True, -1, 0, 1, 7, 2**31 - 1, 2**31, 2**40, 1.5, "", "x", [], {}, b"", b"\xff" * 9]


def _packed_otherwise(draw, content):
    """Change what a BinaryCIF file says, not how it is packed: sizes, types, encodings."""
    try:
        tree = msgpack.unpackb(content)
    except Exception:
        return content
    spots = []

    def walk(node):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            spots.append((node, key))
            if isinstance(node[key], dict | list):
                walk(node[key])

    if isinstance(tree, dict | list):
        walk(tree)
    sizes = [s for s in spots if s[1] in ("srcSize", "rowCount", "byteCount", "type", "kind")]
    for _ in range(draw.randint(1, 3)):
        node, key = draw.choice(sizes if sizes and draw.random() < 0.5 else spots or [({}, 0)])
        if isinstance(node, dict) and draw.random() < 0.2:
            node.pop(key, None)
        else:
            node[key] = draw.choice(ODD)
    return msgpack.packb(tree)


def read(path):
    """Read a file, and do with the protein what the views do first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        protein = Protein.from_file(path, entry=0 if "fasta" in path.name else None)
        repr(protein), protein.residue_labels, protein.parse_positions("")
        if protein.structure is not None:
            protein.structure.to_cif(), protein.contact_map(), protein.structure.b_factors


def main():
    """Print a JSON object: how many files of each kind were read, refused, and what failed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--count", type=int, default=200)
    options.add_argument("--keep", type=Path, help="folder for the files that fail")
    asked = options.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    draw = random.Random(asked.seed)
    known = bases()
    counts, failures = collections.Counter(), []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(asked.count):
            kind = draw.choice(list(known))
            content = mutated(draw, draw.choice(known[kind]), kind)
            path = Path(folder) / f"file.{kind}"
            if draw.random() < 0.15:
                content = gzip.compress(content, 1)
                content = draw.choice([lambda _, c: c, _flip, _cut])(draw, content)
                path = path.with_name(f"{path.name}.gz")
            path.write_bytes(content)
            faulthandler.dump_traceback_later(SECONDS, exit=True)
            try:
                read(path)
                counts[f"{kind} read"] += 1
            except ValueError as error:
                counts[f"{kind} refused{'' if str(error) else ' without a word'}"] += 1
            except BaseException:
                failures.append(f"seed {asked.seed}, file {number}, {traceback.format_exc()}")
                if asked.keep:
                    (asked.keep / f"{asked.seed}-{number}-{path.name}").write_bytes(content)
            path.unlink()
        faulthandler.cancel_dump_traceback_later()
    json.dump({"counts": counts, "failures": failures}, sys.stdout)


if __name__ == "__main__":
    main()
