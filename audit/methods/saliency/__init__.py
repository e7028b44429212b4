"""Saliency by gradients: plain, averaged under noise, and of the last convolution."""
