"""Fusion, with our own palette and a few rules, so that every platform shows the same product."""

from __future__ import annotations

from PySide6.QtGui import QColor, QFontInfo, QGuiApplication, QPalette

from circuitviz.resources import resource_path
from circuitviz.scene.theme import Theme, blend_hex

# Qt renders any text of a label or tooltip that looks like HTML, and then reads the files that it names.
# Qt makes labels of its own for tooltips and message boxes, so the format is set where every label gets it:
# when it is polished, which is before its size is asked for and before it is painted.
PLAIN_TEXT_RULES = """
    QLabel, QToolTip { qproperty-textFormat: PlainText; }
    MarkupLabel { qproperty-textFormat: RichText; }
"""
# Of the window itself, in all themes: what the window's sheet says is polished into all of its children.
WINDOW_STYLESHEET = (
    PLAIN_TEXT_RULES
    + """
    QMainWindow::separator { background: transparent; width: 6px; height: 6px; }
    QMainWindow::separator:hover { background: rgba(128, 128, 128, 80); }
"""
)


def qt_palette(theme: Theme) -> QPalette:
    """The theme as a Qt palette."""
    roles = QPalette.ColorRole
    colours = {
        roles.Window: theme.window,
        roles.WindowText: theme.text,
        roles.Base: theme.panel,
        roles.AlternateBase: theme.window,
        roles.Text: theme.text,
        roles.Button: theme.raised,
        roles.ButtonText: theme.text,
        roles.BrightText: theme.warning,
        roles.Highlight: theme.accent,
        roles.HighlightedText: theme.on_accent,
        roles.ToolTipBase: theme.raised,
        roles.ToolTipText: theme.text,
        roles.PlaceholderText: theme.muted,
        roles.Link: theme.accent,
        roles.Mid: theme.line,
        roles.Dark: theme.line,
        roles.Light: theme.raised,
    }
    made = QPalette()
    for role, colour in colours.items():
        made.setColor(role, QColor(colour))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, _mean_colour(theme.muted, theme.panel))
    return made


def stylesheet(theme: Theme) -> str:
    """Rules for what the palette cannot say, among them sizes of text, which follow the application's."""
    t = theme
    text = QFontInfo(QGuiApplication.font()).pixelSize()
    chevron, check, back, on, close, float_ = (
        resource_path("icons", f"{name}-{t.name}.svg").as_posix()
        for name in ("chevron", "check", "back", "on", "close", "float")
    )
    return f"""{PLAIN_TEXT_RULES}
    QMainWindow, QDialog {{ background: {t.window}; }}
    QDockWidget {{ color: {t.text}; titlebar-close-icon: url("{close}");
                  titlebar-normal-icon: url("{float_}"); }}
    QDockWidget::close-button, QDockWidget::float-button {{ border: none; background: transparent;
        border-radius: 3px; padding: 1px; }}
    QDockWidget::close-button:hover, QDockWidget::float-button:hover {{ background: {t.line}; }}
    QDockWidget::title {{ background: {t.window}; padding: 7px 10px 5px 10px; text-align: left; }}
    QDockWidget > QWidget, QWidget#panel {{ background: {t.panel}; }}
    QScrollArea, QScrollArea > QWidget > QWidget {{ background: {t.panel}; border: none; }}
    QToolButton#dockHelp {{ padding: 0; border-radius: 3px; color: {t.text}; background: transparent; }}
    QToolButton#dockHelp:hover {{ background: {t.line}; }}
    QToolButton#dockFloat {{ padding: 0; border: none; background: transparent; border-radius: 3px;
        image: url("{float_}"); }}
    QToolButton#dockFloat:hover {{ background: {t.line}; }}
    QFrame#places {{ background: {t.panel}; border: 0; border-top: 1px solid {t.line}; }}
    QToolButton#place {{ padding: 5px 11px; border: none; border-top: 2px solid transparent; border-radius: 0;
        color: {t.muted}; }}
    QToolButton#place:checked {{ background: transparent; border-top-color: {t.accent}; color: {t.text}; }}
    QToolButton#place:hover {{ color: {t.text}; }}
    QToolButton#place:focus {{ border-top-color: {t.accent}; color: {t.text}; }}
    QToolBar#searchStrip {{ padding: 1px; border: none; border-right: 1px solid {t.line}; }}
    QToolButton#sideways {{ padding: 2px 9px; }}
    QSplitter::handle:vertical {{ background: transparent; height: 5px; }}
    QToolBar {{ background: {t.panel}; border: none; border-bottom: 1px solid {t.line};
               padding: 2px; spacing: 2px; }}
    QToolBar::separator {{ background: {t.line}; width: 1px; margin: 5px 7px; }}
    QToolButton {{ padding: 4px 7px; border: 1px solid transparent; border-radius: 6px; color: {t.text}; }}
    QToolButton:focus {{ border-color: {t.accent}; }}
    QToolButton:hover {{ background: {t.window}; }}
    QToolButton:pressed, QToolButton:checked {{ background: {t.line}; }}
    QToolButton::menu-indicator {{ image: none; }}
    QToolButton:disabled {{ color: {_hex_name(_mean_colour(t.muted, t.panel))}; }}
    QMenuBar {{ background: {t.panel}; padding: 2px 6px; }}
    QMenuBar::item {{ padding: 4px 9px; border-radius: 5px; background: transparent; }}
    QMenuBar::item:selected {{ background: {t.window}; }}
    QMenu {{ background: {t.raised}; border: 1px solid {t.line}; padding: 5px; }}
    QMenu::item {{ padding: 5px 26px 5px 12px; border-radius: 4px; }}
    QMenu::item:selected {{ background: {t.accent}; color: {t.on_accent}; }}
    QMenu::item:disabled {{ color: {_hex_name(_mean_colour(t.muted, t.panel))}; }}
    QMenu::separator {{ height: 1px; background: {t.line}; margin: 5px 8px; }}
    QPushButton {{ background: {t.raised}; border: 1px solid {t.line}; border-radius: 6px;
                  padding: 6px 14px; color: {t.text}; }}
    QPushButton:hover {{ border-color: {t.accent}; }}
    QPushButton:focus {{ border-color: {t.accent}; }}
    QPushButton:disabled {{ color: {_hex_name(_mean_colour(t.muted, t.panel))}; }}
    QPushButton#primary {{ background: {t.accent}; color: {t.on_accent}; border-color: {t.accent};
                          font-weight: 600; }}
    QPushButton#primary:focus {{ border-color: {t.text}; }}
    QPushButton#primary:disabled {{ background: {t.line}; color: {t.muted}; border-color: {t.line}; }}
    QPushButton#link {{ background: transparent; border: none; color: {t.accent}; padding: 3px 0;
                       text-align: left; }}
    QPushButton#link[dimmed="true"] {{ color: {t.muted}; }}
    QPushButton#link:hover, QPushButton#link:focus {{ text-decoration: underline; }}
    QFrame#notice {{ background: {t.raised}; border: 0; border-bottom: 1px solid {t.line}; }}
    QFrame#paneHeader {{ background: {t.window}; border: 0; border-bottom: 2px solid {t.line}; }}
    QFrame#paneHeader[isActive="true"] {{ background: {t.panel}; border-bottom-color: {t.accent}; }}
    QFrame#paneHeader[isActive="true"] QLabel {{ color: {t.text}; }}
    QFrame#card {{ background: {t.raised}; border: 1px solid {t.line}; border-radius: 9px; }}
    QFrame#card QListWidget {{ background: transparent; }}
    QToolButton#chip {{ border: 1px solid {t.line}; padding: 3px 7px; color: {t.muted}; }}
    QToolButton#chip:checked {{ background: {blend_hex(t.accent, t.panel, 0.2)}; border-color: {t.accent};
                               color: {t.text}; }}
    QToolButton#chip:focus {{ border-color: {t.accent}; }}
    QLabel#key {{ background: {t.window}; border: 1px solid {t.line}; border-bottom-width: 2px;
                 border-radius: 5px; padding: 1px 6px; color: {t.text}; }}
    QLabel#drop {{ background: {t.raised}; border: 2px dashed {t.accent}; border-radius: 9px;
                  padding: 18px 26px; color: {t.text}; font-weight: 600; }}
    QPushButton#card {{ text-align: left; padding: 12px 14px; border-radius: 8px;
                       background: {t.panel}; }}
    QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit {{ background: {t.panel};
        border: 1px solid {t.line}; border-radius: 6px; padding: 4px 7px; color: {t.text};
        selection-background-color: {t.accent}; selection-color: {t.on_accent};
        min-height: {round(1.5 * text)}px; }}
    QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus,
    QPlainTextEdit:focus {{ border-color: {t.accent}; }}
    QSpinBox, QDoubleSpinBox {{ padding-top: 3px; padding-bottom: 2px; }}
    QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ width: 0; height: 0; border: none; }}
    QAbstractSpinBox QLineEdit, QComboBox QLineEdit {{ border: none; padding: 0; min-height: 0;
        background: transparent; }}
    QComboBox::drop-down {{ border: none; width: 22px; }}
    QComboBox::down-arrow {{ image: url("{chevron}"); width: 12px; height: 12px; }}
    QComboBox QAbstractItemView {{ background: {t.raised}; border: 1px solid {t.line};
        selection-background-color: {t.accent}; selection-color: {t.on_accent}; padding: 3px 0; }}
    QComboBox QAbstractItemView::item, QListView#completions::item {{ min-height: {round(1.9 * text)}px;
        padding: 0 7px; }}
    QTabBar {{ qproperty-elideMode: ElideNone; qproperty-usesScrollButtons: true; }}
    QTabBar::tab {{ background: transparent; color: {t.muted}; padding: 6px 7px;
                   border: none; border-bottom: 2px solid transparent; }}
    QTabBar::tab:selected {{ color: {t.text}; border-bottom: 2px solid {t.accent}; }}
    QTabBar#documents {{ qproperty-elideMode: ElideMiddle; }}
    QTabBar#documents::tab {{ padding: 5px 6px 5px 10px; max-width: {22 * text}px; border-radius: 0;
                             border-bottom: 2px solid transparent; }}
    QTabBar#documents::tab:hover {{ background: {t.panel}; }}
    QTabBar#documents::tab:selected {{ background: {t.panel}; border-bottom: 2px solid {t.accent}; }}
    QTabBar#documents::close-button {{ image: url("{close}"); width: 12px; height: 12px; padding: 2px;
                                          margin-left: 4px; border-radius: 3px; }}
    QTabBar#documents::close-button:hover {{ background: {t.line}; }}
    QTabBar::scroller {{ width: 22px; }}
    QTabBar QToolButton {{ background: {t.window}; border: none; border-radius: 0; padding: 0; }}
    QTabBar QToolButton:hover {{ background: {t.line}; }}
    QTabBar QToolButton::left-arrow {{ image: url("{back}"); width: 12px; height: 12px; }}
    QTabBar QToolButton::right-arrow {{ image: url("{on}"); width: 12px; height: 12px; }}
    QTabBar:focus {{ border-bottom: 1px solid {t.accent}; }}
    QTabWidget::pane {{ border: none; border-top: 1px solid {t.line}; }}
    QTableView, QTreeWidget, QListWidget {{ background: {t.panel}; border: none;
        gridline-color: {t.line}; alternate-background-color: {t.window}; }}
    QTableView::item, QListWidget::item, QTreeWidget::item {{ padding: 3px 6px; }}
    QTableView::item:selected, QTreeWidget::item:selected, QListWidget::item:selected {{
        background: {t.accent}; color: {t.on_accent}; }}
    QHeaderView {{ background: {t.panel}; border: none; }}
    QHeaderView::section {{ background: {t.panel}; color: {t.muted}; border: none;
        border-bottom: 1px solid {t.line}; padding: 4px 6px; }}
    QProgressBar {{ background: {t.line}; border: none; border-radius: 3px; max-height: 6px; }}
    QProgressBar::chunk {{ background: {t.accent}; border-radius: 3px; }}
    QSlider::groove:horizontal {{ height: 4px; background: {t.line}; border-radius: 2px; }}
    QSlider::sub-page:horizontal {{ background: {t.accent}; border-radius: 2px; }}
    QSlider::handle:horizontal {{ background: {t.accent}; width: 14px; height: 14px;
        margin: -5px 0; border-radius: 7px; border: 2px solid {t.panel}; }}
    QSlider::handle:horizontal:focus {{ border-color: {t.text}; }}
    QCheckBox::indicator {{ width: 13px; height: 13px; border: 1px solid {t.muted}; border-radius: 3px;
        background: {t.panel}; }}
    QCheckBox::indicator:hover, QCheckBox:focus::indicator {{ border-color: {t.accent}; }}
    QCheckBox::indicator:disabled {{ border-color: {t.line}; }}
    QCheckBox::indicator:checked {{ background: {t.accent}; border-color: {t.accent};
        image: url("{check}"); }}
    QCheckBox::indicator:checked:disabled {{ background: {t.line}; border-color: {t.line}; }}
    QStatusBar {{ background: {t.panel}; border-top: 1px solid {t.line}; color: {t.muted}; }}
    QStatusBar::item {{ border: none; }}
    QToolTip {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.line};
               padding: 5px 7px; }}
    QLabel#muted {{ color: {t.muted}; }}
    QLabel#heading {{ font-weight: 600; }}
    QLabel#title {{ font-size: {round(1.35 * text)}px; font-weight: bold; }}
    QLabel#headline {{ font-size: {round(1.9 * text)}px; font-weight: bold; }}
    QLabel#number {{ font-size: {round(2.8 * text)}px; font-weight: bold; }}
    QLabel#qt_msgbox_label {{ font-weight: 600; }}
    QLabel#qt_msgbox_informativelabel {{ min-width: {28 * text}px; }}
    QLabel#warning {{ color: {t.warning}; }}
    QScrollBar:vertical {{ background: transparent; width: 10px; margin: 2px; }}
    QScrollBar::handle:vertical {{ background: {t.line}; border-radius: 3px; min-height: 24px; }}
    QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 2px; }}
    QScrollBar::handle:horizontal {{ background: {t.line}; border-radius: 3px; min-width: 24px; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    """


def _mean_colour(a: str, b: str) -> QColor:
    one, two = QColor(a), QColor(b)
    return QColor(
        (one.red() + two.red()) // 2,
        (one.green() + two.green()) // 2,
        (one.blue() + two.blue()) // 2,
    )


def _hex_name(colour: QColor) -> str:
    return colour.name()
