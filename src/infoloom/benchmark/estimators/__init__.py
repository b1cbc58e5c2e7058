"""The benchmark of estimators."""
