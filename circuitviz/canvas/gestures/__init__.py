"""Ways of touching the canvas: each is one class in one file, found by walking this package."""

from circuitviz.canvas.gestures.registry import Gesture, MousePress, gestures

__all__ = ["Gesture", "MousePress", "gestures"]
