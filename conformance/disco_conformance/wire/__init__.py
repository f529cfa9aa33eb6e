"""Bytes on the pipe: frames in and out, Disco's answers to input requests, and the transcript."""
