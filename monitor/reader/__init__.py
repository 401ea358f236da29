"""Lines → events: what a line says, in our grammar or in that of any other trainer."""
