# SPDX-License-Identifier: MIT
"""A second peer, written from docs/PROTOCOL.md alone."""
