"""Keep instances as the records say: container specs, environment, liveness probes, repairs, one-off containers.

May import: ``world`` and the room notifying.
"""
