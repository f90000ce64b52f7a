"""The invented market that every vendor of the sandbox reads."""
