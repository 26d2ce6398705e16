"""How a line looks: for a person with room, for a person with little, for programs."""
