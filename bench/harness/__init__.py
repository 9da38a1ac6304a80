"""The benchmark harness: its own PostgreSQL, contenders interleaved in one run, a table, JSON and charts.

Python's standard library only. Method: docs/performance.md.
"""
