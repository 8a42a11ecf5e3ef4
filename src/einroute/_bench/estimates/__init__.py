"""What routes are told to take beside what they took.

``python -m einroute bench --estimates`` shows it, and a calibration is fitted to it. `samples` measures,
`report` tells.
"""
