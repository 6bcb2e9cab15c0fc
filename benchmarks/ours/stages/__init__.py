"""The stages of the workload."""
