"""`python -m thawline`: the command, where its script is not on the path."""

from thawline.cli import program

if __name__ == "__main__":
    program()
