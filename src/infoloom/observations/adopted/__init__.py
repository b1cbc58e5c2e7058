"""Pretrained models of other packages as stored graphs of pure operators: no pickle, no foreign code."""
