"""Maintenance of a store: bulk ingest, backup, verify, upgrade, and the doctor's checks."""
