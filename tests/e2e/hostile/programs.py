"""Job programs that do what they should not. Each says how it must end:

`ends` is "ready" or "dead"; `says` are pieces of the error's text; `gives` are the results. The line that
the error must show, where it can, is marked `# here`. They are plain jobs: nothing here knows of the tests.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, ClassVar

from disco.core import Job


class Program(Job):
    """The base: one map task with the entry b"x", and no second try."""

    scheduler: ClassVar = {"max_failures": 1}
    input: ClassVar = ["raw://x"]
    ends = "dead"
    says: tuple[str, ...] = ()
    gives: Any = ()

    @staticmethod
    def map(entry, params):
        yield "key", 1


class Fine(Program):
    """What every other program is followed by."""

    ends, gives = "ready", (("key", 1),)


# --- it raises


class MapRaises(Program):
    says = ("KeyError: 'no such thing'",)

    @staticmethod
    def map(entry, params):
        yield {}["no such thing"], 1  # here


class ReduceRaises(Program):
    says = ("ZeroDivisionError", "reduce:0")

    @staticmethod
    def reduce(iter, params):
        for key, value in iter:
            yield key, value / 0  # here


class OldReduceRaises(Program):
    says = ("ZeroDivisionError", "reduce:0")

    @staticmethod
    def reduce(iter, out, params):
        for key, value in iter:
            out.add(key, value / 0)  # here


class CombinerRaises(Program):
    says = ("RuntimeError: I do not combine",)

    @staticmethod
    def combiner(key, value, buffer, done, params):
        raise RuntimeError("I do not combine")  # here


class PartitionRaises(Program):
    partitions = 2
    says = ("RuntimeError: I do not part",)

    @staticmethod
    def partition(key, nr_partitions, params):
        raise RuntimeError("I do not part")  # here

    @staticmethod
    def reduce(iter, params):
        yield from iter


class InitRaises(Program):
    says = ("RuntimeError: not today",)

    @staticmethod
    def map_init(input_iter, params):
        raise RuntimeError("not today")  # here


class ReaderRaisesHalfWay(Program):
    says = ("RuntimeError: torn page",)

    @staticmethod
    def map_reader(fd, size, url, params):
        yield "first"
        raise RuntimeError("torn page")  # here


class InputStreamRaises(Program):
    says = ("RuntimeError: dry",)

    @staticmethod
    def map_input_stream(stream, size, url, params):
        raise RuntimeError("dry")  # here


class OutputStreamRaises(Program):
    says = ("RuntimeError: blocked",)

    @staticmethod
    def map_output_stream(stream, partition, url, params):
        raise RuntimeError("blocked")  # here


class SystemExits(Program):
    says = ("SystemExit",)

    @staticmethod
    def map(entry, params):
        sys.exit(3)  # here


class SystemExitsAsIfWell(Program):
    says = ("SystemExit",)

    @staticmethod
    def map(entry, params):
        sys.exit(0)  # here


class Interrupts(Program):
    says = ("KeyboardInterrupt",)

    @staticmethod
    def map(entry, params):
        raise KeyboardInterrupt  # here


class RaisesWhatIsNoException(Program):
    says = ("Stop",)

    @staticmethod
    def map(entry, params):
        class Stop(BaseException):
            pass

        raise Stop("me")  # here


class RaisesWhatCannotBePrinted(Program):
    says = ("Mute",)

    @staticmethod
    def map(entry, params):
        class Mute(Exception):
            def __str__(self):
                raise ValueError("I have no words")

        raise Mute  # here


class RaisesSurrogates(Program):
    says = ("ValueError: half a character",)

    @staticmethod
    def map(entry, params):
        raise ValueError("half a character: \ud800")  # here


class RaisesTenMegabytes(Program):
    says = ("ValueError: xxxxxxxx",)

    @staticmethod
    def map(entry, params):
        raise ValueError("x" * 10_000_000)  # here


class RaisesWithACause(Program):
    says = ("the first cause", "the second")

    @staticmethod
    def map(entry, params):
        try:
            raise KeyError("the first cause")
        except KeyError as error:
            raise RuntimeError("the second") from error  # here


class RaisesAGroup(Program):
    says = ("two at once",)

    @staticmethod
    def map(entry, params):
        raise ExceptionGroup("two at once", [ValueError("one"), TypeError("two")])  # here


class StopsIterating(Program):
    says = ("generator raised StopIteration",)

    @staticmethod
    def map(entry, params):
        yield "key", next(iter([]))  # here


class Recurses(Program):
    says = ("RecursionError",)

    @staticmethod
    def map(entry, params):
        def deeper(n):
            return deeper(n + 1)  # here

        yield "key", deeper(0)


class ImportsWhatIsNotThere(Program):
    says = ("ModuleNotFoundError: No module named 'no_such_module_anywhere'",)

    @staticmethod
    def map(entry, params):
        import no_such_module_anywhere  # here

        yield "key", no_such_module_anywhere


class HasABadCodeAtRunTime(Program):
    says = ("SyntaxError",)

    @staticmethod
    def map(entry, params):
        exec("def broken(:")  # here
        yield "key", 1


# --- it gives the wrong shapes


class YieldsANumber(Program):
    says = ("what the map (programs.py, line ", "gave can't be used", "int")

    @staticmethod
    def map(entry, params):
        yield 7


class YieldsATriple(Program):
    says = ("what the map (programs.py, line ", "gave can't be used", "too many values")

    @staticmethod
    def map(entry, params):
        yield "a", "b", "c"


class MapReturnsANumber(Program):
    says = ("what the map (programs.py, line ", "gave can't be used", "int")

    @staticmethod
    def map(entry, params):
        return 7


class MapReturnsNothing(Program):
    says = ("what the map (programs.py, line ", "NoneType", "yield them, or return an iterable")

    @staticmethod
    def map(entry, params):
        return None


class KeyIsAList(Program):
    ends, gives = "ready", ((["a", "list"], 1),)

    @staticmethod
    def map(entry, params):
        yield ["a", "list"], 1


class KeyIsASetInAList(Program):
    """Nothing that can be hashed; partitions are told from what it is pickled to."""

    partitions = 2
    ends, gives = "ready", (([{"a set"}], 1),)

    @staticmethod
    def map(entry, params):
        yield [{"a set"}], 1

    @staticmethod
    def reduce(iter, params):
        yield from iter


class ValueCannotBePickled(Program):
    says = ("pickle",)

    @staticmethod
    def map(entry, params):
        yield "key", threading.Lock()


class PartitionIsNegative(Program):
    partitions = 2
    says = ("the partition function returned -1",)

    @staticmethod
    def partition(key, nr_partitions, params):
        return -1

    @staticmethod
    def reduce(iter, params):
        yield from iter


class PartitionIsTooHigh(PartitionIsNegative):
    says = ("the partition function returned 2",)

    @staticmethod
    def partition(key, nr_partitions, params):
        return nr_partitions


class PartitionIsText(PartitionIsNegative):
    says = ("the partition function returned 'one'",)

    @staticmethod
    def partition(key, nr_partitions, params):
        return "one"


class CombinerReturnsANumber(Program):
    says = ("what the combiner (programs.py, line ",)

    @staticmethod
    def combiner(key, value, buffer, done, params):
        return 7


class ReduceYieldsANumber(Program):
    says = ("what the reduce (programs.py, line ",)

    @staticmethod
    def reduce(iter, params):
        yield 7


class KeysOfAllKinds(Program):
    """Kinds that Python does not compare; sorted all the same."""

    sort = True
    partitions = 1
    ends = "ready"

    @staticmethod
    def map(entry, params):
        for key in (None, 2, "two", b"two", (1, "a"), 1.5, True, float("nan")):
            yield key, 1

    @staticmethod
    def reduce(iter, params):
        yield "count", sum(value for _, value in iter)

    gives = (("count", 8),)


class Surrogates(Program):
    ends, gives = "ready", (("half \ud800", "\udfff"),)

    @staticmethod
    def map(entry, params):
        yield "half \ud800", "\udfff"


class AHugeRecord(Program):
    ends, gives = "ready", (("length", 20_000_000),)

    @staticmethod
    def map(entry, params):
        yield "key", "x" * 20_000_000

    @staticmethod
    def reduce(iter, params):
        for _, value in iter:
            yield "length", len(value)


# --- it plays with its files and its surroundings


class PrintsBinary(Program):
    ends, gives = "ready", (("key", 1),)

    @staticmethod
    def map(entry, params):
        sys.stdout.buffer.write(b"\x00\xff\xfe\n" * 50) if hasattr(sys.stdout, "buffer") else print(
            "\x00\xff\n"
        )
        os.write(1, b"\x00\xff\xfe\n" * 50)
        yield "key", 1


class PrintsFrames(Program):
    """What it prints looks like the protocol, and is not taken for it."""

    ends, gives = "ready", (("key", 1),)

    @staticmethod
    def map(entry, params):
        os.write(1, b'FATAL 4 "no"\nDONE 2 ""\n')
        print('FATAL 4 "no"\nDONE 2 ""', flush=True)
        yield "key", 1


class PrintsSurrogates(Program):
    ends, gives = "ready", (("key", 1),)

    @staticmethod
    def map(entry, params):
        print("half a character: \ud800")
        yield "key", 1


class PrintsALot(Program):
    """Printing is throttled, never deadly: but this is no flood that ends a job."""

    ends, gives = "ready", (("key", 1),)

    @staticmethod
    def map(entry, params):
        print("\n".join(f"line {n}" for n in range(20)))
        sys.stderr.write("e" * 200_000)
        yield "key", 1


class ClosesStdout(Program):
    ends, gives = "ready", (("key", 1),)

    @staticmethod
    def map(entry, params):
        sys.stdout.close()
        yield "key", 1


class ClosesAllLowDescriptors(Program):
    """Its line to Disco is gone with them, so it can only die; the reason must not be lost."""

    says = ("map:0",)

    @staticmethod
    def map(entry, params):
        os.closerange(0, 64)
        yield "key", 1


class ChangesFolder(Program):
    ends, gives = "ready", (("key", 1),)

    @staticmethod
    def map(entry, params):
        os.chdir("/")
        yield "key", 1


class EmptiesTheEnvironment(Program):
    ends, gives = "ready", (("key", 1),)

    @staticmethod
    def map(entry, params):
        os.environ.clear()
        yield "key", 1


class BreaksBuiltins(Program):
    """It may break its own task, and no other."""

    ends = "any"

    @staticmethod
    def map(entry, params):
        import builtins

        builtins.len = None
        builtins.print = None
        sys.modules["json"] = None
        yield "key", 1


class ForgetsItsModules(Program):
    ends = "any"

    @staticmethod
    def map(entry, params):
        sys.modules.clear()
        yield "key", 1


class LimitsItsFiles(Program):
    ends = "any"

    @staticmethod
    def map(entry, params):
        import resource

        resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))
        yield "key", 1


class RemovesItsHome(Program):
    """Its own job home, not that of others."""

    ends = "any"

    @staticmethod
    def map(entry, params):
        import shutil

        shutil.rmtree(Path.cwd(), ignore_errors=True)
        yield "key", 1


# --- it plays with processes


class ExitsAtOnce(Program):
    says = ("exit status 0",)

    @staticmethod
    def map(entry, params):
        os._exit(0)


class ExitsWithAStatus(Program):
    says = ("exit status 3", "last words")

    @staticmethod
    def map(entry, params):
        sys.stderr.write("last words\n")
        sys.stderr.flush()
        os._exit(3)


class KillsItself(Program):
    says = ("SIGKILL",)

    @staticmethod
    def map(entry, params):
        os.kill(os.getpid(), signal.SIGKILL)
        yield "key", 1


class Crashes(Program):
    says = ("SIGSEGV",)

    @staticmethod
    def map(entry, params):
        ctypes.string_at(0)
        yield "key", 1


class Aborts(Program):
    says = ("SIGABRT",)

    @staticmethod
    def map(entry, params):
        os.abort()


class ForksAndBothGoOn(Program):
    """Two processes yield and write; what one of them says twice must not count twice."""

    ends = "any"

    @staticmethod
    def map(entry, params):
        os.fork()
        yield "key", 1


class LeavesAChild(Program):
    """The child keeps the pipes open and never ends."""

    ends, gives = "ready", (("key", 1),)

    @staticmethod
    def map(entry, params):
        if os.fork() == 0:
            signal.pause()
        yield "key", 1


class LeavesAThread(Program):
    ends, gives = "ready", (("key", 1),)

    @staticmethod
    def map(entry, params):
        threading.Thread(target=threading.Event().wait).start()
        yield "key", 1


class ExitHandlerRaises(Program):
    ends, gives = "ready", (("key", 1),)

    @staticmethod
    def map(entry, params):
        import atexit

        atexit.register(lambda: 1 / 0)
        yield "key", 1


class UsesAllItsMemory(Program):
    says = ("memory",)

    @staticmethod
    def map(entry, params):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))
        hoard = []
        while True:
            hoard.append(bytearray(16 << 20))


class RecursesIntoTheStack(Program):
    """Python's own guard is taken away: the process dies of it."""

    says = ("map:0",)

    @staticmethod
    def map(entry, params):
        sys.setrecursionlimit(10**9)

        class Deep:
            def __repr__(self):
                return repr(self)

        yield "key", repr(Deep())


# --- it never ends: the test kills these


class NeverEnds(Program):
    ends = "killed"

    @staticmethod
    def map(entry, params):
        while True:
            pass


class NeverEndsAndIgnoresSignals(Program):
    ends = "killed"

    @staticmethod
    def map(entry, params):
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        while True:
            signal.pause()


class YieldsForEver(Program):
    ends = "killed"

    @staticmethod
    def map(entry, params):
        while True:
            yield "key", 1

    @staticmethod
    def combiner(key, value, buffer, done, params):
        buffer[key] = value
        return buffer.items() if done else None
