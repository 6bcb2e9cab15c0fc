"""ADAPTERS: each stage takes a record, calls `src` and returns what came out."""
