"""Shapes as SVG and TikZ."""
