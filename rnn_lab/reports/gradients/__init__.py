"""The figures and the table of a gradient study, from gradients.json."""
