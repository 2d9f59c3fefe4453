from .example_files import read_example_texts as read_example_texts
from .explanation_files import Explanation as Explanation
from .explanation_files import ExplanationFile as ExplanationFile
from .explanation_files import read_explanations as read_explanations
from .explanation_store import OWN_SOURCE as OWN_SOURCE
from .explanation_store import ExplanationStore as ExplanationStore
