"""Probes on frozen embeddings, and fine-tuning, full or by adapters."""
