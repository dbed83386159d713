"""Faults: real processes, killed and frozen; real connections, cut and delayed. Loopback only, bounded in count and time."""
