"""How a graph becomes a picture: blocks from the names, words for the nodes, SVG, and a page to explore."""
