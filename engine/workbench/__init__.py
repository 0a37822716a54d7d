"""The face of the engine: everything that a page, a command or a notebook can ask for."""

from engine.workbench.workbench import Answer, CollectionCard, Hit, Query, Readiness, Receipt, Workbench

__all__ = ["Answer", "CollectionCard", "Hit", "Query", "Readiness", "Receipt", "Workbench"]
