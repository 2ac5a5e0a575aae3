"""``plmwidgets scan`` as a batch job runs it: a real process, real signals."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from plmwidgets.cli import main
from plmwidgets.cli.records import part_of, records_of, safe_names
from plmwidgets.protein import Protein
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.start import scan_pairs

DEMO = Protein.demo().sequence
OTHERS = (DEMO[::-1], DEMO[20:] + DEMO[:20])


@pytest.fixture
def fasta(tmp_path):
    file = tmp_path / "three.fasta"
    sequences = enumerate((DEMO, *OTHERS))
    file.write_text("".join(f">p{i} of three\n{s}\n" for i, s in sequences))
    return file


def command(*arguments):
    return [sys.executable, "-m", "plmwidgets", *map(str, arguments)]


def chunks(store):
    return list((store / "pairs" / "c").rglob("[0-9]*/0/0")) if store.exists() else []


def same_as_python(store, sequence):
    """Check a store against a scan of the same from Python, bit for bit."""
    expected = scan_pairs(sequence, "demo")
    expected.wait(60)
    found = PairScan.load(store)
    assert found.pairs_computed == found.pairs_total
    np.testing.assert_array_equal(found.log_probabilities, expected.log_probabilities)
    np.testing.assert_array_equal(found.single.log_probabilities, expected.single.log_probabilities)


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_it_cleanly_and_the_same_command_goes_on(
    fasta, tmp_path, capfd, sent, status
):
    folder = tmp_path / "scans"
    arguments = ("scan", fasta, "--model", "demo", "--store", folder)
    process = subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    deadline = time.monotonic() + 60
    while not chunks(folder / "p0.zarr"):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(sent)
    told = process.communicate(timeout=60)[0]
    assert process.returncode == status, told
    assert "the same command goes on" in told and "Traceback" not in told
    kept = PairScan.load(folder / "p0.zarr")
    assert 0 < kept.pairs_computed < kept.pairs_total
    assert "p0: stopped at about" in told and "of 2,016 pairs" in told
    assert not (folder / "p1.zarr").exists()

    assert main([str(argument) for argument in arguments]) == 0
    told = capfd.readouterr().out
    assert f"p0: going on from {kept.pairs_computed:,} of 2,016 pairs" in told
    same_as_python(folder / "p0.zarr", DEMO)
    assert main([str(argument) for argument in arguments]) == 0
    assert capfd.readouterr().out.count("complete already") == 3


def test_a_second_signal_quits_at_once():
    code = (
        "import os, signal; from plmwidgets.cli.watch import Stop\n"
        "with Stop() as stop:\n"
        "    os.kill(os.getpid(), signal.SIGINT); print(stop.signal, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGTERM); print('still there')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (143, "2\n")


def test_handlers_are_put_back(fasta, tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    main(["scan", str(fasta), "--model", "demo", "--store", str(tmp_path / "s"), "--record", "p0"])
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_log_gets_lines(fasta, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("plmwidgets.cli.watch.LOG_SECONDS", 0.0)
    store = str(tmp_path / "s")
    assert main(["scan", str(fasta), "--model", "demo", "--store", store, "--record", "p1"]) == 0
    told = capfd.readouterr().err
    assert "p1: running: " in told and "of 2,016 pairs" in told
    assert "|" not in told


def test_a_terminal_gets_a_bar(fasta, tmp_path):
    pty = pytest.importorskip("pty")
    termios = pytest.importorskip("termios")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    process = subprocess.Popen(
        command("scan", fasta, "--model", "demo", "--store", tmp_path / "s", "--record", "p1"),
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    told = b""
    try:
        while part := os.read(ours, 1000):
            told += part
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0
    assert b"p1: 100%|" in told


def test_one_protein_goes_into_the_store_itself(fasta, tmp_path, capsys):
    store = tmp_path / "one.zarr"
    arguments = ["scan", str(fasta), "--model", "demo", "--record", "p1", "--positions", "3-9, 30"]
    assert main([*arguments, "--store", str(store)]) == 0
    scan = PairScan.load(store)
    assert (scan.protein.sequence, scan.protein.name) == (OTHERS[0], "p1")
    assert scan.pairs_total == scan.pairs_computed == 28
    told = capsys.readouterr().out
    assert "finished: 28 of 28 pairs" in told
    assert f"plmwidgets.PairScan.load({str(store)!r})" in told


def test_a_protein_that_fails_is_reported_and_the_others_go_on(tmp_path, capsys):
    file = tmp_path / "mixed.fasta"
    file.write_text(f">bad\nMKT1AY\n>good\n{DEMO[:12]}\n>long\n{DEMO * 40}\n")
    folder = tmp_path / "scans"
    assert main(["scan", str(file), "--model", "demo", "--store", str(folder)]) == 1
    told = capsys.readouterr()
    assert "bad: the sequence holds '1'" in told.err
    assert "long: demo takes at most" in told.err and "scan_windows" in told.err
    assert "2 of 3 proteins failed: bad, long" in told.err
    assert [path.name for path in folder.iterdir()] == ["good.zarr"]
    assert PairScan.load(folder / "good.zarr").pairs_computed == 66


def test_long_proteins_are_cut_into_windows_on_request(tiny_esm1b, tmp_path, capsys):
    from plmwidgets.scan.windows import scan_windows

    file = tmp_path / "long.fasta"
    file.write_text(f">long\n{(DEMO * 3)[:140]}\n")
    arguments = ["scan", str(file), "--model", str(tiny_esm1b), "--method", "superposed"]
    assert main([*arguments, "--windows", "--store", str(tmp_path / "w")]) == 0
    assert sorted(path.name for path in (tmp_path / "w").iterdir()) == ["1-128.zarr", "13-140.zarr"]
    opened = scan_windows((DEMO * 3)[:140], str(tiny_esm1b), tmp_path / "w", method="superposed")
    assert all(scan.progress.done == scan.progress.total for scan in opened.scans)


def test_a_plan_scans_nothing(fasta, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["scan", str(fasta), "--model", "demo", "--plan", "--part", "1/3"]) == 0
    told = capsys.readouterr().out
    assert "p0:\nexact scan of 'p0': 64 residues, 2,016 pairs" in told
    assert "time    about" in told and "p1" not in told
    assert os.listdir(tmp_path) == [fasta.name]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("--record", "p9"), "no entry named 'p9'"),
        (("--part", "4/3"), "is no share"),
        (("--chain", "A"), "chain= is for structures"),
        (("--device", "abacus"), "abacus"),
    ],
)
def test_it_explains_what_is_wrong(fasta, tmp_path, capsys, arguments, match):
    store = str(tmp_path / "s")
    assert main(["scan", str(fasta), "--model", "demo", "--store", store, *arguments]) == 1
    assert match in capsys.readouterr().err


# Records


def test_names_are_safe_and_distinct_whatever_a_file_says():
    names = ["../../etc/passwd", "a/b", "A_b", "", "...", "sp|P02699|X", "\x1b[31mred", "é" * 9]
    safe = safe_names([*names, "x" * 300, "x" * 300, "a_b.2"])
    assert safe == [
        *("etc_passwd", "a_b", "A_b.2", "protein", "protein.2", "sp_P02699_X", "31mred"),
        *("protein.3", "x" * 80, "x" * 80 + ".2", "a_b.2.2"),
    ]


def test_parts_are_disjoint_and_complete(tmp_path):
    file = tmp_path / "ten.fasta"
    file.write_text("".join(f">p{i}\nMKTAY\n" for i in range(10)))
    records = records_of(file, None, None)
    parts = [[record.name for record in part_of(records, f"{k}/4")] for k in range(1, 5)]
    assert parts[0] == ["p0", "p4", "p8"]
    assert sorted(name for part in parts for name in part) == [record.name for record in records]
    assert part_of(records, "11/12") == []
