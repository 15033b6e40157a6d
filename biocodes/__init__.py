"""Stand-alone commands on files; what they share is in biocodes/lib."""
