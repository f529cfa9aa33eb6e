"""The other side: a master under test, its worker played by us.

A master is started through an adapter, a command that is handed the path of a job pack, runs that job, and
prints its outcome as one JSON object. The worker in the pack is a relay, which hands its pipes over to the
player in this process.
"""
