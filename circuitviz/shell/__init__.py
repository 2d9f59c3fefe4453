"""The application: window, actions, settings, and the command line."""
