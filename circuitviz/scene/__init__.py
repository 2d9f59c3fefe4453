"""What is drawn, as data: nodes, edges, filters, folding, comparison. Free of Qt."""
