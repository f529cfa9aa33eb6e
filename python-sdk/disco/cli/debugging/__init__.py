"""Looking for what is wrong with a job: its logs, what it waits for, and its tasks run here.

home          a job home on this machine, as a node makes one
conversation  Disco's end of the protocol with one worker, in any language
inside        a Python task in this process
phases        a whole job: maps, shuffle, reduces
replay        one task of a job of the master
terminal      what a worker is told so that a debugger in it reaches the terminal
"""
