"""Board meetings: four personas answer one question, object to each other, and are summed up."""

from officium.apps.personas.board.errors import CeilingTooLow
from officium.apps.personas.board.meeting import Ceiling, Synthesis
from officium.apps.personas.board.service import BoardService

__all__ = ["BoardService", "Ceiling", "CeilingTooLow", "Synthesis"]
