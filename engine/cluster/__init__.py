"""Where the parts of a distributed index live: in this process, or on the nodes of a Ray cluster.

Ray is used only if `$BENZER_RAY` is set: "local" starts it on this computer, any other value is the address of a
cluster to join ("auto" for this node's own cluster). Otherwise the parts live in this process.
"""

from __future__ import annotations

import os

from engine.cluster.ray_actors import RayActors
from engine.cluster.workers import Call, InThisProcess, Lost, Workers

__all__ = ["ASKED", "LOCAL", "Call", "InThisProcess", "Lost", "Workers", "workers"]

ASKED = "BENZER_RAY"
LOCAL = "local"


def workers() -> Workers:
    """The workers selected by `$BENZER_RAY`.

    Raises:
        MissingPackage: Ray is requested but not installed. BenzerError: nothing answers at the address.
    """
    address = os.environ.get(ASKED, "")
    if not address:
        return InThisProcess()

    return RayActors(address)
