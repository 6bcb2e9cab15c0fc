"""What a process runs first that a stage has started: it imports this package."""
