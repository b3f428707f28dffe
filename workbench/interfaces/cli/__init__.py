"""The command line: ``workbench <step of the loop>``. Exit codes say the outcome, ``--json`` the record."""
