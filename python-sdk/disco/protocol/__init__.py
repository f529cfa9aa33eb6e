"""The worker protocol 1.0, without any input or output: frames, messages, and the session of either end.

    frames    bytes <-> (NAME, payload bytes): splitting, limits, framing faults
    messages  every message of both ends as a typed value, and its frame
    parse     frames -> messages: names and payload shapes, checked
    session   the order of messages: one transition table, both roles
    errors    what can be wrong with what the other end sent, sorted by what to do about it

Every module is pure: bytes go in, values or bytes come out; reading, writing and clocks are the caller's.
"""
