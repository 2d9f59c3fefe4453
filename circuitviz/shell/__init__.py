"""The main window, its menus and dialogs; it wires the layers below and computes nothing."""
