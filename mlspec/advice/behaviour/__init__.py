"""What the project's code does when a container starts it, read from its text: nothing is run or imported."""

from mlspec.advice.behaviour.listening import Listening, find_listening
from mlspec.advice.behaviour.program import Program, Start, read_program
from mlspec.advice.behaviour.results import Result, find_results

__all__ = ["Listening", "Program", "Result", "Start", "find_listening", "find_results", "read_program"]
