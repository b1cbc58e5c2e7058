"""Sources that are not plain normal variables: distributions of causes, and functions of causes."""
