"""Measuring the machine: `calibrate`, the constants (`rates`), how far routes' estimates are off (`fits`)."""
