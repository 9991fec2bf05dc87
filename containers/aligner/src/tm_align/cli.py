"""``tm-align``: the command line of the aligner."""
