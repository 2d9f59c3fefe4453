from .convert import from_eap_ig as from_eap_ig
from .convert import from_networkx as from_networkx
