"""The public interface of the engine for pages, commands and notebooks."""

from engine.workbench.workbench import Answer, CollectionCard, Hit, Query, Readiness, Receipt, Workbench

__all__ = ["Answer", "CollectionCard", "Hit", "Query", "Readiness", "Receipt", "Workbench"]
