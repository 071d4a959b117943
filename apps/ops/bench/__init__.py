"""Benchmarks: `manage.py bench NAME`, one module of this package each.

A module is a benchmark when it has a `BENCHMARK` (see `base`); its name is the
module's. Nothing else has to be edited to add one. Modules here are imported
before Django is set up, since a benchmark starts the servers that it measures.
"""
