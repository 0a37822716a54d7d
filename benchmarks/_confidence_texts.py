"""What docs/confidence.md says beside its tables."""

from __future__ import annotations

UNKNOWN_LABELS = """\
A label that was taken out is unlike all that were calibrated with, so the 5 % of *similar* need not hold for it: what
lies next to it may be nearer than what lies next to most labels. Below, the subcategories one by one: of flip-flops
and sandals, which lie beside each other, half are told *similar* without any of their own. Without labels the bounds
are about groups of vectors; of labels that nobody gave they promise nothing.

"""
BETWEEN = """\
*Nothing similar here* is bounded between labels, *similar* is not: the bound would cost more than it brings
(`python -m benchmarks.similar_limits`). Below it is held so that the mean over labels of wrong verdicts, and the upper
bound of that mean by Student's t between labels (97.5 %), is at most 5 %. The mean alone changes next to nothing. Its
upper bound takes the subcategories of the products from 9 % to 5 %, for 15 of 77 % of the right verdicts; of the 25
labels, where the limit in use is wrong for 5 % already, it leaves none of them, and paintings and master categories
stay above 5 %. No bound from other labels can know better: with the flip-flops taken out, nothing is left that lies as
near to another label as they lay to the sandals.

"""
ABSENT = """\
Labels that look alike set a limit to *nothing similar here*: with the casual shoes taken out, other shoes are near, and
nothing in a distance says that they are not meant. Taken out as coarser kinds (the rows *subcategories* and *master
categories*), more of the same pictures are told so. Below are the shares beyond a limit that 5 % of the pictures with
similar ones exceed; what is learned is learned from other labels (`python -m benchmarks.absent_labels`). AUC is the
probability that a picture without similar ones has the higher score. Only the first is in use: most others need the
query's vector, and what was learned, with each search, and for the products all together tell little more than half.

The two ceilings know what no search does: which label the query has. With a limit of its own for each label the
distance would tell half of the products. What parts their labels is in the vectors, and a classifier that has seen the
label finds it; but in the distance it counts no more than what parts the pictures of one label, and which differences
matter to a label that was never seen, nothing says.

"""
HUBS = """
## Hubs and orphans

Every picture is the query once; counted is how often each is among the ten nearest of others, so that ten are expected.
*Skew* is that of these numbers. Local scaling (CSLS, ten neighbours) is compared over up to 1,000 labelled queries by a
paired test.

"""
HEAD = """# How far results can be trusted

Every search has nearest pictures, whether any of them is similar or not. Results are therefore *calibrated*: distances
are compared with those between pictures of the collection.

- **Nothing similar here**: the five nearest are farther, on average, than in at least 95 % of searches with a similar
  picture in the collection.
- **Similar**: they are nearer than in at least 95 % of searches without one, and as near as in at least 95 % with one.
- **Cannot tell**: neither. With an encoder that does not see what distinguishes the labels, this is the verdict on
  nearly everything. It is also given wherever one of the other two verdicts is not offered: each of them is offered
  only if at least one in five of the searches it is right for gets it. If searches with and without a similar picture
  are equally likely, at most one in five of the given verdicts is then wrong.
- **Surely the same**: the first result is as near as nearly all altered copies are to their originals, and fewer than
  0.05 pictures of the collection would be that near by chance.

The limits are tolerance limits (Wilks 1941), which hold for whatever distribution, and the one in five is a lower bound
of Clopper and Pearson (1934). Each has a confidence of 97.5 %, so that both bounds of a verdict hold together with 95 %
(Bonferroni), for each of the two verdicts by itself and for queries like those that were asked. *Nothing similar here*
is the worse error, and must not depend on the labels that happen to be known: its limit is moreover so far that the
upper bound of the mean over labels, by Student's t between labels, is at most 5 % as well (97.5 %, approximately, as
such shares are skewed). With few labels that is wide: of the animals, two are left without the one taken out. Of a
label that differs from the others more can be told so. Which pictures are *similar* is given by labels where most
pictures have one that others share, else by groups of their vectors, which are split for as long as their halves are
well separated. These may be finer than the labels a person would give; the limit of *similar* is then more cautious
than necessary. Nothing is chosen for a collection. The probability that a result has the query's label is an isotonic
regression on the results of up to 1,000 pictures, and chance the distribution of distances between random pairs, below
1 % extrapolated as a generalised Pareto distribution (Hill 1975).

What follows is measured on queries that are not part of their calibration. *Taken out*: of pictures whose label was
taken out of the collection, the shares of verdicts with their 95 % intervals over pictures. *There*: of pictures with
five and more of their label in the collection. *New*: the same, where the calibration was made without their label.
*Similar* includes *surely the same*. *Largest gap*: between the expected and the observed share of results with the
query's label, over ten groups of results.

"""
