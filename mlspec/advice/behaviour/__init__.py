"""What the project's code does when a container starts it, read from its text: nothing is run or imported."""

from mlspec.advice.behaviour.listening import Listening, find_listening
from mlspec.advice.behaviour.program import Program, Start, read_program
from mlspec.advice.behaviour.written_paths import WrittenPath, find_written_paths

__all__ = ["Listening", "Program", "WrittenPath", "Start", "find_listening", "find_written_paths", "read_program"]
