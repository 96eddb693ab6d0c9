"""Schemes planted into a synthetic month: added concursos of which it is known what is wrong with them, and decoys.

`truth` says what an indicator should find and what it should not. The base month is the same with and without them; the
actors are their own: entities, units and suppliers that the base does not know, the standing ones met again month after month.

Not planted: what a source cannot say (an operator's list of barred suppliers, GT07) and what is about a whole market rather
than about somebody (R013, R019, R022, R029, R050, R051). Some need history: R025, R034, R038-P, R040, R048, R053, R055 and
R057 up to six months of it, GT06 seven, GT02 the six months before; R025 is judged among the busiest quarter of bidders only.
GT04 plants wrong NITs, which a check of the data may tell of as well.
"""

from guatecompras.demo.schemes.stages import SCHEMES, Scheme
from guatecompras.demo.schemes.tables import planted, truth

__all__ = ["SCHEMES", "Scheme", "planted", "truth"]
