"""Gives every host of a pyinfra run the Python things it should have; the engine is shared with the Ansible collection."""
