"""WHICH chain: each experiment routes argsets through stages."""
