"""circuit-atlas."""
