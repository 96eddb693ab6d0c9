"""The portal at the size of the whole history: its data, the engines that were compared, and the load it stands."""
