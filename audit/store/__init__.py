"""Runs on disk: staged, sealed by one rename, verified, listed; and the cache of measured blocks. No torch, no pickle."""

from __future__ import annotations

from audit.store.cache import BlockCache
from audit.store.digests import digest
from audit.store.index import RunSummary
from audit.store.run_store import RunStore
from audit.store.staging import Stage
from audit.store.verification import Problem, Verification

__all__ = ["BlockCache", "Problem", "RunStore", "RunSummary", "Stage", "Verification", "digest"]
