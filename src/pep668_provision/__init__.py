"""The pyinfra way to give every host the Python things it should have; the engine is the Ansible collection's."""
