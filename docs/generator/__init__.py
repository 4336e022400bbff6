"""The pages of the documentation's site: those in docs/, and the reference, which is written from the sources."""
