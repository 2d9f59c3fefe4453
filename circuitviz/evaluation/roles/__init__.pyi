from .registry import HeadScores as HeadScores
from .registry import RoleTestContext as RoleTestContext
from .registry import head_names as head_names
from .registry import role_tests as role_tests
from .role_table import RoleTable as RoleTable
from .role_table import head_percentile as head_percentile
from .role_table import role_table_steps as role_table_steps
