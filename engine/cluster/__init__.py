"""Where the parts of a distributed index live: in this process, or on the nodes of a Ray cluster.

Ray is never started or joined unasked. `$BENZER_RAY` asks for it: "local" starts one on this computer, anything else is
the address of a cluster to join ("auto" for the one this node belongs to). Without it parts live in this process.
"""

from __future__ import annotations

import os

from engine.cluster.ray_actors import RayActors
from engine.cluster.workers import Call, InThisProcess, Lost, Workers

__all__ = ["ASKED", "LOCAL", "Call", "InThisProcess", "Lost", "Workers", "workers"]

ASKED = "BENZER_RAY"
LOCAL = "local"


def workers() -> Workers:
    """Those that `$BENZER_RAY` asks for.

    Raises:
        MissingPackage: Ray is asked for and not installed. BenzerError: nothing answers at the address.
    """
    address = os.environ.get(ASKED, "")
    if not address:
        return InThisProcess()

    return RayActors(address)
