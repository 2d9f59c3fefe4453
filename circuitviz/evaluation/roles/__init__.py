"""Role tests: what kind of head each head is. Each standard test of a role is one file."""

from circuitviz.evaluation.roles.registry import HeadScores, RoleTestContext, head_names, role_tests
from circuitviz.evaluation.roles.role_table import RoleTable, head_percentile, role_table_steps

__all__ = [
    "HeadScores",
    "RoleTestContext",
    "RoleTable",
    "head_names",
    "head_percentile",
    "role_tests",
    "role_table_steps",
]
