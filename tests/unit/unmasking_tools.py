"""A protein to hide residues of, and decodings of many seeds, for the tests of unmasking."""

from plmwidgets.methods.unmasking.decoding import Decoding
from plmwidgets.methods.unmasking.plan import plan_unmasking
from plmwidgets.methods.unmasking.run import UnmaskingRun
from plmwidgets.protein import Protein
from plmwidgets.service import service_for

PROTEIN = Protein("MKTAYIAKQRQISFVKSHFS", name="toy")
HIDDEN = tuple(range(2, 14))


def many(protein, model, masked, seeds, **options):
    decodings = [Decoding(plan_unmasking(protein, masked, seed=seed, **options)) for seed in seeds]
    run = UnmaskingRun(protein.name, decodings, service_for(model))
    run.start()
    run.wait(quiet=True)
    return decodings
