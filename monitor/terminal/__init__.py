"""What a person sees in a terminal: lines, the live view, the choice between them."""
