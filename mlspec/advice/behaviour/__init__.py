"""The analysis of a project's program by its source text; it neither runs nor imports the program."""

from mlspec.advice.behaviour.listening import Listening, find_listening
from mlspec.advice.behaviour.program import Program, Start, read_program
from mlspec.advice.behaviour.written_paths import WrittenPath, find_written_paths

__all__ = ["Listening", "Program", "WrittenPath", "Start", "find_listening", "find_written_paths", "read_program"]
