"""What kind of head is it? Each standard test of a role is one file here."""

from circuitviz.evaluation.roles.registry import HeadScores, Probe, head_names, roles
from circuitviz.evaluation.roles.table import RoleTable, percentile, table_steps

__all__ = ["HeadScores", "Probe", "RoleTable", "head_names", "percentile", "roles", "table_steps"]
