"""The experiments of the workload."""
