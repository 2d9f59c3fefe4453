from .connection import Connection as Connection
from .connection import open_connection as open_connection
from .place import PLACE_FORMS as PLACE_FORMS
from .place import Place as Place
from .place import parse_place as parse_place
from .run_cells import run_cells_on as run_cells_on
