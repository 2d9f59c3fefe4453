"""The one table of actions: menus, toolbar, shortcuts and the shortcut sheet read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow

Handler = Callable[["MainWindow"], None]


@dataclass(frozen=True)
class ActionEntry:
    """One action. ``needs``: nothing, ``circuit``, ``selection``, ``node`` or ``ablated``."""

    id: str
    text: str
    menu: str
    handler: Handler
    shortcut: str = ""
    icon: str = ""
    needs: str = ""
    toolbar: bool = False


ACTIONS: dict[str, ActionEntry] = {}


def action(
    id: str,  # noqa: A002
    text: str,
    menu: str,
    shortcut: str = "",
    icon: str = "",
    needs: str = "",
    toolbar: bool = False,
) -> Callable[[Handler], Handler]:
    """Put a function into the table."""

    def decorate(handler: Handler) -> Handler:
        ACTIONS[id] = ActionEntry(id, text, menu, handler, shortcut, icon, needs, toolbar)
        return handler

    return decorate


@action("new", "Start page", "File", "Ctrl+N")
def _new(window: MainWindow) -> None:
    window.show_start()


@action("open", "Open…", "File", "Ctrl+O", "open", toolbar=True)
def _open(window: MainWindow) -> None:
    window.files.ask_open()


@action("save", "Save", "File", "Ctrl+S", "save", "circuit", toolbar=True)
def _save(window: MainWindow) -> None:
    window.files.save()


@action("save-as", "Save as…", "File", "Ctrl+Shift+S", needs="circuit")
def _save_as(window: MainWindow) -> None:
    window.files.save_as()


@action("export", "Export…", "File", "Ctrl+E", "export", "circuit", toolbar=True)
def _export(window: MainWindow) -> None:
    window.files.ask_export()


@action("quit", "Quit", "File", "Ctrl+Q")
def _quit(window: MainWindow) -> None:
    window.close()


@action("ablate", "Ablate or restore", "Edit", "A", "ablate", "selection", toolbar=True)
def _ablate(window: MainWindow) -> None:
    window.toggle_ablation()


@action("restore", "Restore everything", "Edit", "Shift+A", "restore", "ablated", toolbar=True)
def _restore(window: MainWindow) -> None:
    window.restore_all()


@action("label", "Label", "Edit", "L", "label", "node", toolbar=True)
def _label(window: MainWindow) -> None:
    window.begin_label()


@action("select-all", "Select all nodes", "Edit", "Ctrl+A", needs="circuit")
def _select_all(window: MainWindow) -> None:
    window.view.select(set(window.view.picture.by_name))


@action("copy-command", "Copy as a command", "Edit", "Ctrl+Shift+C", needs="circuit")
def _copy_command(window: MainWindow) -> None:
    window.copy_command()


@action("run", "Find circuit", "Discovery", "Ctrl+R", "run")
def _run(window: MainWindow) -> None:
    window.find()


@action("cancel", "Cancel the running job", "Discovery", "Ctrl+.", "cancel")
def _cancel(window: MainWindow) -> None:
    window.desk.cancel()


@action("curve", "Measure the faithfulness curve", "Discovery", needs="circuit")
def _curve(window: MainWindow) -> None:
    window.desk.draw_curve()


@action("fit", "Show everything", "View", "F", "fit", "circuit", toolbar=True)
def _fit(window: MainWindow) -> None:
    window.view.fit()


@action("zoom-in", "Zoom in", "View", "Ctrl++", "zoom-in", "circuit", toolbar=True)
def _zoom_in(window: MainWindow) -> None:
    window.view.zoom_by(1.25)


@action("zoom-out", "Zoom out", "View", "Ctrl+-", "zoom-out", "circuit", toolbar=True)
def _zoom_out(window: MainWindow) -> None:
    window.view.zoom_by(0.8)


@action("layout", "Next layout", "View", "Ctrl+L", needs="circuit")
def _layout(window: MainWindow) -> None:
    window.next_layout()


@action("theme", "Light or dark", "View", "Ctrl+T", "theme", toolbar=True)
def _theme(window: MainWindow) -> None:
    window.switch_theme()


@action("theme-system", "Colours follow the system", "View")
def _theme_system(window: MainWindow) -> None:
    window.follow_system()


@action("shortcuts", "Shortcuts", "Help", "F1")
def _shortcuts(window: MainWindow) -> None:
    window.show_shortcuts()


@action("about", "About circuitviz", "Help")
def _about(window: MainWindow) -> None:
    window.show_about()
