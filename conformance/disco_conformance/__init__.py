"""Whether a program speaks the Disco worker protocol: sessions played against it, byte by byte."""

__version__ = "1.0.0.dev0"
