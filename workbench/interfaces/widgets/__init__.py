"""A widget is two-way work in a cell with a kernel, asked for by name. No output depends on one."""
