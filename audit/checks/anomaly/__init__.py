"""LIME for tables: sampled neighbourhoods, weighted linear surrogates of many rows at once, and how well and how stably they fit."""
