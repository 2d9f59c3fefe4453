"""What kind of head is it? Each standard test of a role is one file here."""

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
