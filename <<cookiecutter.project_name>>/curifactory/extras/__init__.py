"""Parts beyond the kernel, each imported by name where it is asked for."""
